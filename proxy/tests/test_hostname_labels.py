"""The host names of requests as a label of route metrics: where it is asked for, and few."""

from __future__ import annotations

from proxy.outbound import hostnames
from proxy.tests.pair import Pair, application, echo_http, read_message
from proxy.tests.policies import Script, applications, ask, plain, routed, rule
from proxy.tests.test_retries import SERVER_ERRORS
from proxy.tests.test_stream_routes import POLICY, client_hello, naming

STATUSES = "outbound_http_route_request_statuses_total"


def ask_for(pair: Pair, *hosts: str) -> None:
    """One request for each, on one connection."""
    with pair.connect() as sock:
        for host in hosts:
            sock.sendall(f"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
            assert read_message(sock)[0].startswith(b"HTTP/1.1 200")


def test_requests_are_told_apart_by_the_name_they_ask_for() -> None:
    with application(echo_http) as port, Pair(port, hostname_labels=True) as pair:
        ask_for(pair, "a.example", "A.Example:8080", "b.example", "10.1.2.3")
        assert pair.metric(STATUSES, hostname="a.example", http_status="200") == 2
        assert pair.metric(STATUSES, hostname="b.example", http_status="200") == 1
        assert pair.metric(STATUSES, http_status="200") == 4
        assert "10.1.2.3" not in pair.metrics()
        took = "outbound_http_route_request_duration_seconds_count"
        assert pair.metric(took, hostname="a.example") == 2
        backend = "outbound_http_route_backend_requests_total"
        assert pair.metric(backend) == 4
        assert pair.metric(backend, hostname="a.example") == 0


def test_they_are_not_unless_somebody_wants_it() -> None:
    with application(echo_http) as port, Pair(port) as pair:
        ask_for(pair, "a.example", "b.example")
        assert pair.metric(STATUSES, http_status="200") == 2
        assert "hostname" not in pair.metrics()


def test_whoever_invents_names_makes_no_more_than_so_many_series() -> None:
    with application(echo_http) as port, Pair(port, hostname_labels=True) as pair:
        ask_for(pair, *(f"n{number}.example" for number in range(hostnames.MOST + 20)))
        lines = [line for line in pair.metrics().splitlines() if line.startswith(STATUSES)]
        assert len(lines) == hostnames.MOST + 1
        assert sum("hostname" not in line for line in lines) == 1
        assert pair.metric(STATUSES) == hostnames.MOST + 20


def test_retries_are_told_apart_as_well() -> None:
    script = Script(500, 200)
    policy = routed(rule(retry=SERVER_ERRORS))
    with (
        application(script) as port,
        Pair(port, outbound_policy=policy, endpoints=plain(port), hostname_labels=True) as pair,
        pair.connect() as sock,
    ):
        assert ask(sock).startswith(b"HTTP/1.1 200")
        assert pair.metric("outbound_http_route_retry_requests_total", hostname="v") == 1


def test_server_names_of_tls_are_told_apart() -> None:
    with (
        applications(naming(b"all")) as (port,),
        Pair(port, outbound_policy=POLICY, hostname_labels=True) as pair,
    ):
        pair.lookups.sets = {"all:443": plain(port), "one:443": []}
        for name in ("two.example.com", "THREE.example.com"):
            with pair.connect() as sock:
                sock.sendall(client_hello(name))
                assert sock.recv(100).startswith(b"all")
        opened = "outbound_tls_route_open_total"
        assert pair.metric(opened, hostname="two.example.com", route_name="all") == 1
        assert pair.metric(opened, hostname="three.example.com", route_name="all") == 1
