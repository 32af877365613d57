"""The dashboard's own tests: types, and units in Vitest."""

import subprocess
import sys
from pathlib import Path

import pytest

from web.pages import assets

MOST_BYTES = 250_000
SCRIPT = Path(__file__).resolve().parents[2] / "build_ui.py"


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_types_and_units_of_the_pages() -> None:
    result = subprocess.run(
        [sys.executable, str(SCRIPT), "test"], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_pages_are_built_once_for_their_sources() -> None:
    first = subprocess.run(
        [sys.executable, str(SCRIPT)], capture_output=True, text=True, check=False
    )
    assert first.returncode == 0, first.stderr
    again = subprocess.run(
        [sys.executable, str(SCRIPT)], capture_output=True, text=True, check=False
    )
    assert (again.returncode, again.stderr) == (0, "")


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_pages_are_small() -> None:
    """As they are sent, with everything that the first page needs."""
    subprocess.run([sys.executable, str(SCRIPT)], check=True)
    files = assets.load(SCRIPT.parent / "web/ui/dist").files
    assert any(name.endswith(".js") for name in files)
    size = sum(len(file.compressed or file.content) for file in files.values())
    print(f"the pages have {size / 1000:.1f} kB, compressed")
    assert size <= MOST_BYTES
