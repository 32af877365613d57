"""Findings as people read them, folded at the terminal's width."""

import textwrap
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from cli.diagnosis.evidence import Evidence
from cli.diagnosis.judge import Finding, moment
from cli.live.event import printable

INDENT = "    "
SHOWN_PODS = 3
NARROWEST = 40


def text(evidence: Evidence, findings: Sequence[Finding], since: timedelta, width: int) -> str:
    """A line for the workload, then a paragraph for each finding."""
    lines = [*_folded(_head(evidence, findings, since), width)]
    for finding in findings:
        lines += ["", *_paragraph(finding, evidence.now, width)]
    if evidence.not_asked:
        lines += ["", *_folded(f"{evidence.not_asked} more pods of the other side were not asked.", width)]  # fmt: skip
    return "".join(f"{line}\n" for line in lines)


def _head(evidence: Evidence, findings: Sequence[Finding], since: timedelta) -> str:
    meshed = sum(pod.proxy is not None for pod in evidence.pods)
    head = (
        f"{evidence.said} in namespace {evidence.namespace}: "
        f"{_count(len(evidence.pods), 'pod')}, {meshed} meshed"
    )
    if not findings:
        return f"{head}. No failure in the last {spell(since)}."
    return f"{head}. {_count(len(findings), 'finding')} in the last {spell(since)}:"


def _paragraph(finding: Finding, now: datetime, width: int) -> Iterator[str]:
    yield from _folded(f"× {sentence(finding)}", width, rest="  ")
    if finding.count and finding.last is not None:
        yield from _folded(_when(finding, now), width, INDENT)
    for line in (finding.meaning, finding.advice and f"Do: {finding.advice}"):
        if line:
            yield from _folded(line, width, INDENT)


def sentence(finding: Finding) -> str:
    """What failed, where, and what was seen."""
    what = finding.what.rstrip(".")
    if not finding.source:
        return printable(f"{_pods(finding.pods)}: {what}.")
    where = f"{finding.source} to {finding.destination} ({finding.side}, {finding.phase})"
    return printable(f"{where}: {what} [{finding.number} {finding.error}].")


def _when(finding: Finding, now: datetime) -> str:
    assert finding.first is not None
    assert finding.last is not None
    return printable(
        f"{_count(finding.count, 'time')} since {moment(finding.first)}, last {spell(now - finding.last)} ago, "
        f"seen by {_pods(finding.pods)}."
    )


def spell(span: timedelta) -> str:
    """`45s`, `10m`, `1h30m`."""
    seconds = max(0, round(span.total_seconds()))
    if seconds < 60:
        return f"{seconds}s"
    minutes, seconds = divmod(seconds, 60)
    if minutes < 60:
        return f"{minutes}m{f'{seconds}s' if seconds else ''}"
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{f'{minutes}m' if minutes else ''}"


def _pods(names: Sequence[str]) -> str:
    shown = ", ".join(names[:SHOWN_PODS])
    more = len(names) - SHOWN_PODS
    return f"{shown} and {more} more" if more > 0 else shown


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _folded(line: str, width: int, first: str = "", rest: str | None = None) -> list[str]:
    return textwrap.wrap(
        line,
        max(width, NARROWEST),
        initial_indent=first,
        subsequent_indent=first if rest is None else rest,
        break_long_words=False,
        break_on_hyphens=False,
    )
