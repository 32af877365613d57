"""Who may come in."""

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from proxy.authz.decide import (
    LOCALHOST,
    Client,
    Denied,
    RouteNotFound,
    authorize,
    authorize_http,
    find_route,
)
from proxy.authz.policy import (
    ANY_IDENTITY,
    Authentication,
    Authorization,
    DefaultPolicyError,
    Network,
    Protocol,
    Route,
    Rule,
    ServerPolicy,
    TlsAuthenticated,
    TlsUnauthenticated,
    Unauthenticated,
    default_policy,
)
from proxy.authz.store import InboundPolicies, PolicyCell
from proxy.codec.message import Headers
from proxy.stack.match import ExactPath, HttpMatch
from proxy.stack.meta import Meta
from weft.addresses import parse_network, parse_networks
from weft.labels import DEFAULT_POLICIES

WEB = "web.emojivoto.serviceaccount.identity.weft.cluster.local"
CLUSTER = parse_networks("10.0.0.0/8,fd00::/8")

STRANGER = Client("192.0.2.1")
NEIGHBOUR = Client("10.1.2.3")
MESHED = Client("10.1.2.3", WEB, tls=True)
ANONYMOUS_TLS = Client("10.1.2.3", None, tls=True)
SPIFFE_ID = f"spiffe://machines.example/any/{WEB}"
"""Its path ends as names of service accounts do."""
MACHINE = Client("10.1.2.3", SPIFFE_ID, tls=True)
LOCAL = Client("127.0.0.1")


@pytest.mark.parametrize(
    ("policy", "admitted"),
    [
        ("all-unauthenticated", {"stranger", "neighbour", "meshed", "anonymous", "local"}),
        ("all-authenticated", {"meshed", "local"}),
        ("cluster-unauthenticated", {"neighbour", "meshed", "anonymous", "local"}),
        ("cluster-authenticated", {"meshed", "local"}),
        ("audit", {"stranger", "neighbour", "meshed", "anonymous", "local"}),
        ("deny", {"local"}),
    ],
)
def test_default_policies(policy: str, admitted: set[str]) -> None:
    clients = {
        "stranger": STRANGER,
        "neighbour": NEIGHBOUR,
        "meshed": MESHED,
        "anonymous": ANONYMOUS_TLS,
        "local": LOCAL,
    }
    chosen = default_policy(policy, CLUSTER)
    assert {name for name, client in clients.items() if admits(chosen, client)} == admitted
    assert chosen.meta == Meta.default(policy)


def admits(policy: ServerPolicy, client: Client) -> bool:
    try:
        authorize(policy, client)
    except Denied:
        return False
    return True


def test_the_list_of_default_policies_is_complete() -> None:
    for name in DEFAULT_POLICIES:
        assert default_policy(name, CLUSTER).meta.name == name


def test_default_policies_that_cannot_be() -> None:
    with pytest.raises(DefaultPolicyError, match="allowed are all-unauthenticated"):
        default_policy("everyone")
    with pytest.raises(DefaultPolicyError, match="needs the cluster's networks"):
        default_policy("cluster-authenticated")


def test_opaque_ports_have_no_routes() -> None:
    policy = default_policy("all-unauthenticated", opaque=True)
    assert policy.protocol is Protocol.OPAQUE
    assert policy.routes == ()


def test_the_answer_names_the_authorization() -> None:
    assert authorize(default_policy("audit"), STRANGER).authorization == Meta.default("audit")
    assert authorize(default_policy("deny"), LOCAL).authorization == LOCALHOST
    assert authorize(default_policy("deny"), Client("::1")).authorization == LOCALHOST


def test_a_refusal_says_who_and_where() -> None:
    with pytest.raises(Denied, match=r"192\.0\.2\.1 \(no TLS\).*default deny") as denied:
        authorize(default_policy("deny"), STRANGER)
    assert denied.value.server == Meta.default("deny")
    with pytest.raises(Denied, match=WEB):
        authorize(default_policy("deny"), MESHED)


def policy_with(authentication: Authentication, *networks: Network) -> ServerPolicy:
    meta = Meta("policy.linkerd.io", "authorizationpolicy", "emojivoto", "web-only")
    everywhere = (Network(parse_network("0.0.0.0/0")),)
    return ServerPolicy(
        Protocol.DETECT,
        Meta("policy.linkerd.io", "server", "emojivoto", "web"),
        (Authorization(meta, networks or everywhere, authentication),),
    )


@pytest.mark.parametrize(
    ("authentication", "client", "admitted"),
    [
        (Unauthenticated(), NEIGHBOUR, True),
        (TlsUnauthenticated(), NEIGHBOUR, False),
        (TlsUnauthenticated(), ANONYMOUS_TLS, True),
        (ANY_IDENTITY, ANONYMOUS_TLS, False),
        (ANY_IDENTITY, MESHED, True),
        (TlsAuthenticated(frozenset({WEB})), MESHED, True),
        (TlsAuthenticated(frozenset({"other"})), MESHED, False),
        (TlsAuthenticated(suffixes=(".identity.weft.cluster.local",)), MESHED, True),
        (TlsAuthenticated(suffixes=(f".{WEB}",)), MESHED, False),
        (TlsAuthenticated(suffixes=(".other.local",)), MESHED, False),
        (TlsAuthenticated(), MESHED, False),
        (TlsAuthenticated(frozenset({SPIFFE_ID})), MACHINE, True),
        (TlsAuthenticated(suffixes=(".identity.weft.cluster.local",)), MACHINE, False),
        (ANY_IDENTITY, MACHINE, True),
    ],
)
def test_authentications(authentication: Authentication, client: Client, admitted: bool) -> None:
    assert admits(policy_with(authentication), client) is admitted


def test_networks_with_exceptions() -> None:
    network = Network(parse_network("10.0.0.0/8"), parse_networks("10.1.0.0/16,fd00::/8"))
    inside = policy_with(Unauthenticated(), network)
    assert admits(inside, Client("10.2.0.1"))
    assert not admits(inside, Client("10.1.0.1"))
    assert not admits(inside, Client("fd00::1"))
    assert admits(inside, Client("::ffff:10.2.0.1")), "IPv4 on a dual-stack socket"
    assert ipaddress.ip_address("10.2.0.1") in network


@dataclass
class Request:
    path: str
    method: str = "GET"
    authority: str = "web"
    headers: Headers = field(default_factory=Headers)


def test_a_route_adds_to_what_its_server_allows() -> None:
    probe = Authorization(
        Meta.default("probe"), (Network(parse_network("10.0.0.0/8")),), Unauthenticated()
    )
    route = Route(Meta.default("probe"), (Rule((HttpMatch(ExactPath("/live")),)),), (), (probe,))
    rest = Route(Meta.default("default"), (Rule((HttpMatch(),)),))
    policy = ServerPolicy(Protocol.DETECT, Meta.default("deny"), (), (rest, route))
    found, rule, _match = find_route(policy, Request("/live"))
    assert (found, rule) == (route, 0)
    assert authorize_http(policy, found, NEIGHBOUR).authorization == Meta.default("probe")
    with pytest.raises(Denied) as denied:
        authorize_http(policy, find_route(policy, Request("/vote"))[0], NEIGHBOUR)
    assert denied.value.route == Meta.default("default")


def test_a_request_without_a_route() -> None:
    policy = ServerPolicy(Protocol.HTTP1, Meta.default("web"), (), ())
    with pytest.raises(RouteNotFound, match="no route of default web"):
        find_route(policy, Request("/"))


class FakeSource:
    def __init__(self) -> None:
        self.watched: list[int] = []
        self.ended: list[int] = []

    def watch_port(self, cell: PolicyCell) -> Callable[[], None]:
        port = cell.port
        self.watched.append(port)
        return lambda: self.ended.append(port)


def test_cells_follow_the_controller() -> None:
    source, deny = FakeSource(), default_policy("deny")
    policies = InboundPolicies(source, lambda port: deny)
    cell = policies.port(8080)
    assert policies.port(8080) is cell
    assert source.watched == [8080]
    assert (cell.current, cell.known, cell.version) == (deny, False, 0)
    heard: list[int] = []
    cancel = cell.watch(lambda: heard.append(cell.version))
    cell.update(deny)
    assert cell.known
    cell.update(default_policy("audit"))
    cancel()
    cell.update(deny)
    assert heard == [1]
    assert repr(cell) == "<PolicyCell 8080: deny, version 2>"


def test_a_port_nobody_uses_is_let_go() -> None:
    source, deny = FakeSource(), default_policy("deny")
    policies = InboundPolicies(source, lambda port: deny)
    held = policies.port(1)
    policies.port(2)
    policies.sweep()
    assert policies.port(2) is not None
    policies.sweep()
    assert (source.watched, source.ended) == ([1, 2], []), "asked for since the sweep before"
    policies.sweep()
    assert source.ended == [2]
    assert policies.port(1) is held, "a connection holds it"
    assert repr(policies) == "<InboundPolicies: 1 ports>"
