"""What the control plane says over the wire is what happens to requests, HTTP/1 and HTTP/2 alike: whom it
knows, whom it forgets, when it is slow, when it breaks off, and how it splits traffic."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import grpc
import pytest

from proxy.control.tests.messages import parse
from proxy.tests.attacked import Seen
from proxy.tests.h2peer import Peer
from proxy.tests.pair import AUTHORITY, LOCAL, SERVICE, Pair, application
from proxy.tests.policies import Script, ask, status
from proxy.tests.test_governed import BACKEND, HASTY, NAME, SERVICE_META, Governed
from testkit.control_plane import ControlPlane, add, endpoint, remove, service_profile
from testkit.control_plane import Script as PlaneScript
from testkit.ports import free_ports
from weft.addresses import SocketAddress
from weftapi.proxy import destination_pb2, outbound_pb2

Ask = Callable[[Pair], int]


def by_http1(pair: Pair, path: str = "/", *headers: str) -> int:
    lines = "".join(f"{line}\r\n" for line in headers)
    with pair.connect() as sock:
        return status(ask(sock, f"GET {path} HTTP/1.1\r\nHost: v\r\n{lines}\r\n".encode()))


def by_http2(pair: Pair, path: str = "/", *headers: str) -> int:
    with pair.connect() as sock:
        client = Peer(sock)
        fields = dict(line.split(": ", 1) for line in headers)
        stream = client.request("GET", path, fields)
        client.wait(lambda: stream.ended)
        assert stream.status is not None
        return stream.status


versions = pytest.mark.parametrize("once", [by_http1, by_http2], ids=["http1", "http2"])


def policy(routes: str = "", backend: str = BACKEND) -> outbound_pb2.OutboundPolicy:
    """A Service; without routes everything goes to its endpoints."""
    plain = f"routes {{ metadata {{ default: 'http' }} rules {{ backends {{ first_available {{ backends {{ {backend} }} }} }} }} }}"
    http = routes or plain
    return parse(
        outbound_pb2.OutboundPolicy,
        f"""{SERVICE_META} protocol {{ detect {{ timeout {{ seconds: 10 }} opaque {{}}
            http1 {{ {http} }} http2 {{ {http} }} }} }}""",
    )


@dataclass
class World:
    """Both proxies, a control plane that knows one Service, and two applications."""

    pair: Governed
    plane: ControlPlane
    first: Seen
    second: Seen
    ports: tuple[int, int]

    def endpoint(self, index: int = 0, **terms: int) -> destination_pb2.WeightedAddr:
        """One of the applications, without a proxy of its own."""
        return endpoint(f"{LOCAL}:{self.ports[index]}", **terms)  # type: ignore[arg-type]

    @property
    def endpoints(self) -> PlaneScript[destination_pb2.Update]:
        return self.plane.endpoints(AUTHORITY)


@contextmanager
def world(shown: outbound_pb2.OutboundPolicy | None = None) -> Iterator[World]:
    first, second = Seen(), Seen()
    with ExitStack() as stack:
        ports = (
            stack.enter_context(application(first.serve)),
            stack.enter_context(application(second.serve)),
        )
        plane = stack.enter_context(ControlPlane())
        plane.profile(str(SERVICE)).show(service_profile(NAME))
        plane.outbound(str(SERVICE)).show(shown or policy())
        pair = stack.enter_context(Governed(ports[0], plane))
        yield World(pair, plane, first, second, ports)


def until(world: World, condition: Callable[[], object]) -> None:
    world.pair.eventually(lambda: bool(condition()), True)


NOBODY = destination_pb2.Update(no_endpoints={"exists": True})
NO_SUCH_NAME = destination_pb2.Update(no_endpoints={"exists": False})


# --- discovery ------------------------------------------------------------------------------


@versions
def test_requests_go_where_the_controller_says(once: Ask) -> None:
    with world() as there:
        there.endpoints.show(add(there.endpoint()))
        assert once(there.pair) == 200
        assert len(there.first.requests) == 1


@versions
def test_what_was_looked_up_once_is_not_looked_up_again(once: Ask) -> None:
    with world() as there:
        there.endpoints.show(add(there.endpoint()))
        assert [once(there.pair) for _ in range(3)] == [200] * 3
        asked = (
            there.plane.profile(str(SERVICE)).subscriptions,
            there.plane.outbound(str(SERVICE)).subscriptions,
            there.endpoints.subscriptions,
        )
        assert asked == (1, 1, 1)


@versions
@pytest.mark.parametrize("code", [grpc.StatusCode.OK, grpc.StatusCode.UNAVAILABLE])
def test_a_stream_that_ends_is_opened_again_and_believed(once: Ask, code: grpc.StatusCode) -> None:
    with world() as there:
        there.endpoints.show(add(there.endpoint(0)))
        assert once(there.pair) == 200
        there.endpoints.end(code)
        there.endpoints.show(add(there.endpoint(1)), remove(f"{LOCAL}:{there.ports[0]}"))
        until(there, lambda: there.endpoints.subscriptions == 2 and there.endpoints.listening == 1)
        while once(there.pair) == 200 and not there.second.requests:
            pass
        assert there.second.requests


@versions
@pytest.mark.parametrize("gone", [NOBODY, NO_SUCH_NAME], ids=["empty", "no such name"])
def test_without_endpoints_requests_fail_fast(once: Ask, gone: destination_pb2.Update) -> None:
    with world(policy(backend=HASTY)) as there:
        there.endpoints.show(gone)
        assert once(there.pair) == 504
        assert there.pair.outbound.faults.latest()[0].number == 3001


@versions
@pytest.mark.parametrize("gone", [NOBODY, NO_SUCH_NAME], ids=["empty", "no such name"])
def test_a_stream_opened_again_may_say_that_nobody_is_left(
    once: Ask, gone: destination_pb2.Update
) -> None:
    with world(policy(backend=HASTY)) as there:
        there.endpoints.show(add(there.endpoint()))
        assert once(there.pair) == 200
        there.endpoints.end(grpc.StatusCode.UNAVAILABLE)
        there.endpoints.show(gone)
        until(there, lambda: there.endpoints.subscriptions == 2)
        while once(there.pair) == 200:
            pass
        assert once(there.pair) == 504


@versions
def test_a_controller_that_says_nothing_of_endpoints_fails_the_request(once: Ask) -> None:
    with world(policy(backend=HASTY)) as there:
        assert once(there.pair) == 504
        assert there.endpoints.subscriptions == 1


@versions
def test_an_address_that_is_no_service_is_sent_to_itself(once: Ask) -> None:
    with world() as there:
        itself = SocketAddress(LOCAL, there.ports[1])
        there.plane.outbound(str(itself)).refuse(grpc.StatusCode.NOT_FOUND)
        there.pair.outbound._original_destination = lambda sock: itself
        assert once(there.pair) == 200
        assert len(there.second.requests) == 1


@versions
def test_an_address_the_controller_refuses_is_sent_to_itself(once: Ask) -> None:
    with world() as there:
        itself = SocketAddress(LOCAL, there.ports[1])
        there.plane.profile(str(itself)).refuse(grpc.StatusCode.INVALID_ARGUMENT)
        there.plane.outbound(str(itself)).refuse(grpc.StatusCode.NOT_FOUND)
        there.pair.outbound._original_destination = lambda sock: itself
        assert once(there.pair) == 200
        assert len(there.second.requests) == 1


@versions
def test_an_endpoint_that_comes_up_is_connected_to(once: Ask) -> None:
    (port,) = free_ports(1)
    with world(policy(backend=HASTY)) as there:
        there.endpoints.show(add(endpoint(f"{LOCAL}:{port}")))
        assert once(there.pair) in (502, 504)
        listener = socket.create_server((LOCAL, port))
        with listener, application(there.second.serve) as real:
            listener.close()
            there.endpoints.show(add(endpoint(f"{LOCAL}:{real}")), remove(f"{LOCAL}:{port}"))
            while once(there.pair) != 200:
                pass
        assert there.second.requests


def test_labels_come_from_the_set_and_from_each_address_and_change_with_them() -> None:
    def told(deployment: str) -> destination_pb2.Update:
        address = f"{LOCAL}:{there.ports[0]}"
        return add(endpoint(address, pod=deployment + "-0"), deployment=deployment)

    with world() as there:
        there.endpoints.show(told("one"))
        assert by_http1(there.pair) == 200
        labels = {"direction": "outbound", "dst_deployment": "one", "dst_pod": "one-0"}
        assert there.pair.metric("request_total", **labels) == 1
        there.endpoints.push(told("two"))
        while not there.pair.metric("request_total", dst_deployment="two", dst_pod="two-0"):
            assert by_http1(there.pair) == 200


# --- routes ---------------------------------------------------------------------------------


def routed_by(matches: str) -> outbound_pb2.OutboundPolicy:
    """Two rules: what matches is answered with 418, everything else is served."""
    teapot = "filters { failure_injector { status: 418 message: 'no' ratio { numerator: 1 denominator: 1 } } }"
    backends = f"backends {{ first_available {{ backends {{ {BACKEND} }} }} }}"
    return policy(
        f"""routes {{ metadata {{ default: 'mine' }}
            rules {{ matches {{ {matches} }} {teapot} {backends} }}
            rules {{ {backends} }} }}"""
    )


@versions
def test_the_default_route_takes_everything(once: Ask) -> None:
    with world() as there:
        there.endpoints.show(add(there.endpoint()))
        assert once(there.pair) == 200
        found = "outbound_http_route_request_statuses_total"
        assert there.pair.metric(found, route_name="http", route_kind="default") == 1


@versions
def test_a_route_without_rules_takes_nothing(once: Ask) -> None:
    with world(policy("routes { metadata { default: 'empty' } }")) as there:
        there.endpoints.show(add(there.endpoint()))
        assert once(there.pair) == 404
        assert there.first.requests == []


@pytest.mark.parametrize("once", [by_http1, by_http2], ids=["http1", "http2"])
def test_routes_are_chosen_by_header(once: Callable[..., int]) -> None:
    with world(routed_by("headers { name: 'x-kind' exact: 'tea' }")) as there:
        there.endpoints.show(add(there.endpoint()))
        assert once(there.pair, "/", "x-kind: tea") == 418
        assert once(there.pair, "/", "x-kind: coffee") == 200
        assert once(there.pair, "/") == 200


@pytest.mark.parametrize("once", [by_http1, by_http2], ids=["http1", "http2"])
def test_routes_are_chosen_by_path(once: Callable[..., int]) -> None:
    with world(routed_by("path { prefix: '/tea' }")) as there:
        there.endpoints.show(add(there.endpoint()))
        assert once(there.pair, "/tea/pot") == 418
        assert once(there.pair, "/teapot") == 200
        assert once(there.pair, "/coffee") == 200


# --- traffic splits -------------------------------------------------------------------------

OTHER = "other.demo.svc.cluster.local:8080"


def split(**weights: int) -> destination_pb2.DestinationProfile:
    """The Service's profile with overrides: `first` and `second` are the two applications."""
    described = service_profile(NAME)
    for name, weight in weights.items():
        authority = AUTHORITY if name == "first" else OTHER
        described.dst_overrides.add(authority=authority, weight=weight)
    return described


def served(there: World, requests: int = 40) -> tuple[int, int]:
    """How many of so many requests went to either application."""
    there.first.requests.clear()
    there.second.requests.clear()
    assert {by_http1(there.pair) for _ in range(requests)} == {200}
    return len(there.first.requests), len(there.second.requests)


def test_overrides_come_change_and_go() -> None:
    with world() as there:
        there.endpoints.show(add(there.endpoint(0)))
        there.plane.endpoints(OTHER).show(add(there.endpoint(1)))
        said = there.plane.profile(str(SERVICE))
        assert served(there) == (40, 0)

        said.show(split(second=10_000))
        _await(there, lambda found: found == (0, 40))

        said.show(split(first=10_000, second=10_000))
        _await(there, lambda found: min(found) >= 4)

        said.show(split(first=0, second=10_000))
        _await(there, lambda found: found == (0, 40))

        said.show(service_profile(NAME))
        _await(there, lambda found: found == (40, 0))


def test_overrides_that_all_weigh_nothing_fail_rather_than_go_astray() -> None:
    with world() as there:
        there.endpoints.show(add(there.endpoint(0)))
        there.plane.endpoints(OTHER).show(add(there.endpoint(1)))
        there.plane.profile(str(SERVICE)).show(split(first=0, second=0))
        answers = {by_http1(there.pair) for _ in range(10)}
        assert answers <= {200, 502, 503, 504}
        assert there.pair.reactor.failures == 0


def _await(there: World, expected: Callable[[tuple[int, int]], bool]) -> None:
    """Ask until requests are split as expected, or for half a minute of tries."""
    for _ in range(100):
        if expected(found := served(there)):
            return
    raise AssertionError(f"still {found}")


# --- profiles that say how to retry ---------------------------------------------------------


def described(terms: str, **budget: float) -> destination_pb2.DestinationProfile:
    shown = service_profile(NAME)
    shown.routes.append(parse(destination_pb2.Route, terms))
    if budget:
        shown.retry_budget.retry_ratio = budget.get("ratio", 0.5)
        shown.retry_budget.min_retries_per_second = 10
        shown.retry_budget.ttl.FromSeconds(int(budget.get("ttl", 10)))
    return shown


ALL = 'condition { path { regex: ".*" } } is_retryable: true'
POST = b"POST / HTTP/1.1\r\nHost: v\r\n%s\r\n%s"
SIZED = POST % (b"Content-Length: 5\r\n", b"hello")
CHUNKED = POST % (b"Transfer-Encoding: chunked\r\n", b"5\r\nhello\r\n0\r\n\r\n")
LONG = POST % (b"Content-Length: 70000\r\n", b"x" * 70_000)
LONG_STREAM = POST % (
    b"Transfer-Encoding: chunked\r\n",
    b"%x\r\n%s\r\n" % (35_000, b"x" * 35_000) * 2 + b"0\r\n\r\n",
)


@pytest.mark.parametrize(
    ("shown", "request_", "statuses", "tries"),
    [
        (described(ALL, ttl=10), SIZED, (500, 200), 2),
        (described(ALL, ttl=10), SIZED.replace(b"POST", b"PUT"), (500, 200), 2),
        (described(ALL, ttl=10), CHUNKED, (500, 200), 2),
        (described(ALL, ttl=10), LONG, (500, 200), 1),
        (described(ALL, ttl=10), LONG_STREAM, (500, 200), 1),
        (described(ALL), SIZED, (500, 200), 1),
        (described(ALL.replace(".*", "/other"), ttl=10), SIZED, (500, 200), 1),
        (
            described(
                ALL + " response_classes { condition { status { min: 500 max: 500 } } "
                "is_failure: false } response_classes { condition { status { min: 500 max: 599 } } "
                "is_failure: true }",
                ttl=10,
            ),
            SIZED,
            (500, 200),
            1,
        ),
        (described(ALL, ttl=1000), SIZED, (500, 200), 1),
        (described(ALL, ttl=0), SIZED, (500, 200), 1),
        (described(ALL, ratio=10_000), SIZED, (500, 200), 1),
        (described(ALL, ratio=-1), SIZED, (500, 200), 1),
    ],
    ids=[
        "POST",
        "PUT",
        "without a length",
        "long body",
        "long body in chunks",
        "no budget",
        "another route",
        "an earlier class says success",
        "budget that lasts too long",
        "budget that lasts no time",
        "budget of a ratio too high",
        "budget of a negative ratio",
    ],
)
def test_what_a_profile_lets_be_retried(
    shown: destination_pb2.DestinationProfile,
    request_: bytes,
    statuses: tuple[int, ...],
    tries: int,
) -> None:
    app = Script(*statuses)
    with world() as there, application(app) as port:
        there.plane.profile(str(SERVICE)).show(shown)
        there.endpoints.show(add(endpoint(f"{LOCAL}:{port}")))
        with there.pair.connect() as sock:
            answer = status(ask(sock, request_))
        assert len(app.requests) == tries
        assert answer == (statuses[0] if tries == 1 else statuses[1])
