"""Routes and rate limits of Servers: who may use them, and what the proxy is told."""

from typing import Any

import pytest

from destination.index import Reader
from destination.policy.inbound import InboundRules, inbound
from destination.tests.cluster import DOMAIN, Cluster, custom, pod
from destination.tests.routes import KINDS, route
from destination.translate.inbound import server
from kit.kube.objects import Key, Object
from weft.addresses import parse_networks
from weftapi.proxy import inbound_pb2 as pb

RULES = InboundRules(
    cluster_networks=parse_networks("10.0.0.0/8"), probe_networks=parse_networks("0.0.0.0/0")
)
PARENT = {"group": "policy.linkerd.io", "kind": "Server", "name": "s"}
PROBED = {
    "name": "app",
    "livenessProbe": {"httpGet": {"port": 8080, "path": "/live"}},
}


def a_server(protocol: str = "unknown", name: str = "s") -> Object:
    return custom("Server", name, {"podSelector": {}, "port": 8080, "proxyProtocol": protocol})


def said(*objects: Object, protocol: str = "unknown") -> pb.Server:
    found = Cluster(pod(containers=[PROBED]), a_server(protocol), *objects)
    return server(inbound(Reader(found.index), Key("ns", "web-1"), 8080, RULES), "ns")


def permits(target: Object, name: str = "may") -> Object:
    return custom(
        "AuthorizationPolicy",
        name,
        {
            "targetRef": target,
            "requiredAuthenticationRefs": [{"kind": "ServiceAccount", "name": "caller"}],
        },
    )


def prefix(path: str, **more: Any) -> Object:
    return {"matches": [{"path": {"type": "PathPrefix", "value": path}}], **more}


@pytest.mark.parametrize("kind", ["HTTPRoute", "PolicyHTTPRoute"])
@pytest.mark.parametrize("protocol", ["unknown", "HTTP/1", "HTTP/2"])
def test_a_route_and_who_may_use_it(kind: str, protocol: str) -> None:
    group = KINDS[kind].group
    answer = said(
        route(kind, "admin", prefix("/admin"), parent=PARENT),
        route(kind, "rest", prefix("/"), parent=PARENT),
        permits({"group": group, "kind": "HTTPRoute", "name": "admin"}),
        permits({"group": "other", "kind": "HTTPRoute", "name": "rest"}, "not-this"),
        protocol=protocol,
    )
    routes = {
        "unknown": answer.protocol.detect.http_routes,
        "HTTP/1": answer.protocol.http1.routes,
        "HTTP/2": answer.protocol.http2.routes,
    }[protocol]
    admin, rest = routes
    assert (admin.metadata.resource.group, admin.metadata.resource.name) == (group, "admin")
    assert admin.rules[0].matches[0].path.prefix == "/admin"
    (authz,) = admin.authorizations
    assert authz.metadata.resource.kind == "authorizationpolicy"
    (identity,) = authz.authentication.meshTLS.identities.identities
    assert identity.name == f"caller.ns.{DOMAIN}"
    assert list(rest.authorizations) == []
    assert list(answer.authorizations) == []


def test_without_routes_probes_are_open() -> None:
    everything, probe = said().protocol.detect.http_routes
    assert (everything.metadata.default, probe.metadata.default) == ("default", "probe")


def test_grpc_routes_are_of_grpc_servers() -> None:
    rule = {"matches": [{"method": {"service": "a.B"}}]}
    both = (
        route("GRPCRoute", "g", rule, parent=PARENT),
        route("HTTPRoute", "h", prefix("/"), parent=PARENT),
        permits({"group": "gateway.networking.k8s.io", "kind": "GRPCRoute", "name": "g"}),
    )
    (made,) = said(*both, protocol="gRPC").protocol.grpc.routes
    assert made.metadata.resource.name == "g"
    assert made.rules[0].matches[0].rpc.service == "a.B"
    assert len(made.authorizations) == 1
    (http,) = said(*both).protocol.detect.http_routes
    assert http.metadata.resource.name == "h"


def test_filters_of_a_port() -> None:
    change = {
        "type": "RequestHeaderModifier",
        "requestHeaderModifier": {"set": [{"name": "a", "value": "b"}]},
    }
    redirect = {"type": "RequestRedirect", "requestRedirect": {"hostname": "h"}}
    rule = prefix("/", filters=[change, redirect])
    (made,) = said(route("HTTPRoute", "r", rule, parent=PARENT)).protocol.detect.http_routes
    first, second = made.rules[0].filters
    assert first.request_header_modifier.set.headers[0].value == b"b"
    assert (second.redirect.host, second.redirect.status) == ("h", 302)


@pytest.mark.parametrize(
    "made",
    [
        route("HTTPRoute", "r", prefix("/"), parent={**PARENT, "name": "other"}),
        route("HTTPRoute", "r", prefix("/"), parent={**PARENT, "namespace": "other"}),
        route("HTTPRoute", "r", prefix("/"), parent={**PARENT, "group": "gateway"}),
        route(
            "HTTPRoute",
            "r",
            prefix("/", filters=[{"type": "ResponseHeaderModifier"}]),
            parent=PARENT,
        ),
    ],
)
def test_routes_that_are_not_attached(made: Object) -> None:
    routes = said(made).protocol.detect.http_routes
    assert [one.metadata.default for one in routes] == ["default", "probe"]


# -- rate limits ---------------------------------------------------------------------------------
def limit(name: str = "limit", created: str = "", **spec: Any) -> Object:
    target = {"group": "policy.linkerd.io", "kind": "Server", "name": "s"}
    return custom(
        "HTTPLocalRateLimitPolicy",
        name,
        {"targetRef": target, **spec},
        creationTimestamp=created,
    )


def rps(rate: int) -> Object:
    return {"requestsPerSecond": rate}


@pytest.mark.parametrize("protocol", ["unknown", "HTTP/1", "HTTP/2"])
def test_a_rate_limit(protocol: str) -> None:
    clients = [{"kind": "ServiceAccount", "name": "caller"}]
    answer = said(
        limit(total=rps(100), identity=rps(10), overrides=[{**rps(50), "clientRefs": clients}]),
        protocol=protocol,
    ).protocol
    made = {
        "unknown": answer.detect.http_local_rate_limit,
        "HTTP/1": answer.http1.local_rate_limit,
        "HTTP/2": answer.http2.local_rate_limit,
    }[protocol]
    assert made.metadata.resource.kind == "HTTPLocalRateLimitPolicy"
    assert (made.total.requestsPerSecond, made.identity.requestsPerSecond) == (100, 10)
    (override,) = made.overrides
    assert override.limit.requestsPerSecond == 50
    assert [one.name for one in override.clients.identities] == [f"caller.ns.{DOMAIN}"]


def test_the_older_of_two_limits() -> None:
    young = limit("a", "2026-02-01T00:00:00Z", total=rps(1))
    old = limit("b", "2026-01-01T00:00:00Z", total=rps(2))
    made = said(young, old).protocol.detect.http_local_rate_limit
    assert (made.total.requestsPerSecond, made.HasField("identity")) == (2, False)


@pytest.mark.parametrize(
    "made",
    [
        limit(total=rps(5), identity=rps(6)),
        limit(total=rps(0)),
        limit(overrides=[{**rps(5), "clientRefs": [{"kind": "Pod", "name": "x"}]}]),
    ],
)
def test_a_limit_that_cannot_be_is_none(made: Object) -> None:
    assert not said(made).protocol.detect.HasField("http_local_rate_limit")
