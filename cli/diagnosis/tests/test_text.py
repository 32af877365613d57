"""How findings read, at 80 and 160 columns, and as JSON."""

import json
from datetime import timedelta

import pytest

from cli.diagnosis.document import document
from cli.diagnosis.evidence import Evidence
from cli.diagnosis.judge import judge
from cli.diagnosis.tests.cases import (
    NO_CERTIFICATE,
    NO_ENDPOINTS,
    SINCE,
    UNMESHED,
    WELL,
    evidence,
    fault,
    pod,
    proxy,
)
from cli.diagnosis.text import spell, text
from cli.tests.golden import compare_text
from weft import errors

CASES = {
    "no-endpoints": NO_ENDPOINTS,
    "no-certificate": NO_CERTIFICATE,
    "unmeshed": UNMESHED,
    "well": WELL,
}


@pytest.mark.parametrize("width", [80, 160])
@pytest.mark.parametrize("name", CASES)
def test_paragraphs(name: str, width: int) -> None:
    found = text(CASES[name], judge(CASES[name], SINCE), SINCE, width)
    assert all(len(line) <= width for line in found.splitlines())
    compare_text(f"why-{name}-{width}", found)


@pytest.mark.parametrize("name", CASES)
def test_json(name: str) -> None:
    found = document(CASES[name], judge(CASES[name], SINCE), SINCE)
    compare_text(f"why-{name}-json", json.dumps(found, indent=2) + "\n")


def test_what_others_wrote_cannot_move_the_cursor() -> None:
    seen = fault(errors.BAD_REQUEST, "inbound", "10.0.0.1", detail="\x1b[2J\r\nhello")
    known = evidence(pod("web", "10.244.0.5", proxy(seen)))
    found = text(known, judge(known, SINCE), SINCE, 80)
    assert "\x1b" not in found
    assert "\r" not in found


def test_pods_that_were_not_asked_are_mentioned() -> None:
    known = Evidence(WELL.now, WELL.said, WELL.namespace, WELL.pods, not_asked=7)
    assert "7 more pods of the other side were not asked" in text(known, [], SINCE, 80)


@pytest.mark.parametrize(
    ("seconds", "spelt"),
    [(-1, "0s"), (45, "45s"), (600, "10m"), (95, "1m35s"), (3600, "1h"), (5400, "1h30m")],
)
def test_spans(seconds: int, spelt: str) -> None:
    assert spell(timedelta(seconds=seconds)) == spelt
