"""The results of `mesh check` for people (table, short) and for machines (JSON).

The layout is Linkerd's: scripts cut it.
"""

import json
from collections.abc import Iterable, Iterator
from typing import Any

import click

from cli.checks.model import Outcome, Result

SYMBOLS = {
    Outcome.SUCCESS: ("√", "green"),
    Outcome.WARNING: ("‼", "yellow"),
    Outcome.ERROR: ("×", "red"),
}


def symbol(outcome: Outcome) -> str:
    """The sign, coloured; colours are taken out where output is no terminal."""
    sign, colour = SYMBOLS[outcome]
    return click.style(sign, fg=colour, bold=True)


class TableOutput:
    """Prints while the checks run."""

    def __init__(self, *, only_problems: bool) -> None:
        self._only_problems = only_problems
        self._category = ""
        self.success = True

    def add(self, result: Result) -> Iterator[str]:
        """The lines of one result, with its category's heading before the first."""
        self.success = self.success and result.outcome is not Outcome.ERROR
        if self._only_problems and result.outcome is Outcome.SUCCESS:
            return
        if result.category != self._category:
            if self._category:
                yield ""
            yield result.category
            yield "-" * len(result.category)
            self._category = result.category
        yield f"{symbol(result.outcome)} {result.description}"
        if result.outcome is not Outcome.SUCCESS:
            yield from (f"    {line}" for line in result.error.splitlines())
            if result.advice:
                yield f"    {result.advice}"
            yield f"    see {result.link} for hints"

    def finish(self) -> Iterator[str]:
        """The last line."""
        if self._category:
            yield ""
        yield f"Status check results are {symbol(Outcome.SUCCESS if self.success else Outcome.ERROR)}"


def to_json(results: Iterable[Result]) -> str:
    """All results as one document."""
    categories: list[dict[str, Any]] = []
    success = True
    for result in results:
        success = success and result.outcome is not Outcome.ERROR
        if not categories or categories[-1]["categoryName"] != result.category:
            categories.append({"categoryName": result.category, "checks": []})
        check: dict[str, str] = {"description": result.description}
        if result.outcome is not Outcome.SUCCESS:
            check["hint"] = result.link
            check["error"] = result.error
            if result.advice:
                check["advice"] = result.advice
        check["result"] = result.outcome.value
        categories[-1]["checks"].append(check)
    return json.dumps({"success": success, "categories": categories}, indent=2, ensure_ascii=False)
