"""What an endpoint did not take, or was lost with it, goes to another when that is safe."""

from __future__ import annotations

import contextlib
import resource
import socket
import struct
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import grpc
import pytest

from proxy.tests.pair import Pair, application, echo_bytes, read_message
from proxy.tests.policies import (
    Script,
    applications,
    ask,
    backend,
    balanced,
    plain,
    routed,
    rule,
    status,
)
from testkit.ports import free_ports

if TYPE_CHECKING:
    from collections.abc import Iterator

GET = b"GET / HTTP/1.1\r\nHost: v\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: v\r\nContent-Length: 4\r\n\r\nbody"
PUT = POST.replace(b"POST", b"PUT")


class Dies:
    """An application that breaks its connection when it has read a request."""

    def __init__(self) -> None:
        self.requests: list[bytes] = []

    def __call__(self, sock: socket.socket) -> None:
        head, _, _ = read_message(sock)
        if head:
            self.requests.append(head)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def only(*ports: int) -> Pair:
    """Unmeshed endpoints; what waits for one is patient."""
    policy = routed(rule(backend(failfast=30.0)))
    return Pair(ports[0], outbound_policy=policy, endpoints=plain(*ports))


@pytest.mark.parametrize("request_bytes", [GET, PUT])
def test_what_may_be_done_twice_is_when_the_connection_broke(request_bytes: bytes) -> None:
    bad, good = Dies(), Script(200)
    with applications(bad, good) as ports, only(*ports) as mesh:
        for _ in range(10):
            with mesh.connect() as sock:
                assert status(ask(sock, request_bytes)) == 200
        assert bad.requests
        assert len(good.requests) == 10


def test_what_may_not_is_not() -> None:
    bad = Dies()
    with applications(bad, bad) as ports, only(*ports) as mesh, mesh.connect() as sock:
        head = ask(sock, POST)
        assert status(head) == 502
        assert b"[2003]" in head
        assert len(bad.requests) == 1


def test_a_request_that_brings_servers_down_does_not_go_round_them_all() -> None:
    bad = Dies()
    with applications(*([bad] * 5)) as ports, only(*ports) as mesh, mesh.connect() as sock:
        assert status(ask(sock)) == 502
        assert len(bad.requests) == 2


def test_a_connection_of_bytes_goes_to_an_endpoint_that_can_be_reached() -> None:
    with application(echo_bytes) as port:
        endpoints = plain(1, 2, port)
        with Pair(port, endpoints=endpoints, opaque=True) as mesh:
            for _ in range(12):
                with mesh.connect() as sock:
                    sock.sendall(b"\x00hello")
                    assert sock.recv(100) == b"\x00hello"
            assert mesh.metric("outbound_tcp_errors_total") == 0


def test_a_connection_of_bytes_that_nobody_takes_is_closed() -> None:
    with Pair(1, endpoints=plain(1, 2), opaque=True) as mesh, mesh.connect() as sock:
        sock.sendall(b"\x00hello")
        with contextlib.suppress(ConnectionResetError):
            assert sock.recv(100) == b""
        assert mesh.metric("outbound_tcp_errors_total") == 1


def add(mesh: Pair, port: int) -> None:
    endpoints = mesh.lookups.set
    assert endpoints is not None
    mesh.run(lambda: endpoints.add(plain(port)))


def test_what_a_leaving_application_refuses_waits_for_another_endpoint() -> None:
    """The only pod that is known is on its way out, and its successor is heard of a bit later."""
    new = Script(200)
    with contextlib.ExitStack() as old, application(new) as successor:
        port = old.enter_context(application(Script(200)))
        with Pair(port, failfast=30.0) as mesh, mesh.connect() as sock:
            assert status(ask(sock)) == 200
            old.close()
            sock.sendall(POST)
            mesh.becomes(lambda: balanced(mesh).counts == (0, 1, 1))
            add(mesh, successor)
            head, _, _ = read_message(sock)
            assert status(head) == 200
            assert len(new.requests) == 1


def test_the_only_endpoint_is_tried_again_after_a_rest_that_grows() -> None:
    with contextlib.ExitStack() as old:
        port = old.enter_context(application(Script(200)))
        with Pair(port, failfast=300.0) as mesh, mesh.connect() as sock:
            mesh.hold()
            assert status(ask(sock)) == 200
            old.close()
            sock.sendall(POST)
            for rest in (0.25, 0.5, 1.0):
                mesh.becomes(lambda: balanced(mesh).counts == (0, 1, 1))
                mesh.advance(rest * 0.9)
                assert balanced(mesh).counts == (0, 1, 1)
                mesh.advance(rest * 0.4)
            head, _, _ = read_message(sock)
            assert status(head) == 502


def test_an_endpoint_that_refused_is_left_alone_while_another_is_ready() -> None:
    with contextlib.ExitStack() as old, application(Script(200)) as successor:
        port = old.enter_context(application(Script(200)))
        with Pair(port, failfast=30.0) as mesh, mesh.connect() as sock:
            assert status(ask(sock)) == 200
            add(mesh, successor)
            assert status(ask(sock)) == 200
            mesh.becomes(lambda: balanced(mesh).counts == (2, 0, 0))
            old.close()
            for _ in range(50):
                assert status(ask(sock, POST)) == 200


def test_an_application_that_is_not_up_yet_costs_no_request() -> None:
    """Its pod is ready and its proxy answers, so the balancer takes it for an endpoint."""
    (late,) = free_ports(1)
    with application(Script(200)) as there, Pair(late) as mesh, mesh.connect() as sock:
        head = ask(sock, POST)
        assert status(head) == 502, "there is no other: what the endpoint's proxy says is passed on"
        assert b"[2001]" in head
        add(mesh, there)
        refused = mesh.metric("inbound_http_errors_total")
        for _ in range(20):
            assert status(ask(sock, POST)) == 200
            mesh.advance(1.0)
        assert mesh.metric("inbound_http_errors_total") > refused, "it was never asked again"
        assert mesh.metric("outbound_http_errors_total") == 0
        up = Script(200)
        with application(up, port=late):
            mesh.advance(30.0)
            for _ in range(20):
                assert status(ask(sock, POST)) == 200
            assert up.requests


def test_nor_a_call() -> None:
    """gRPC's errors come as status 200."""
    (late,) = free_ports(1)
    server = grpc.server(ThreadPoolExecutor(2))
    echo: Any = grpc.unary_unary_rpc_method_handler(lambda request, _: request)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("test", {"Echo": echo}),))
    there = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with Pair(late) as mesh, grpc.insecure_channel(f"127.0.0.1:{mesh.outbound_port}") as channel:
        call: Any = channel.unary_unary("/test/Echo")
        with pytest.raises(grpc.RpcError, match=r"connection refused.*\[2001\]") as refused:
            call(b"hello", timeout=10)
        failed: Any = refused.value
        assert "l5d-proxy-connection" not in dict(failed.trailing_metadata())
        add(mesh, there)
        for _ in range(20):
            assert call(b"hello", timeout=10) == b"hello"
            mesh.advance(1.0)
        assert mesh.metric("inbound_http_errors_total") > 1, "it was never asked again"
    server.stop(0).wait()


def test_an_application_that_says_what_only_a_proxy_knows_is_not_believed() -> None:
    """It may have passed on what its own proxy told it, after it had done something."""
    asked: list[bytes] = []

    def relay(request: bytes, context: grpc.ServicerContext) -> bytes:
        asked.append(request)
        told = (
            ("l5d-proxy-connection", "close"),
            ("l5d-proxy-error", "connection refused: 10.0.0.1:1 [2001]"),
        )
        context.set_trailing_metadata(told)
        context.abort(grpc.StatusCode.UNAVAILABLE, "its own call failed")
        raise AssertionError("abort raises")

    server = grpc.server(ThreadPoolExecutor(2))
    relaying: Any = grpc.unary_unary_rpc_method_handler(relay)
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler("test", {"Relay": relaying}),)
    )
    ports = [server.add_insecure_port("127.0.0.1:0") for _ in range(2)]
    server.start()
    with only(*ports) as mesh, grpc.insecure_channel(f"127.0.0.1:{mesh.outbound_port}") as channel:
        call: Any = channel.unary_unary("/test/Relay")
        for _ in range(6):
            with pytest.raises(grpc.RpcError, match="its own call failed"):
                call(b"hello", timeout=10)
        assert len(asked) == 6
    server.stop(0).wait()


def test_what_no_application_took_is_answered_with_why() -> None:
    late, never = free_ports(2)
    with Pair(late) as mesh, mesh.connect() as sock:
        assert status(ask(sock, POST)) == 502
        add(mesh, never)
        for _ in range(5):
            head = ask(sock, POST)
            assert status(head) == 502
            assert b"[2001]" in head


@pytest.mark.parametrize("meshed", [True, False])
def test_an_endpoint_that_no_descriptor_was_left_for_is_reached_later(meshed: bool) -> None:
    app = Script(200)
    with application(app) as port, Pair(port, endpoints=(), failfast=0.1) as pair:
        with pair.connect() as sock:
            assert status(ask(sock)) == 504
        with pair.connect() as sock:
            sock.sendall(GET[:-2])
            pair.becomes(lambda: len(pair.outbound.connections) == 1)
            endpoints = pair.lookups.set
            assert endpoints is not None
            with no_descriptor_left():
                pair.run(lambda: endpoints.add([pair.meshed] if meshed else plain(port)))
                pair.becomes(lambda: all(one.failing for one in pair.outbound._endpoints.values()))
                head = ask(sock, GET[-2:])
        assert status(head) == 504
        assert b"Too many open files" in head

        def works() -> bool:
            with pair.connect() as sock:
                return status(ask(sock)) == 200

        deadline = time.monotonic() + 5
        while not works():
            assert time.monotonic() < deadline


@pytest.mark.parametrize("name", ["a..b", "x" * 64, ".b", "a\0b"])
def test_an_endpoint_whose_name_cannot_be_asked_for_is_one_that_cannot_be_reached(
    name: str,
) -> None:
    with Pair(1, endpoints=(), failfast=0.1) as pair:
        with pair.connect() as sock:
            assert status(ask(sock)) == 504
        endpoints = pair.lookups.set
        assert endpoints is not None
        # This must not raise: whoever follows the endpoints would end, and the proxy with it.
        pair.run(lambda: endpoints.add([replace(pair.meshed, server_name=name)]))
        pair.becomes(lambda: all(one.failing for one in pair.outbound._endpoints.values()))
        with pair.connect() as sock:
            head = ask(sock)
        assert status(head) == 504
        assert b"TLS" in head


@contextlib.contextmanager
def no_descriptor_left() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
