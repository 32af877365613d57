"""What differs is said to users."""

from __future__ import annotations

from deploy.demo.terminal import ROOT
from tests.kubernetes_api.differences import DOCUMENTED


def test_every_difference_is_in_the_page_about_the_sandbox() -> None:
    page = " ".join((ROOT / "docs/explain/sandbox.md").read_text().split())
    assert [sentence for sentence in DOCUMENTED.values() if sentence not in page] == []
