"""`mesh tap` and `mesh top`, as people type them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from cli.commands.top import Feed
from cli.live import stream
from cli.live.stream import NothingToTap
from cli.live.tally import Tally
from cli.live.tests.events import call
from cli.tests.run_mesh import mesh

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cli.live.question import Question


class FakeTap:
    """Sends these messages, then ends as Ctrl-C or an error would."""

    def __init__(self, *messages: Any, then: BaseException | None = None) -> None:
        self.sent = messages
        self.then = then
        self.asked: list[Question] = []

    def watch(self, question: Question) -> Iterator[dict[str, Any]]:
        self.asked.append(question)
        yield from self.sent
        if self.then is not None:
            raise self.then


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Any:
    def use(api: FakeTap) -> FakeTap:
        monkeypatch.setattr(stream, "connect_tap", lambda chosen: api)
        return api

    return use


def events(*calls: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"event": one} for parts in calls for one in parts]


def test_lines_until_ctrl_c(install: Any) -> None:
    api = install(FakeTap(*events(call()), then=KeyboardInterrupt()))
    ran = mesh(
        "tap",
        "deploy/web",
        "-n",
        "emojivoto",
        "--method",
        "get",
        "--to",
        "deploy/voting",
        "-l",
        "tier=gold",
    )
    assert ran.code == 0
    assert [one.split()[0] for one in ran.out.splitlines()] == ["req", "rsp", "end"]
    assert api.asked[0].path.endswith("/namespaces/emojivoto/deployments/web/tap")
    assert api.asked[0].body["method"] == "GET"
    assert api.asked[0].body["labelSelector"] == "tier=gold"
    assert "headers" not in api.asked[0].body


def test_json_asks_for_headers(install: Any) -> None:
    api = install(FakeTap(*events(call())))
    ran = mesh("tap", "deploy", "web", "-n", "emojivoto", "-o", "json")
    first = json.JSONDecoder().raw_decode(ran.out)[0]
    assert first["requestInitEvent"]["path"] == "/api/vote"
    assert api.asked[0].body["headers"] is True


def test_jsonpath_prints_a_line_per_event_that_has_it(install: Any) -> None:
    api = install(FakeTap(*events(call(), call())))
    template = "{.requestInitEvent.method} {.requestInitEvent.path}"
    ran = mesh("tap", "deploy/web", "-n", "emojivoto", "-o", f"jsonpath={template}")
    assert ran.code == 0
    assert ran.out.splitlines() == ["GET /api/vote", "GET /api/vote"]
    assert api.asked[0].body["headers"] is True


@pytest.mark.parametrize("output", ["yaml", "jsonpath", "jsonpath=", "jsonpath={.a", "jsonpath=x"])
def test_other_formats_are_refused_before_anything_is_asked(install: Any, output: str) -> None:
    api = install(FakeTap())
    ran = mesh("tap", "deploy/web", "-n", "emojivoto", "-o", output)
    assert ran.code == 2
    assert "allowed" in ran.err
    assert api.asked == []


def test_everything_else_goes_to_stderr(install: Any) -> None:
    install(
        FakeTap(
            {"started": {"pods": ["a/b"], "skipped": [{"pod": "a/c", "reason": "it is not meshed"}], "absent": "nothing goes to pod/x"}},
            {"trouble": {"pod": "a/b", "reason": "its proxy does not answer"}},
            {"dropped": "12"},
        )
    )  # fmt: skip
    ran = mesh("viz", "tap", "deploy/web", "-n", "a")
    assert ran.out == ""
    assert ran.err.splitlines() == [
        "a/c is not shown: it is not meshed",
        "nothing goes to pod/x",
        "a/b: its proxy does not answer",
        "12 events were lost: this end does not keep up",
    ]


def test_errors_are_sentences(install: Any) -> None:
    install(FakeTap(then=NothingToTap("no pods to tap")))
    ran = mesh("tap", "deploy/web", "-n", "a")
    assert (ran.code, ran.err) == (1, "Error: no pods to tap\n")


@pytest.mark.parametrize(
    "arguments",
    [["tap"], ["tap", "deploy"], ["tap", "deploy/web", "--scheme", "ftp"],
     *(["tap", "deploy/web", "--max-rps", rate] for rate in ("0", "-1", "nan", "inf", "1e10", "many"))],
)  # fmt: skip
def test_wrong_usage(install: Any, arguments: list[str]) -> None:
    install(FakeTap())
    assert mesh(*arguments).code == 2


def test_top_needs_a_terminal(install: Any) -> None:
    install(FakeTap())
    ran = mesh("top", "deploy/web", "-n", "a")
    assert ran.code == 1
    assert "top needs a terminal" in ran.err


def test_a_feed_fills_the_tally_and_keeps_the_error() -> None:
    error = NothingToTap("gone")
    api = FakeTap({"started": {"pods": ["a/b"]}}, *events(call()), then=error)
    feed = Feed(api.watch(None), Tally())  # type: ignore[arg-type]
    feed.run()
    assert feed.ended.is_set()
    assert feed.error is error
    assert feed.tally.watched == {"a/b"}
    assert len(feed.tally.rows) == 1


def test_a_feed_keeps_what_the_stream_said_last_until_it_begins_anew() -> None:
    trouble = {"trouble": {"pod": "a/b", "reason": "its proxy does not answer"}}
    absent = {"started": {"pods": ["a/b"], "absent": "nothing goes to pod/x"}}

    def said(*messages: Any) -> str:
        feed = Feed(messages, Tally())
        feed.run()
        return feed.said

    assert said(absent) == "nothing goes to pod/x"
    assert said(absent, trouble, *events(call())) == "a/b: its proxy does not answer"
    assert said(trouble, {"started": {"pods": ["a/b"]}}) == ""
