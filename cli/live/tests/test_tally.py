"""Completed calls added up, and the table they make."""

from typing import Any

import pytest

from cli.live.table import duration, shorten, table
from cli.live.tally import MAX_OPEN, MAX_ROWS, Key, Row, Tally
from cli.live.tests.events import DOUGHNUT, Json, call, event, request


def fed(*calls: list[Json], tally: Tally | None = None) -> Tally:
    found = tally or Tally()
    for one in calls:
        for part in one:
            found.add(part)
    return found


def vote(identity: str, code: int, seconds: float = 0.002) -> list[Json]:
    return call(identity, DOUGHNUT, method="POST", outbound=True, seconds=seconds, grpcStatus=code)


def test_calls_add_up() -> None:
    tally = fed(
        call("1:0", "/api/list?x=1", seconds=0.004),
        call("1:1", "/api/list?x=2", seconds=0.002),
        call("1:2", "/api/list", seconds=0.003, status=503),
        vote("1:3", 2),
    )
    assert tally.rows == [
        (Key("deploy/vote-bot", "deploy/web", "GET", "/api/list"), Row(3, 1, 2000, 4000, 3000)),
        (Key("deploy/web", "deploy/voting", "POST", DOUGHNUT), Row(1, 1, 2000, 2000, 2000)),
    ]


@pytest.mark.parametrize(
    ("how", "status", "success"),
    [
        ({}, 200, True), ({}, 404, True), ({}, 500, False), ({"resetCode": 8}, 200, False),
        *(({"grpcStatus": code}, 200, code not in (2, 4, 13, 14, 15)) for code in range(17)),
    ],
)  # fmt: skip
def test_success(how: dict[str, Any], status: int, success: bool) -> None:
    ((_, row),) = fed(call(status=status, **how)).rows
    assert row.success == success


def test_only_what_is_complete_counts() -> None:
    tally = fed(call()[:2], call("1:1")[1:])
    assert tally.rows == []


def test_a_call_between_two_watched_pods_counts_once() -> None:
    assert fed(vote("1:0", 0), tally=Tally(watched=frozenset({"emojivoto/voting-1"}))).rows == []


def test_sources_hidden_and_routes() -> None:
    ((key, _),) = fed(call(), tally=Tally(hide_sources=True)).rows
    assert key == Key("", "deploy/web", "GET", "/api/vote")
    ((key, _),) = fed(call(), tally=Tally(routes=True)).rows
    assert key == Key("deploy/vote-bot", "deploy/web", "", "default")


@pytest.mark.parametrize(
    ("labels", "name"),
    [
        ({"pod": "p", "replicaset": "rs", "deployment": "d"}, "deploy/d"),
        ({"pod": "p", "job": "j", "cronjob": "c"}, "cj/c"),
        ({"pod": "p"}, "po/p"),
        ({"node": "n"}, "no/n"),
        ({}, "10.0.0.1"),
    ],
)
def test_names(labels: dict[str, str], name: str) -> None:
    found = call()
    found[0]["source"]["labels"] = labels
    ((key, _),) = fed(found).rows
    assert key.source == name


def test_memory_is_bounded() -> None:
    tally = Tally()
    for number in range(MAX_OPEN + 50):
        tally.add(event(f"9:{number}", **request()))
    assert len(tally._open) == MAX_OPEN
    fed(*(call("1:0", f"/{number}") for number in range(MAX_ROWS + 50)), tally=tally)
    assert len(tally.rows) == MAX_ROWS


# --- the table ------------------------------------------------------------------------------


def story() -> Tally:
    calls = [call(f"1:{n}", "/api/list", seconds=0.000_870 + n / 1000) for n in range(3)]
    return fed(*calls, vote("2:0", 2), vote("2:1", 2, 1.25))


def test_160_columns() -> None:
    assert table(story(), 160, 10).splitlines() == [
        "(press q to quit)",
        "Source           Destination    Method  Path                                      Count   Best  Worst  Last  Success Rate",
        "deploy/vote-bot  deploy/web     GET     /api/list                                     3  870µs    2ms   2ms       100.00%",
        "deploy/web       deploy/voting  POST    /emojivoto.v1.VotingService/VoteDoughnut      2    2ms   1.2s  1.2s         0.00%",
    ]  # fmt: skip


def test_80_columns_keep_what_tells_most() -> None:
    assert table(story(), 80, 10).splitlines() == [
        "(press q to quit)",
        "Source           Destination    Path                         Count  Success Rate",
        "deploy/vote-bot  deploy/web     /api/list                        3       100.00%",
        "deploy/web       deploy/voting  …VotingService/VoteDoughnut      2         0.00%",
    ]


def test_what_the_stream_says_of_itself_stands_beside_the_hint() -> None:
    lines = table(story(), 80, 10, "12 events were lost").splitlines()
    assert lines[0] == "(press q to quit)  12 events were lost"


@pytest.mark.parametrize("width", [1, 20, 40, 79, 80, 100, 200])
@pytest.mark.parametrize("height", [0, 2, 3, 50])
def test_it_fits_any_screen(width: int, height: int) -> None:
    lines = table(story(), width, height, "told " * 60).splitlines()
    assert len(lines) <= max(2, height)
    assert max(map(len, lines)) <= width


def test_hidden_columns() -> None:
    assert table(Tally(hide_sources=True), 120, 5).splitlines()[1].startswith("Destination  Method")
    assert "Route" in table(Tally(routes=True), 120, 5)


def test_a_path_cannot_write_on_the_screen() -> None:
    text = table(fed(call(path="/\x1b[2J")), 120, 5)
    assert r"/\x1b[2J" in text
    assert "\x1b" not in text


def test_small_texts() -> None:
    assert shorten("abcdef", 4) == "…def"
    assert [duration(one) for one in (870, 4_400, 1_250_000)] == ["870µs", "4ms", "1.2s"]
