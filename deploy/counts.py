"""How many tests passed, failed and were skipped, from result files alone.

`python -m deploy.counts EVENTS` reads the file that Bazel's `--build_event_json_file` wrote and finds
in it the result file of every test target, run or cached. `python -m deploy.counts RESULTS.xml` reads
one result file in JUnit's form. Both print one closing line, and fail when a test failed or none ran.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit
from xml.etree import ElementTree

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


@dataclass(frozen=True, slots=True)
class Counts:
    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.passed + other.passed, self.failed + other.failed, self.skipped + other.skipped
        )

    def __str__(self) -> str:
        line = f"{self.passed} passed, {self.failed} failed"
        return f"{line}, {self.skipped} skipped" if self.skipped else line


def count(xml: str) -> Counts:
    """One result file in JUnit's form. An unreadable one is a failure: something ended the test."""
    try:
        root = ElementTree.fromstring(xml)  # noqa: S314 (written by our own test run)
    except ElementTree.ParseError:
        return Counts(failed=1)
    total = Counts()
    for case in root.iter("testcase"):
        if case.find("failure") is not None or case.find("error") is not None:
            total += Counts(failed=1)
        elif case.find("skipped") is not None:
            total += Counts(skipped=1)
        else:
            total += Counts(passed=1)
    return total


def result_files(events: Iterable[str]) -> Iterator[Path]:
    """The test.xml of every test target that the run's events name."""
    for line in events:
        for output in json.loads(line).get("testResult", {}).get("testActionOutput", []):
            if output["name"] == "test.xml":
                yield Path(unquote(urlsplit(output["uri"]).path))


def main(arguments: list[str]) -> int:
    given = Path(arguments[0])
    if given.suffix == ".xml":
        files = [given]
    else:
        with given.open(encoding="utf-8") as events:
            files = list(result_files(events))
    total = sum((count(file.read_text(encoding="utf-8")) for file in files), Counts())
    print(total)
    return 1 if total.failed or not total.passed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
