"""The list of what the proxy is held to names tests that exist, or gives a reason; the page shows it whole."""

from __future__ import annotations

from pathlib import Path

from proxy.tests.conformance import PAGE, TITLES, read

ROOT = Path(__file__).parents[2]


def test_every_item_has_tests_or_a_reason() -> None:
    items = read()
    assert {item.chapter for item in items} == set(TITLES)
    texts = {test.partition("::")[0] for item in items for test in item.tests}
    sources = {file: (ROOT / file).read_text() for file in texts}
    for item in items:
        assert item.tests or len(item.reason) > 20, item.name
        for test in item.tests:
            file, _, name = test.partition("::")
            assert f"def {name}(" in sources[file], test


def test_the_page_shows_every_item() -> None:
    shown = PAGE.read_text()
    for item in read():
        assert f"{item.section}: {item.name} |" in shown or f"| {item.name} |" in shown, item.name
    assert " 0 failed," in shown
