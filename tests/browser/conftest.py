"""The fixtures: the built pages, a browser, a tab."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.browser import chromium
from tests.browser.axe import SCRIPT
from tests.browser.tab import opened

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.browser.tab import Tab


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All of them start a browser, and whichever is first may install it and build the pages."""
    for item in items:
        if "tests/browser" in str(item.path):
            item.add_marker(pytest.mark.slow)
            item.add_marker(pytest.mark.timeout(600))


@pytest.fixture(scope="session")
def pages() -> None:
    """The pages as their sources say."""
    subprocess.run([sys.executable, str(SCRIPT)], check=True)


@pytest.fixture(scope="session")
def browser(pages: None) -> Iterator[int]:
    """The DevTools port of a browser."""
    with chromium.running() as port:
        yield port


@pytest.fixture
def tab(browser: int) -> Iterator[Tab]:
    """A tab that must have had nothing to complain of, and asked nobody but this host."""
    with opened(browser) as tab:
        yield tab
        assert tab.complaints == []
        strangers = [url for url in tab.asked if not url.startswith("http://localhost:")]
        assert strangers == []
