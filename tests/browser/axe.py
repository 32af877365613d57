"""axe-core on a page: what a reader with a screen reader or without a mouse would stumble over."""

from __future__ import annotations

import functools
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.browser.tab import Tab

SCRIPT = Path(__file__).resolve().parents[2] / "services/web/build_ui.py"
GRAVE = ("serious", "critical")
_RUN = """axe.run(document, {resultTypes: ["violations"]}).then(found => found.violations.map(one =>
  [one.impact, one.id, one.nodes.map(node => node.target.join(" ") + ": " + node.failureSummary).join("; ")]))"""


def grave_findings(tab: Tab) -> list[str]:
    """What axe calls serious or critical on the page as it is now."""
    if not tab.ask("typeof axe === 'object'"):
        tab.ask(_source() + "\ntrue")
    return [f"{name}: {where}" for impact, name, where in tab.ask(_RUN) if impact in GRAVE]


@functools.cache
def _source() -> str:
    """The package lies where the dashboard's other packages do."""
    result = subprocess.run(
        [sys.executable, str(SCRIPT), "place"], capture_output=True, text=True, check=True
    )
    return (Path(result.stdout.strip()) / "node_modules/axe-core/axe.min.js").read_text()
