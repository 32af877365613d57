"""Inbound policies: which Server, which protocol, who may call, and what the kubelet probes."""

from dataclasses import replace
from typing import Any

import pytest

from destination.index import Reader
from destination.policy.inbound import InboundPolicy, InboundRules, inbound
from destination.tests.cluster import DOMAIN, Cluster, custom, pod
from destination.translate.inbound import server
from kit.kube.objects import Key, Object
from kit.rpc.status import NotFound
from weft.addresses import parse_networks
from weft.labels import (
    DEFAULT_INBOUND_POLICY,
    DEFAULT_POLICIES,
    OPAQUE_PORTS,
    REQUIRE_IDENTITY_INBOUND_PORTS,
)
from weftapi.proxy import inbound_pb2 as pb

RULES = InboundRules(
    cluster_networks=parse_networks("10.0.0.0/8"), probe_networks=parse_networks("0.0.0.0/0")
)
WEB = Key("ns", "web-1")


def ask(*objects: Object, port: int = 8080, rules: InboundRules = RULES) -> InboundPolicy:
    return inbound(Reader(Cluster(*(objects or (pod(),))).index), WEB, port, rules)


def said(*objects: Object, port: int = 8080, rules: InboundRules = RULES) -> pb.Server:
    return server(ask(*objects, port=port, rules=rules), "ns")


def networks(authz: pb.Authz) -> list[str]:
    def text(one: Any) -> str:
        return ("v6" if one.ip.HasField("ipv6") else hex(one.ip.ipv4)) + f"/{one.prefix_len}"

    return [
        text(one.net) + "".join(f"-{text(out)}" for out in getattr(one, "except"))
        for one in authz.networks
    ]


def test_an_unknown_pod() -> None:
    with pytest.raises(NotFound, match="unknown server"):
        ask(pod("other"))


@pytest.mark.parametrize("policy", DEFAULT_POLICIES)
def test_the_default_policies(policy: str) -> None:
    answer = said(pod(annotations={DEFAULT_INBOUND_POLICY: policy}))
    assert dict(answer.labels) == {"group": "", "kind": "default", "name": policy}
    assert answer.protocol.detect.timeout.ToSeconds() == 10
    if policy == "deny":
        assert list(answer.authorizations) == []
        return
    (authz,) = answer.authorizations
    assert authz.metadata.default == policy
    everywhere = ["0x0/0", "v6/0"]
    assert networks(authz) == (["0xa000000/8"] if policy.startswith("cluster") else everywhere)
    if policy.endswith("-authenticated"):
        (suffix,) = authz.authentication.meshTLS.identities.suffixes
        assert list(suffix.parts) == []
    else:
        assert authz.authentication.HasField("unauthenticated")


def test_the_operators_default_and_the_pods() -> None:
    deny = replace(RULES, default_policy="deny")
    assert ask(rules=deny).name == "deny"
    assert ask(pod(annotations={DEFAULT_INBOUND_POLICY: "audit"}), rules=deny).name == "audit"


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ("all-unauthenticated", "all-authenticated"),
        ("cluster-unauthenticated", "cluster-authenticated"),
        ("all-authenticated", "all-authenticated"),
        ("deny", "deny"),
        ("audit", "audit"),
    ],
)
def test_ports_that_require_identity(policy: str, expected: str) -> None:
    one = pod(annotations={DEFAULT_INBOUND_POLICY: policy, REQUIRE_IDENTITY_INBOUND_PORTS: "8080"})
    assert ask(one).name == expected
    assert ask(one, port=8081).name == policy


@pytest.mark.parametrize(
    ("annotations", "port", "opaque"),
    [
        ({}, 8080, False),
        ({}, 5432, True),
        ({OPAQUE_PORTS: "8080"}, 8080, True),
        ({OPAQUE_PORTS: "8080"}, 5432, False),
    ],
)
def test_opaque_ports(annotations: dict[str, str], port: int, opaque: bool) -> None:
    answer = said(pod(annotations=annotations), port=port)
    assert answer.protocol.WhichOneof("kind") == ("opaque" if opaque else "detect")


PROBED = {
    "name": "app",
    "ports": [{"name": "http", "containerPort": 8080}],
    "livenessProbe": {"httpGet": {"port": "http", "path": "/live"}},
    "readinessProbe": {"httpGet": {"port": 8080, "path": "/ready"}},
    "startupProbe": {"httpGet": {"port": 9, "path": "/else"}},
}


def test_probe_routes_are_open_even_where_nobody_may_call() -> None:
    answer = said(pod(containers=[PROBED], annotations={DEFAULT_INBOUND_POLICY: "deny"}))
    everything, probe = answer.protocol.detect.http_routes
    assert everything.metadata.default == "default"
    assert everything.rules[0].matches[0].path.prefix == "/"
    assert list(everything.authorizations) == []
    assert probe.metadata.default == "probe"
    assert [one.path.exact for one in probe.rules[0].matches] == ["/live", "/ready"]
    assert all(one.method.registered == 0 for one in probe.rules[0].matches)
    assert probe.rules[0].matches[0].method.HasField("registered")
    (authz,) = probe.authorizations
    assert authz.metadata.default == "probe"
    assert authz.authentication.HasField("unauthenticated")
    assert networks(authz) == ["0x0/0"]


def test_no_probe_route_without_probes_or_networks() -> None:
    assert len(said(pod(containers=[PROBED]), port=81).protocol.detect.http_routes) == 1
    closed = replace(RULES, probe_networks=())
    assert len(said(pod(containers=[PROBED]), rules=closed).protocol.detect.http_routes) == 1


# -- Server resources ----------------------------------------------------------------------------
def srv(name: str = "s", **spec: Any) -> Object:
    return custom("Server", name, {"podSelector": {}, "port": 8080, **spec})


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        (None, "detect"),
        ("unknown", "detect"),
        ("HTTP/1", "http1"),
        ("HTTP/2", "http2"),
        ("gRPC", "grpc"),
        ("opaque", "opaque"),
        ("TLS", "tls"),
    ],
)
def test_a_servers_protocol(given: str | None, kind: str) -> None:
    answer = said(pod(), srv(proxyProtocol=given) if given else srv())
    assert answer.protocol.WhichOneof("kind") == kind
    assert dict(answer.labels) == {"group": "policy.linkerd.io", "kind": "server", "name": "s"}
    assert list(answer.authorizations) == [], "a Server denies unless something permits"


def test_a_servers_access_policy() -> None:
    (authz,) = said(pod(), srv(accessPolicy="all-unauthenticated")).authorizations
    assert authz.metadata.default == "all-unauthenticated"


@pytest.mark.parametrize(
    ("selector", "port", "applies"),
    [
        ({}, 8080, True),
        ({"matchLabels": {"app": "web"}}, 8080, True),
        ({"matchLabels": {"app": "other"}}, 8080, False),
        ({"matchExpressions": [{"key": "app", "operator": "In", "values": ["web"]}]}, 8080, True),
        (
            {"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["web"]}]},
            8080,
            False,
        ),
        ({"matchExpressions": [{"key": "app", "operator": "Exists"}]}, "http", True),
        ({"matchExpressions": [{"key": "app", "operator": "DoesNotExist"}]}, 8080, False),
        ({"matchExpressions": [{"key": "tier", "operator": "NotIn", "values": ["x"]}]}, 8080, True),
        ({}, 8081, False),
        ({}, "https", False),
    ],
)
def test_which_pods_and_ports_a_server_describes(
    selector: Object, port: int | str, applies: bool
) -> None:
    one = pod(labels={"app": "web"}, containers=[PROBED])
    found = ask(one, srv(podSelector=selector, port=port))
    assert found.kind == ("server" if applies else "default")


def test_of_several_servers_the_oldest_counts_then_the_name() -> None:
    old = custom(
        "Server", "z", {"podSelector": {}, "port": 8080}, creationTimestamp="2020-01-01T00:00:00Z"
    )
    new = [
        custom(
            "Server", n, {"podSelector": {}, "port": 8080}, creationTimestamp="2021-01-01T00:00:00Z"
        )
        for n in ("a", "b")
    ]
    assert ask(pod(), *new, old).name == "z"
    assert ask(pod(), *reversed(new)).name == "a"


def test_a_server_of_another_namespace_is_not_ours() -> None:
    foreign = custom("Server", "s", {"podSelector": {}, "port": 8080}, "other")
    assert ask(pod(), foreign).kind == "default"


@pytest.mark.parametrize(
    "spec",
    [
        {"podSelector": {}, "port": 80, "proxyProtocol": "SPDY"},
        {"podSelector": {}, "port": 80, "accessPolicy": "open"},
        {"podSelector": {"matchExpressions": [{"key": "a", "operator": "Gt"}]}, "port": 80},
        {"podSelector": {}},
    ],
)
def test_a_server_that_says_nonsense_is_refused(spec: Object) -> None:
    with pytest.raises((ValueError, KeyError)):
        Cluster(custom("Server", "s", spec))


# -- ServerAuthorizations ------------------------------------------------------------------------
def saz(client: Object, server: Object | None = None) -> Object:
    return custom(
        "ServerAuthorization", "saz", {"server": server or {"name": "s"}, "client": client}
    )


def permitted(*objects: Object) -> pb.Authz:
    (authz,) = said(pod(), srv(), *objects).authorizations
    return authz


def test_a_server_authorization_is_encoded_with_its_name() -> None:
    authz = permitted(saz({"unauthenticated": True}))
    assert authz.metadata.resource.kind == "serverauthorization"
    assert (authz.metadata.resource.name, authz.metadata.resource.namespace) == ("saz", "ns")
    assert dict(authz.labels) == {
        "group": "policy.linkerd.io",
        "kind": "serverauthorization",
        "name": "saz",
    }
    assert authz.authentication.HasField("unauthenticated")
    assert networks(authz) == ["0xa000000/8"], "no networks: the cluster's"


def test_server_authorization_clients() -> None:
    tls = {
        "identities": ["a.b", "*.c.d", "*"],
        "serviceAccounts": [{"name": "x"}, {"name": "y", "namespace": "z"}],
    }
    cidr = {"cidr": "10.1.0.0/16", "except": ["10.1.1.0/24"]}
    authz = permitted(saz({"meshTLS": tls, "networks": [cidr]}))
    clients = authz.authentication.meshTLS.identities
    assert [one.name for one in clients.identities] == ["a.b", f"x.ns.{DOMAIN}", f"y.z.{DOMAIN}"]
    assert [list(one.parts) for one in clients.suffixes] == [["c", "d"], []]
    assert networks(authz) == ["0xa010000/16-0xa010100/24"]


def test_any_tls_and_nobody() -> None:
    anyone = permitted(saz({"meshTLS": {"unauthenticatedTLS": True}}))
    assert anyone.authentication.meshTLS.HasField("unauthenticated")
    nobody = permitted(saz({}))
    assert (
        nobody.authentication.meshTLS.identities == pb.Authn.PermitMeshTLS.PermitClientIdentities()
    )


def test_server_authorizations_select_by_label() -> None:
    labelled = custom("Server", "s", {"podSelector": {}, "port": 8080}, labels={"tier": "db"})
    chosen = saz({"unauthenticated": True}, {"selector": {"matchLabels": {"tier": "db"}}})
    other = saz({"unauthenticated": True}, {"selector": {"matchLabels": {"tier": "web"}}})
    assert len(ask(pod(), labelled, chosen).authorizations) == 1
    assert len(ask(pod(), labelled, other).authorizations) == 0


# -- AuthorizationPolicies -----------------------------------------------------------------------
SERVER_REF = {"group": "policy.linkerd.io", "kind": "Server", "name": "s"}


def policy(*required: Object, target: Object | None = None) -> Object:
    refs = [{"group": "policy.linkerd.io", **one} for one in required]
    spec = {"targetRef": target or SERVER_REF, "requiredAuthenticationRefs": refs}
    return custom("AuthorizationPolicy", "ap", spec)


MESH = custom(
    "MeshTLSAuthentication",
    "mesh",
    {
        "identities": ["a.b"],
        "identityRefs": [
            {"kind": "ServiceAccount", "name": "x"},
            {"kind": "Namespace", "name": "other"},
        ],
    },
)
NET = custom("NetworkAuthentication", "net", {"networks": [{"cidr": "10.2.0.0/16"}]})
MESH_REF = {"kind": "MeshTLSAuthentication", "name": "mesh"}
NET_REF = {"kind": "NetworkAuthentication", "name": "net"}


def test_a_policy_with_identities_and_networks() -> None:
    authz = permitted(policy(MESH_REF, NET_REF), MESH, NET)
    assert authz.metadata.resource.kind == "authorizationpolicy"
    clients = authz.authentication.meshTLS.identities
    assert [one.name for one in clients.identities] == ["a.b", f"x.ns.{DOMAIN}"]
    assert [list(one.parts) for one in clients.suffixes] == [["other", *DOMAIN.split(".")]]
    assert networks(authz) == ["0xa020000/16"]


def test_networks_alone_need_no_identity() -> None:
    authz = permitted(policy(NET_REF), NET)
    assert authz.authentication.HasField("unauthenticated")
    assert networks(permitted(policy())) == ["0x0/0", "v6/0"]


def test_a_service_account_reference() -> None:
    authz = permitted(policy({"kind": "ServiceAccount", "name": "x", "namespace": "z"}))
    (identity,) = authz.authentication.meshTLS.identities.identities
    assert identity.name == f"x.z.{DOMAIN}"


@pytest.mark.parametrize(
    "required",
    [
        [MESH_REF],
        [NET_REF],
        [MESH_REF, NET_REF],
        [{"kind": "Riddle", "name": "x"}],
        [{"kind": "ServiceAccount", "name": "x"}, {"kind": "ServiceAccount", "name": "y"}],
    ],
)
def test_a_policy_whose_requirements_are_not_there_permits_nobody(required: list[Object]) -> None:
    assert ask(pod(), srv(), policy(*required)).authorizations == ()


def test_policies_may_target_the_namespace() -> None:
    authz = permitted(policy(NET_REF, target={"kind": "Namespace", "name": "ns"}), NET)
    assert networks(authz) == ["0xa020000/16"]
    other = policy(NET_REF, target={"kind": "Namespace", "name": "other"})
    assert ask(pod(), srv(), other, NET).authorizations == ()


def test_changes_of_an_authentication_are_heard_of() -> None:
    cluster = Cluster(pod(), srv(), policy(MESH_REF))
    reader = Reader(cluster.index)
    inbound(reader, WEB, 8080, RULES)
    assert cluster.put(MESH) & reader.facts
