"""What a client may take, each bound at its edge; and the page that lists them all."""

from __future__ import annotations

import gc
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import trio

from proxy.authz.policy import Route, Rule, default_policy
from proxy.codec.transport_header import TransportHeader
from proxy.inbound.route import InboundHttp
from proxy.net import ceiling
from proxy.net.front import Front
from proxy.net.http1_server import Http1Server
from proxy.net.waiting import FEW
from proxy.settings import BoundSettings, Settings
from proxy.stack.meta import Meta
from proxy.telemetry import exposition
from proxy.telemetry.registry import SERIES_BUDGET, Registry
from proxy.telemetry.request import MAX_ENDINGS
from proxy.tests.attacked import GOOD, SIDES, Victim, drained, victim
from proxy.tests.pair import CLIENT, LOCAL, Pair, application, read_message, read_until
from proxy.tests.policies import Gated, Script, ask, status
from testkit.control_plane import ControlPlane
from testkit.trio_tests import in_trio, until
from weft import errors, metrics
from weft.addresses import SocketAddress

if TYPE_CHECKING:
    import socket

    from proxy.net.exchange import Call

PAGE = Path(__file__).parents[2] / "docs/explain/bounds.md"
TINY = BoundSettings(
    max_connections=2, max_header_size=8_192, header_timeout=60.0, body_timeout=70.0
)
BODY = b"x" * 10_000
POST = b"POST / HTTP/1.1\r\nHost: v\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY
HEAD = b"POST / HTTP/1.1\r\nHost: v\r\nContent-Length: 100\r\n\r\n"


def errors_of(pair: Pair, side: str, name: str, kind: str = "http") -> float:
    return pair.metric(f"{side}_{kind}_errors_total", error=name)


# --- connections and requests ---------------------------------------------------------------


@pytest.mark.parametrize("side", SIDES)
def test_connections_beyond_the_limit_are_closed_as_they_come(side: str) -> None:
    with victim(bounds=TINY) as pair:
        front = pair.inbound if side == "inbound" else pair.outbound
        # From the first on it is known that HTTP comes, and nobody who is late with his first word has
        # an endpoint dialled for him alone, or is taken for silent.
        pair.hold()
        assert pair.serves(side)
        pair.eventually(lambda: len(front.connections), 0)
        with pair.door(side) as first, pair.door(side) as second:
            assert status(ask(first)) == status(ask(second)) == 200
            if side == "outbound":
                # Both came over one connection to the inbound side, which has room for one more.
                pair.eventually(lambda: len(pair.inbound.connections), 1)
            with pair.door(side) as third:
                assert drained(third) == b""
            assert errors_of(pair, side, "too-many-connections", "tcp") == 1
            first.close()
            pair.eventually(lambda: len(front.connections), 1)
            assert pair.serves(side)


@pytest.mark.parametrize("side", SIDES)
def test_requests_beyond_the_limit_are_refused(side: str) -> None:
    app = Gated()
    with application(app) as port, Victim(port) as pair, pair.door(side) as busy:
        front = pair.inbound if side == "inbound" else pair.outbound
        pair.run(lambda: setattr(front, "max_in_flight", 1))
        busy.sendall(b"GET / HTTP/1.1\r\nHost: v\r\n\r\n")
        assert app.arrived.acquire(timeout=5)
        with pair.door(side) as other:
            assert status(ask(other)) == 503
            assert drained(other) == b""
        assert errors_of(pair, side, "load-shed") == 1
        app.let.set()
        assert status(read_message(busy)[0]) == 200
        assert status(ask(busy)) == 200


def test_a_connection_remembers_its_routes_and_not_its_requests() -> None:
    """Rules without matches, of more routes than one."""
    routes = tuple(Route(Meta.default(name), (Rule(),)) for name in ("one", "other"))
    policy = replace(default_policy("all-unauthenticated"), routes=routes)
    with (
        application(Script(200)) as port,
        Pair(port, inbound_policy=policy) as pair,
        pair.connect(inbound=True) as sock,
    ):
        for _ in range(10):
            assert status(ask(sock)) == 200
        (server,) = pair.run(lambda: list(pair.inbound.connections))
        assert isinstance(server, Http1Server)
        service = server._service
        assert isinstance(service, InboundHttp)
        assert len(service._known) == 1


def test_an_endpoint_that_makes_up_statuses_does_not_make_the_proxy_grow() -> None:
    codes = range(400, 600)
    with application(Script(*codes)) as port, Pair(port) as pair:
        with pair.connect() as sock:
            assert [status(ask(sock)) for _ in codes] == list(codes)
        for direction in ("inbound", "outbound"):
            shown = f'response_total{{direction="{direction}"'
            lines = [one for one in pair.metrics().splitlines() if one.startswith(shown)]
            assert len(lines) == MAX_ENDINGS
        assert pair.metric("response_total", overflow="true") == 2 * (len(codes) - MAX_ENDINGS)
        # Once for each direction.
        assert pair.metric("proxy_metrics_label_overflow_total", family="response_total") == 2


def test_a_client_that_tries_every_port_leaves_nothing_behind() -> None:
    with (
        application(Script(200)) as port,
        Pair(port) as pair,
        pair.connect(inbound=True) as kept,
    ):
        assert status(ask(kept)) == 200
        for number in range(1, 11):
            pair.inbound_target = SocketAddress(LOCAL, number)
            assert drained_of(pair, b"not HTTP") == b""

        def known() -> set[int]:
            gc.collect()
            return {one.address.port for one in pair.inbound._applications}

        pair.run(pair.inbound.sweep)
        assert pair.run(known) == {port, *range(1, 11)}, (
            "somebody went there since the sweep before"
        )
        pair.run(pair.inbound.sweep)
        assert pair.run(known) == {port}, "a connection may go there again"
        assert status(ask(kept)) == 200


@pytest.mark.parametrize("name", ["x" * 60_000, "a\u2028b", "a\nb", "Web.Demo."])
def test_what_a_transport_header_names_is_a_label_if_it_is_a_name(name: str) -> None:
    with Pair(1) as pair:
        with pair.tunnel(TransportHeader(80, name)) as sock:
            assert sock.recv(100) == b""
        label = "web.demo" if name.startswith("Web") else ""
        headers = "inbound_tcp_transport_header_connections_total"
        assert pair.metric(headers, target_name=label) == 1


def drained_of(pair: Pair, data: bytes) -> bytes:
    """What comes back on a connection of its own."""
    with pair.connect(inbound=True) as sock:
        sock.sendall(data)
        return drained(sock)


# --- HTTP/1 ---------------------------------------------------------------------------------


@pytest.mark.parametrize("side", SIDES)
def test_a_head_larger_than_allowed_is_refused(side: str) -> None:
    with victim(bounds=TINY) as pair:
        large = b"GET / HTTP/1.1\r\nHost: v\r\nConnection: close\r\nX: %s\r\n\r\n"
        assert b" 200 OK" in pair.throw(side, large % (b"y" * 8_000))
        assert b" 431 " in pair.throw(side, large % (b"y" * 9_000))
        assert errors_of(pair, side, "header-too-large") == 1
        pair.is_sound(side)


@pytest.mark.parametrize("side", SIDES)
def test_a_slow_head_is_given_up(side: str) -> None:
    with victim(bounds=TINY) as pair:
        pair.hold()
        front = pair.inbound if side == "inbound" else pair.outbound
        with pair.door(side) as sock:
            sock.sendall(b"GET / HTTP/1.1\r\nHost: v\r\n")
            # Its time begins when it is read.
            pair.becomes(lambda: any(isinstance(one, Http1Server) for one in front.connections))
            for _ in range(4):
                # Going on does not help: the whole head must come in its time.
                pair.advance(14.0)
                sock.sendall(b"X: y\r\n")
            pair.advance(14.0)
            assert b" 408 " in drained(sock)
        assert errors_of(pair, side, "header-timeout") == 1
        pair.is_sound(side)


@pytest.mark.parametrize("side", SIDES)
def test_so_is_one_that_began_behind_another_request(side: str) -> None:
    with victim(bounds=TINY) as pair:
        with pair.door(side) as sock:
            sock.sendall(b"GET / HTTP/1.1\r\nHost: v\r\n\r\nGET / HTTP/1.1\r\n")
            assert status(read_message(sock)[0]) == 200
            pair.advance(61.0)
            assert b" 408 " in drained(sock)
        assert errors_of(pair, side, "header-timeout") == 1
        pair.is_sound(side)


@pytest.mark.parametrize("side", SIDES)
def test_a_slow_body_is_given_up(side: str) -> None:
    with victim(bounds=TINY) as pair:
        with pair.door(side) as sock:
            sock.sendall(HEAD + b"some of it")
            assert pair.seen.reached.wait(5)
            pair.advance(141.0)
            assert b" 408 " in drained(sock)
        assert errors_of(pair, side, "body-timeout") == 1
        pair.is_sound(side)


@pytest.mark.parametrize("side", SIDES)
def test_a_body_that_goes_on_has_all_the_time_it_needs(side: str) -> None:
    with victim(bounds=TINY) as pair, pair.door(side) as sock:
        sock.sendall(HEAD)
        assert pair.seen.reached.wait(5)
        for number in range(10):
            sock.sendall(bytes(10))
            pair.eventually(lambda number=number: body_reads(pair, side) > number, True)  # type: ignore[misc]
            pair.advance(60.0)
        assert status(read_message(sock)[0]) == 200


def body_reads(pair: Pair, side: str) -> int:
    front = pair.inbound if side == "inbound" else pair.outbound
    (server,) = front.connections
    reads: int = server._body_reads  # type: ignore[attr-defined]
    return reads


def test_a_response_that_came_before_the_body_stopped_is_not_followed_by_an_error() -> None:
    def early(sock: socket.socket) -> None:
        read_until(sock, b"\r\n\r\n")
        sock.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhe")
        sock.recv(1_000)
        sock.recv(1)

    with application(early) as port, Pair(port, bounds=TINY) as pair, pair.connect() as sock:
        sock.sendall(HEAD)
        assert read_until(sock, b"he").startswith(b"HTTP/1.1 200")
        pair.advance(141.0)
        assert b"HTTP/1.1" not in drained(sock)
        pair.eventually(lambda: pair.outbound.in_flight, 0)


# --- HTTP/2 ---------------------------------------------------------------------------------


def test_requests_given_up_before_there_was_a_stream_for_them_are_forgotten() -> None:
    app = Gated()
    with application(app) as port, Pair(port) as pair:
        pair.inbound.http2 = replace(pair.inbound.http2, max_streams=1)
        with pair.connect() as busy, pair.connect() as patient:
            busy.sendall(b"GET / HTTP/1.1\r\nHost: v\r\n\r\n")
            assert app.arrived.acquire(timeout=5)
            patient.sendall(POST)
            pair.eventually(lambda: sum(map(held, waiting(pair))), len(BODY))
            for _ in range(2 * FEW):
                with pair.connect() as sock:
                    sock.sendall(POST)
                    pair.eventually(lambda: pair.outbound.in_flight, 3)
                pair.eventually(lambda: pair.outbound.in_flight, 2)
            assert pair.run(lambda: len(waiting(pair))) <= FEW
            assert pair.run(lambda: sum(map(held, waiting(pair)))) == len(BODY)
            app.let.set()
            assert status(read_message(busy)[0]) == 200
            assert status(read_message(patient)[0]) == 200
        assert pair.run(lambda: waiting(pair)) == []


def waiting(pair: Pair) -> list[Call]:
    """What the connection between the proxies still holds of requests it has not sent."""
    (client,) = pair.outbound._endpoints.values()
    connection = client.http2.current
    assert connection is not None
    return [call for call, _, _ in connection._waiting._calls]


def held(call: Call) -> int:
    """Bytes of the request's body."""
    return sum(map(len, call.kept or ()))


# --- TLS ------------------------------------------------------------------------------------


def test_a_handshake_that_stops_is_given_up() -> None:
    hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"
    with victim() as pair:
        with pair.door("inbound") as sock:
            sock.sendall(hello)
            pair.eventually(lambda: len(pair.inbound.connections), 1)
            pair.advance(0.5)
            pair.advance(0.5)
            assert drained(sock) == b""
        assert pair.metric("inbound_tcp_errors_total", error="tls detection timeout") == 1
        pair.is_sound("inbound")


# --- memory ---------------------------------------------------------------------------------


def test_shedding_begins_above_the_ceiling_and_ends_a_little_below() -> None:
    top = ceiling.Ceiling(1_000)
    assert not top.crossed(1_000)
    assert top.crossed(1_001)
    assert not top.crossed(2_000)
    assert not top.crossed(951)
    assert top.crossed(950)
    assert not top.shedding


def test_the_containers_limit_is_found(tmp_path: Path) -> None:
    limit, none, absent = tmp_path / "limit", tmp_path / "none", tmp_path / "absent"
    limit.write_text("1000\n")
    none.write_text("max\n")
    assert ceiling.of_container([limit]) == 900
    assert ceiling.of_container([none]) is None
    assert ceiling.of_container([absent, limit]) == 900
    limit.write_text(f"{1 << 63}\n")
    assert ceiling.of_container([limit]) is None


@in_trio
async def test_the_fronts_are_told_when_memory_is_short() -> None:
    class Told(Front):
        def __init__(self) -> None:
            self.told: list[bool] = []

        def shed(self, shedding: bool) -> None:
            self.told.append(shedding)

    front, registry, sizes = Told(), Registry(), [10, 200, 150, 20]
    async with trio.open_nursery() as nursery:
        read = lambda: sizes.pop(0) if len(sizes) > 1 else sizes[0]  # noqa: E731
        nursery.start_soon(ceiling.watch, 100, [front], registry, read)
        await until(lambda: sizes == [20] and len(front.told) == 2)
        nursery.cancel_scope.cancel()
    assert front.told == [True, False]
    shown = exposition.render(registry)
    assert "proxy_memory_ceiling_bytes 100" in shown
    assert "proxy_memory_shedding 0" in shown


@pytest.mark.parametrize("side", SIDES)
def test_above_its_ceiling_the_proxy_sheds_and_lives(side: str) -> None:
    with victim() as pair, pair.door(side) as kept:
        front = pair.inbound if side == "inbound" else pair.outbound
        assert status(ask(kept)) == 200
        for _ in range(2):  # being told again changes nothing
            pair.run(lambda: front.shed(True))
        assert pair.throw(side, GOOD) == b""
        assert errors_of(pair, side, "memory-ceiling", "tcp") == 1
        assert status(ask(kept)) == 503
        pair.run(lambda: front.shed(False))
        pair.is_sound(side)


# --- the page -------------------------------------------------------------------------------


def test_the_page_has_the_bounds_of_metrics() -> None:
    text = PAGE.read_text()
    assert f"at most {SERIES_BUDGET:,} series" in text
    assert f"at most {MAX_ENDINGS} ways" in text


def rows() -> list[list[str]]:
    lines = [one for one in PAGE.read_text().splitlines() if one.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[1:]]


def quoted(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


@pytest.mark.parametrize("row", rows(), ids=[row[0] for row in rows()])
def test_every_bound_has_a_setting_a_default_a_metric_and_a_test(row: list[str]) -> None:
    _, setting, default, counted, test = row
    with ControlPlane() as plane:
        environment = plane.environment(CLIENT)
        usual = Settings.from_environment(environment)
        for name in quoted(setting):
            value = "77" if not name.endswith("TIMEOUT") else "77s"
            if name.endswith(("_SIZE", "_LIMIT")):
                value = "77777"
            changed = {**environment, f"LINKERD2_PROXY_{name}": value}
            read = Settings.from_environment(changed)
            assert replace(read, warnings=()) != replace(usual, warnings=()), name
            assert not read.warnings
    assert default
    names = {metric.name for metric in metrics.catalogue()}
    for name in quoted(counted):
        assert name in names or name in errors.BY_NAME or name == "tls-detection-timeout", name
    (wanted,) = quoted(test)
    tests = Path(__file__).parents[1].glob("**/tests/test_*.py")
    assert any(f"def {wanted}(" in file.read_text() for file in tests)
