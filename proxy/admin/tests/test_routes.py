"""Every path of the admin server."""

import gzip
import json
from dataclasses import dataclass, field

import pytest

from proxy.admin.routes import Facts, Request, Response, answer


@dataclass
class Lines:
    """Of a log, by a filter."""

    filter: str

    def take(self) -> bytes:
        return b""

    def leave(self) -> None: ...


@dataclass
class Filter:
    text: str = "warn"

    def change(self, text: str) -> None:
        if text == "loud":
            raise ValueError("'loud' is not a level")
        self.text = text

    def follow(self, text: str) -> Lines | None:
        if text == "loud":
            raise ValueError("'loud' is not a level")
        return None if text == "full" else Lines(text or self.text)


@dataclass
class Process:
    """What the answers are about."""

    ready: bool = True
    filter: Filter = field(default_factory=Filter)
    stopped: int = 0
    can_stop: bool = True

    def stop(self) -> None:
        self.stopped += 1

    def ask(
        self, method: str, target: str, body: bytes = b"", *, is_local: bool = True, **headers: str
    ) -> Response:
        facts = Facts(
            is_ready=lambda: self.ready,
            metrics=lambda: "request_total 1\n",
            metrics_content_type="text/plain; version=0.0.4",
            environment={"A": "1", "B": "2"},
            log_filter=self.filter,
            shut_down=self.stop if self.can_stop else None,
            errors=lambda: [{"number": 3001, "cause": "service in fail-fast"}],
        )
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return answer(facts, Request(method, target, named, body, is_local))


@pytest.fixture
def process() -> Process:
    return Process()


def test_live_and_ready(process: Process) -> None:
    assert (process.ask("GET", "/live").status, process.ask("GET", "/live").body) == (
        200,
        b"live\n",
    )
    assert process.ask("GET", "/ready").body == b"ready\n"
    process.ready = False
    assert process.ask("GET", "/ready") == Response(503, b"not ready\n")
    assert process.ask("HEAD", "/live").status == 200


def test_metrics_are_packed_for_those_who_ask(process: Process) -> None:
    plain = process.ask("GET", "/metrics")
    assert plain == Response(200, b"request_total 1\n", "text/plain; version=0.0.4")
    packed = process.ask("GET", "/metrics", accept_encoding="br, gzip;q=1")
    assert gzip.decompress(packed.body) == plain.body
    assert packed.headers == (("content-encoding", "gzip"),)


def test_the_environment(process: Process) -> None:
    everything = process.ask("GET", "/env.json", is_local=False)
    assert json.loads(everything.body) == {"A": "1", "B": "2"}
    assert everything.content_type == "application/json"
    assert json.loads(process.ask("GET", "/env.json?B&C").body) == {"B": "2", "C": None}
    assert process.ask("GET", "/env.json?A=1").status == 400
    assert process.ask("GET", "/env.json", accept="text/html").status == 406
    assert process.ask("GET", "/env.json", accept="text/html, application/json").status == 200


def test_the_log_level_is_for_this_host(process: Process) -> None:
    assert process.ask("GET", "/proxy-log-level").body == b"warn\n"
    assert process.ask("PUT", "/proxy-log-level", b"debug\n") == Response(204)
    assert process.filter.text == "debug"
    assert process.ask("PUT", "/proxy-log-level", b"loud") == Response(
        400, b"'loud' is not a level\n"
    )
    assert process.ask("PUT", "/proxy-log-level", b"\xff").status == 400
    for method in ("GET", "PUT"):
        refused = process.ask(method, "/proxy-log-level", b"off", is_local=False)
        assert refused == Response(403, b"Requests are only permitted from localhost.\n")
    assert process.filter.text == "debug"


def test_shutting_down_is_for_this_host_and_only_if_enabled(process: Process) -> None:
    assert process.ask("POST", "/shutdown", is_local=False).status == 403
    assert process.ask("GET", "/shutdown").status == 405
    assert process.stopped == 0
    assert process.ask("POST", "/shutdown") == Response(200, b"shutdown\n")
    assert process.stopped == 1
    process.can_stop = False
    assert process.ask("POST", "/shutdown").status == 404


@pytest.mark.parametrize("path", ["/", "/metrics/", "//live", "/debug/pprof", "*", ""])
def test_other_paths_do_not_exist(process: Process, path: str) -> None:
    assert process.ask("GET", path).status == 404


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/live"), ("DELETE", "/proxy-log-level"), ("get", "/live")]
)
def test_other_methods_are_told_which_are_allowed(process: Process, method: str, path: str) -> None:
    refused = process.ask(method, path)
    assert refused.status == 405
    assert refused.headers[0][0] == "allow"


def test_errors_of_late(process: Process) -> None:
    response = process.ask("GET", "/errors")
    assert response.content_type == "application/json"
    assert json.loads(response.body) == [{"number": 3001, "cause": "service in fail-fast"}]


@pytest.mark.parametrize(
    ("method", "target", "body", "wanted"),
    [
        ("GET", "/logs.json?debug,proxy.tap=off", b"", "debug,proxy.tap=off"),
        ("GET", "/logs.json", b"", "warn"),
        ("QUERY", "/logs.json", b"debug\n", "debug"),
    ],
)
def test_the_log_is_followed_by_a_filter(
    process: Process, method: str, target: str, body: bytes, wanted: str
) -> None:
    found = process.ask(method, target, body)
    assert (found.status, found.content_type) == (200, "application/json")
    assert found.stream == Lines(wanted)
    assert process.filter.text == "warn", "the proxy's own log stays as it is"


@pytest.mark.parametrize(
    ("method", "query", "is_local", "status"),
    [
        ("GET", "?loud", True, 400),
        ("GET", "?full", True, 503),
        ("GET", "", False, 403),
        ("POST", "", True, 405),
        ("HEAD", "", True, 200),
    ],
)
def test_who_may_not_follow_the_log(
    process: Process, method: str, query: str, is_local: bool, status: int
) -> None:
    found = process.ask(method, f"/logs.json{query}", is_local=is_local)
    assert found.status == status
    assert found.stream is None
