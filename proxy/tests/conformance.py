"""Run what the proxy is held to, and count it: `python -m proxy.tests.conformance`.

`conformance.toml` names the items and their tests. An item passes if all of its tests do, with all their
parameters. The result is printed, and written to docs/reference/conformance.md unless something failed.
"""

from __future__ import annotations

import os
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs/reference/conformance.md"
TITLES = {
    "linkerd": "Integration tests of Linkerd's proxy",
    "units": "Unit tests of Linkerd's proxy that say something about any proxy",
    "grpc": "gRPC's interoperability cases, through both proxies",
    "attacks": "Attacks",
    "protocols": "Protocols",
    "metrics": "Metrics",
}


@dataclass(frozen=True, slots=True)
class Item:
    chapter: str
    section: str
    name: str
    tests: tuple[str, ...]
    """`FILE::TEST` from the project's root."""
    reason: str = ""
    """Why there are no tests."""


def read() -> list[Item]:
    """Every item in the order of the file."""
    items: list[Item] = []
    for chapter, content in tomllib.loads((HERE / "conformance.toml").read_text()).items():
        sections = content if chapter in ("linkerd", "units", "grpc", "attacks") else {"": content}
        for section, entries in sections.items():
            items += [_item(chapter, section, name, what) for name, what in entries.items()]
    return items


def _item(chapter: str, section: str, name: str, what: str | list[str]) -> Item:
    if isinstance(what, str):
        return Item(chapter, section, name, (), what)
    paths = []
    for one in what:
        file, _, test = one.partition("::")
        # Not resolved: a build may have put links here.
        paths.append(f"{os.path.normpath(f'proxy/tests/{file}')}::{test}")
    return Item(chapter, section, name, tuple(paths))


class Results:
    """A plugin of pytest: how often each test function passed, failed or was skipped."""

    def __init__(self) -> None:
        self.counts: dict[str, dict[str, int]] = {}

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.when == "call" or report.outcome != "passed":
            name = report.nodeid.partition("[")[0]
            found = self.counts.setdefault(name, {"passed": 0, "failed": 0, "skipped": 0})
            found[report.outcome] += 1


def outcome(item: Item, results: Results) -> str:
    if not item.tests:
        return "skipped"
    counts = [results.counts.get(test, {}) for test in item.tests]
    good = all(one.get("passed") and not one["failed"] and not one["skipped"] for one in counts)
    return "passed" if good else "failed"


def page(items: list[Item], results: Results) -> str:
    cases = sum(
        results.counts[test]["passed"] for test in {test for item in items for test in item.tests}
    )
    lines = [
        "# Conformance",
        "",
        "What the proxy is held to, and the tests that hold it. "
        "Made by `python -m proxy.tests.conformance`, which runs them.",
        "",
        f"{summary(items, results)}; {cases} cases.",
    ]
    for chapter, title in TITLES.items():
        lines += ["", f"## {title}", "", "| | Item | Tests |", "|---|---|---|"]
        for item in (one for one in items if one.chapter == chapter):
            where = ", ".join(f"`{test.rpartition('::')[2]}`" for test in item.tests)
            name = f"{item.section}: {item.name}" if item.section else item.name
            lines.append(f"| {outcome(item, results)} | {name} | {where or item.reason} |")
    return "\n".join(lines) + "\n"


def summary(items: list[Item], results: Results) -> str:
    ends = [outcome(item, results) for item in items]
    told = [f"{ends.count(end)} {end}" for end in ("passed", "failed", "skipped")]
    return f"{len(items)} items: {', '.join(told)}"


def main() -> int:
    items, results = read(), Results()
    tests = sorted({test for item in items for test in item.tests})
    pytest.main(["-q", "-p", "no:cacheprovider", *tests], plugins=[results])
    failed = [item for item in items if outcome(item, results) == "failed"]
    for chapter in TITLES:
        print(f"{chapter:10} {summary([one for one in items if one.chapter == chapter], results)}")
    print(f"{'all':10} {summary(items, results)}")
    for item in failed:
        print(f"failed: {item.chapter} {item.section}: {item.name}: {', '.join(item.tests)}")
    if not failed:
        PAGE.write_text(page(items, results))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
