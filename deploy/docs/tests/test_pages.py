from pathlib import Path

from deploy.docs.markdown import table
from deploy.docs.pages import FOLDER, PAGES, renew, stale
from weft.errors import CATALOGUE
from weft.metrics import catalogue


def test_every_reference_page_says_what_the_code_says() -> None:
    assert stale() == [], "run `make docs`"


def test_every_error_and_every_metric_has_its_place() -> None:
    errors, metrics = (FOLDER / "errors.md").read_text(), (FOLDER / "metrics.md").read_text()
    assert all(f"### {kind.number} {kind.name}\n" in errors for kind in CATALOGUE)
    assert all(f"| `{metric.name}` |" in metrics for metric in catalogue())


def test_what_is_missing_is_written_and_what_is_fresh_is_left(tmp_path: Path) -> None:
    assert renew(tmp_path) == list(PAGES)
    assert renew(tmp_path) == []
    (tmp_path / "errors.md").write_text("old")
    assert stale(tmp_path) == ["errors.md"]


def test_cells_cannot_break_their_table() -> None:
    assert table(["a"], [["x|y\nz"]]) == "| a |\n| --- |\n| x\\|y z |"
