"""Every rule, by a resource that it lets pass and one that it refuses, with what is said."""

from typing import Any

import pytest

from destination.admission.rules import Judgement, judge
from destination.admission.tests.resources import (
    KINDS,
    MACHINE,
    ON_EGRESS,
    ON_GATEWAY,
    ON_SERVER,
    ON_SERVICE,
    SERVER,
    policy,
    profile,
    resource,
    rules,
)
from weft.labels import DEFAULT_INBOUND_POLICY, OPAQUE_PORTS

MESH_TLS = {"group": "policy.linkerd.io", "kind": "MeshTLSAuthentication", "name": "clients"}
NETWORKS = {"group": "policy.linkerd.io", "kind": "NetworkAuthentication", "name": "inside"}
ACCOUNT = {"kind": "ServiceAccount", "name": "vote-bot"}
IDENTITY = "vote-bot.shop.serviceaccount.identity.weft.cluster.local"
NAME = "web.shop.svc.cluster.local"
BACKEND = {"name": "web", "port": 80}
TO_WEB = {"backendRefs": [BACKEND]}


def judged(kind: str, spec: Any, **more: Any) -> Judgement:
    found = KINDS[kind]
    name = {"name": NAME} if kind == "ServiceProfile" else {}
    return judge(found.group, found.kind, resource(kind, spec, **{**name, **more}))


def server_authorization(**client: Any) -> dict[str, Any]:
    return {"server": {"name": "web"}, "client": client}


def filtered(kind: str, **fields: Any) -> dict[str, Any]:
    return {**TO_WEB, "filters": [{"type": kind, **fields}]}


def redirected(**fields: Any) -> dict[str, Any]:
    return filtered("RequestRedirect", requestRedirect=fields)


def matched(**match: Any) -> dict[str, Any]:
    return {**TO_WEB, "matches": [match]}


RIGHT: list[tuple[str, Any]] = [
    ("Server", SERVER),
    ("Server", SERVER | {"port": 8080, "proxyProtocol": "gRPC", "accessPolicy": "audit"}),
    ("Server", {"externalWorkloadSelector": {"matchLabels": {"app": "vm"}}, "port": 80}),
    ("Server", {"podSelector": {"matchExpressions": [{"key": "app", "operator": "Exists"}]}, "port": 1}),
    ("ServerAuthorization", server_authorization(unauthenticated=True)),
    ("ServerAuthorization", server_authorization(meshTLS={"unauthenticatedTLS": True})),
    ("ServerAuthorization", server_authorization(meshTLS={"identities": ["*", "*.cluster.local", IDENTITY]})),
    ("ServerAuthorization", server_authorization(meshTLS={"serviceAccounts": [{"name": "default"}]})),
    ("ServerAuthorization", server_authorization(networks=[{"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}])),
    ("AuthorizationPolicy", policy(MESH_TLS, NETWORKS)),
    ("AuthorizationPolicy", policy(ACCOUNT)),
    ("AuthorizationPolicy", policy()),
    ("AuthorizationPolicy", policy(kind="Namespace", name="shop")),
    ("AuthorizationPolicy", policy(group="core", kind="Namespace", name="shop")),
    ("AuthorizationPolicy", policy(group="policy.linkerd.io", kind="HTTPRoute", name="r")),
    ("AuthorizationPolicy", policy(group="gateway.networking.k8s.io", kind="HTTPRoute", name="r")),
    ("AuthorizationPolicy", policy(group="gateway.networking.k8s.io", kind="GRPCRoute", name="r")),
    ("MeshTLSAuthentication", {"identities": ["*"]}),
    ("MeshTLSAuthentication", {"identities": ["spiffe://machines.test/vm-1"]}),
    ("MeshTLSAuthentication", {"identities": [f"*.{IDENTITY}", IDENTITY]}),
    ("MeshTLSAuthentication", {"identityRefs": [ACCOUNT, {"kind": "Namespace", "name": "other"}]}),
    ("NetworkAuthentication", {"networks": [{"cidr": "10.0.0.0/8"}, {"cidr": "fd00::/8"}]}),
    ("NetworkAuthentication", {"networks": [{"cidr": "10.0.0.0/8", "except": ["10.0.0.1", "10.2.0.0/16"]}]}),
    ("HTTPLocalRateLimitPolicy", {"targetRef": ON_SERVER, "total": {"requestsPerSecond": 10}}),
    (
        "HTTPLocalRateLimitPolicy",
        {
            "targetRef": ON_SERVER,
            "total": {"requestsPerSecond": 10},
            "identity": {"requestsPerSecond": 10},
            "overrides": [{"requestsPerSecond": 5, "clientRefs": [ACCOUNT]}],
        },
    ),
    ("EgressNetwork", {"trafficPolicy": "Deny"}),
    ("EgressNetwork", {"trafficPolicy": "Allow", "networks": [{"cidr": "0.0.0.0/0", "except": ["10.0.0.0/8"]}]}),
    ("PolicyHTTPRoute", rules(TO_WEB)),
    ("PolicyHTTPRoute", rules({}, parent=ON_SERVER)),
    ("PolicyHTTPRoute", rules(TO_WEB, parent=ON_EGRESS | {"port": 443})),
    ("PolicyHTTPRoute", rules(matched(path={"type": "PathPrefix", "value": "/a"}))),
    ("PolicyHTTPRoute", rules(redirected(path={"type": "ReplaceFullPath", "replaceFullPath": "/b"}))),
    ("PolicyHTTPRoute", rules({"timeouts": {"request": "2s", "backendRequest": "1s"}})),
    ("PolicyHTTPRoute", rules(filtered("ResponseHeaderModifier"))),
    ("HTTPRoute", rules(TO_WEB)),
    ("GRPCRoute", rules(TO_WEB)),
    ("GRPCRoute", rules(matched(method={"service": "s", "method": "m"}))),
    ("TLSRoute", rules(TO_WEB)),
    ("TCPRoute", rules(TO_WEB)),
    ("ExternalWorkload", MACHINE),
    ("ExternalWorkload", MACHINE | {"workloadIPs": [{"ip": "10.0.0.1"}, {"ip": "fd00::1"}], "ports": []}),
    ("ServiceProfile", {}),
    ("ServiceProfile", profile()),
    ("ServiceProfile", profile(timeout="1m30s", isRetryable=True, condition={"pathRegex": "/a/.*"})),
    ("ServiceProfile", profile(condition={"all": [{"method": "GET"}, {"not": [{"pathRegex": "/b"}]}]})),
    ("ServiceProfile", profile(condition={"not": {"any": [{"method": "GET"}]}})),
    ("ServiceProfile", profile(responseClasses=[{"condition": {"status": {"min": 500, "max": 599}}}])),
    ("ServiceProfile", {"retryBudget": {"retryRatio": 0.2, "minRetriesPerSecond": 10, "ttl": "10s"}}),
    ("ServiceProfile", {"dstOverrides": [{"authority": "a", "weight": "500m"}], "opaquePorts": ["25", "100-200"]}),
]  # fmt: skip

WRONG: list[tuple[str, Any, str]] = [
    # Server
    ("Server", SERVER | {"accessPolicy": "open"},
     "spec.accessPolicy: 'open' is not one of all-unauthenticated, all-authenticated, cluster-unauthenticated"),
    ("Server", SERVER | {"proxyProtocol": "HTTP/3"}, "spec.proxyProtocol: 'HTTP/3' is not one of unknown, HTTP/1, HTTP/2"),
    ("Server", SERVER | {"port": 0}, "spec.port: 0 is not a port: allowed are 1 to 65535 and what a container calls a port"),
    ("Server", SERVER | {"port": 70000}, "spec.port: 70000 is not a port"),
    ("Server", SERVER | {"port": "80"}, "spec.port: '80' is not a port"),
    ("Server", SERVER | {"port": "admin_http"}, "spec.port: 'admin_http' is not a port"),
    ("Server", SERVER | {"port": "a-name-of-17-char"}, "spec.port: 'a-name-of-17-char' is not a port"),
    ("Server", {"podSelector": {}}, "spec.port: it is missing"),
    ("Server", {"podSelector": {"matchExpressions": [{"key": "a", "operator": "Like"}]}, "port": 80},
     "spec.podSelector.matchExpressions[0].operator: 'Like' is not one of In, NotIn, Exists, DoesNotExist"),
    ("Server", {"externalWorkloadSelector": {"matchExpressions": [{"operator": "In"}]}, "port": 80},
     "spec.externalWorkloadSelector.matchExpressions[0].key: it is missing"),
    # ExternalWorkload
    ("ExternalWorkload", MACHINE | {"meshTLS": {"identity": "a b", "serverName": "a"}},
     "spec.meshTLS.identity: 'a b' is not an identity: allowed are a DNS name, and spiffe://TRUST-DOMAIN/PATH"),
    ("ExternalWorkload", MACHINE | {"workloadIPs": [{"ip": "127.0.0.1"}]},
     "spec.workloadIPs[0].ip: '127.0.0.1' is not an address that others can reach the machine by"),
    ("ExternalWorkload", MACHINE | {"ports": [{"name": "a", "port": 1}, {"name": "a", "port": 2}]},
     "spec.ports[1].name: 'a' is another port's name already"),
    # ServerAuthorization
    ("ServerAuthorization", server_authorization(unauthenticated=True, meshTLS={"identities": ["*"]}),
     "spec.client: unauthenticated and meshTLS exclude each other"),
    ("ServerAuthorization", server_authorization(meshTLS={"unauthenticatedTLS": True, "identities": ["*"]}),
     "spec.client.meshTLS: unauthenticatedTLS excludes identities and serviceAccounts"),
    ("ServerAuthorization", server_authorization(meshTLS={"identities": ["a.*"]}),
     "spec.client.meshTLS.identities[0]: 'a.*' is not an identity: allowed are a DNS name, `*.` and the end of one, `*`, and spiffe://"),
    ("ServerAuthorization", server_authorization(networks=[{"cidr": "10.0.0.0/33"}]),
     "spec.client.networks[0].cidr: '10.0.0.0/33' is not a network"),
    ("ServerAuthorization", server_authorization(networks=[{"cidr": "10.0.0.0/8", "except": ["11.0.0.0/16"]}]),
     "spec.client.networks[0].except[0]: 11.0.0.0/16 is not within 10.0.0.0/8"),
    ("ServerAuthorization", server_authorization(networks=[{"cidr": "10.0.0.0/8", "except": ["10.0.0.0/8"]}]),
     "spec.client.networks[0].except[0]: 10.0.0.0/8 leaves nothing of 10.0.0.0/8"),
    # AuthorizationPolicy
    ("AuthorizationPolicy", policy(group="apps", kind="Deployment", name="web"),
     "spec.targetRef: Deployment of apps cannot be a target: allowed are Server of policy.linkerd.io, HTTPRoute of"),
    ("AuthorizationPolicy", policy(kind="Server", name="web"), "spec.targetRef: Server cannot be a target"),
    ("AuthorizationPolicy", policy(**ON_SERVER, namespace="other"), "spec.targetRef.namespace: 'other' is not the policy's own, 'shop'"),
    ("AuthorizationPolicy", policy(kind="Namespace", name="other"), "spec.targetRef.name: 'other' is not the policy's own namespace, 'shop'"),
    ("AuthorizationPolicy", policy({"kind": "User", "name": "ann"}),
     "spec.requiredAuthenticationRefs[0].kind: 'User' is not one of NetworkAuthentication, MeshTLSAuthentication, ServiceAccount"),
    ("AuthorizationPolicy", policy(NETWORKS, NETWORKS | {"name": "b"}),
     "spec.requiredAuthenticationRefs: several NetworkAuthentications are required; allowed is one"),
    ("AuthorizationPolicy", policy(MESH_TLS, MESH_TLS | {"name": "b"}),
     "spec.requiredAuthenticationRefs: several of MeshTLSAuthentication and ServiceAccount are required; allowed is one"),
    ("AuthorizationPolicy", policy(ACCOUNT, ACCOUNT | {"name": "b"}), "spec.requiredAuthenticationRefs: several of"),
    ("AuthorizationPolicy", policy(MESH_TLS, ACCOUNT), "spec.requiredAuthenticationRefs: several of"),
    ("AuthorizationPolicy", policy(MESH_TLS | {"group": "apps"}),
     "spec.requiredAuthenticationRefs[0].group: a MeshTLSAuthentication is of policy.linkerd.io, not of 'apps'"),
    ("AuthorizationPolicy", policy({"kind": "ServiceAccount"}), "spec.requiredAuthenticationRefs[0].name: it is missing"),
    ("AuthorizationPolicy", {"requiredAuthenticationRefs": []}, "spec.targetRef: it is missing"),
    # MeshTLSAuthentication
    ("MeshTLSAuthentication", {"identities": ["a b"]}, "spec.identities[0]: 'a b' is not an identity"),
    ("MeshTLSAuthentication", {"identities": ["*", "*foo"]}, "spec.identities[1]: '*foo' is not an identity"),
    ("MeshTLSAuthentication", {"identityRefs": [{"kind": "Pod", "name": "p"}]},
     "spec.identityRefs[0].kind: 'Pod' is not one of ServiceAccount, Namespace"),
    ("MeshTLSAuthentication", {"identityRefs": [ACCOUNT | {"group": "apps"}]},
     "spec.identityRefs[0].group: a ServiceAccount is of core, not of 'apps'"),
    ("MeshTLSAuthentication", {"identityRefs": [{"kind": "Namespace"}]}, "spec.identityRefs[0].name: it is missing"),
    ("MeshTLSAuthentication", {}, "spec: one of identities and identityRefs is needed"),
    # NetworkAuthentication
    ("NetworkAuthentication", {"networks": []}, "spec.networks: a network is needed"),
    ("NetworkAuthentication", {"networks": [{"cidr": "10.0.0.1/8"}]}, "spec.networks[0].cidr: '10.0.0.1/8' is not a network"),
    ("NetworkAuthentication", {"networks": [{"cidr": "10.0.0.0/8", "except": ["x"]}]}, "spec.networks[0].except[0]: 'x' is not a network"),
    ("NetworkAuthentication", {"networks": [{"cidr": "10.0.0.0/8", "except": ["fd00::/8"]}]},
     "spec.networks[0].except[0]: fd00::/8 is not within 10.0.0.0/8"),
    ("NetworkAuthentication", {"networks": [{"cidr": "10.1.0.0/16", "except": ["10.0.0.0/8"]}]},
     "spec.networks[0].except[0]: 10.0.0.0/8 leaves nothing of 10.1.0.0/16"),
    # HTTPLocalRateLimitPolicy
    ("HTTPLocalRateLimitPolicy", {"targetRef": {"kind": "Service", "name": "web"}, "total": {"requestsPerSecond": 1}},
     "spec.targetRef: a rate limit's target is a Server, not a Service"),
    ("HTTPLocalRateLimitPolicy", {"targetRef": ON_SERVER, "total": {"requestsPerSecond": 0}},
     "spec.total.requestsPerSecond: 0 is not a whole number from 1 to 4294967295"),
    ("HTTPLocalRateLimitPolicy", {"targetRef": ON_SERVER, "total": {"requestsPerSecond": 4294967296}},
     "spec.total.requestsPerSecond: 4294967296 is not a whole number from 1 to 4294967295"),
    ("HTTPLocalRateLimitPolicy", {"targetRef": ON_SERVER, "total": {"requestsPerSecond": 5}, "identity": {"requestsPerSecond": 6}},
     "spec.identity.requestsPerSecond: 6 are more than the total of 5"),
    ("HTTPLocalRateLimitPolicy",
     {"targetRef": ON_SERVER, "total": {"requestsPerSecond": 5}, "overrides": [{"requestsPerSecond": 9, "clientRefs": [ACCOUNT]}]},
     "spec.overrides[0].requestsPerSecond: 9 are more than the total of 5"),
    ("HTTPLocalRateLimitPolicy",
     {"targetRef": ON_SERVER, "overrides": [{"requestsPerSecond": 9, "clientRefs": [{"kind": "Pod", "name": "p"}]}]},
     "spec.overrides[0].clientRefs[0].kind: 'Pod' is not a ServiceAccount"),
    # EgressNetwork
    ("EgressNetwork", {"trafficPolicy": "Maybe"}, "spec.trafficPolicy: 'Maybe' is not one of Allow, Deny"),
    ("EgressNetwork", {"trafficPolicy": "Deny", "networks": [{"cidr": "1.0.0.0/8", "except": ["2.0.0.0/8"]}]},
     "spec.networks[0].except[0]: 2.0.0.0/8 is not within 1.0.0.0/8"),
    ("EgressNetwork", {"trafficPolicy": "Deny", "networks": [{"cidr": "1.0.0.0/8", "except": ["1.0.0.0/8"]}]},
     "spec.networks[0].except[0]: 1.0.0.0/8 leaves nothing of 1.0.0.0/8"),
    # routes
    ("PolicyHTTPRoute", rules(TO_WEB, parent=ON_EGRESS), "spec.parentRefs[0].port: an EgressNetwork as parent needs a port"),
    ("PolicyHTTPRoute", rules({"backendRefs": [BACKEND, {"name": "web"}]}),
     "spec.rules[0].backendRefs[1].port: missing port for backend Service web"),
    ("PolicyHTTPRoute", rules(filtered("URLRewrite")), "spec.rules[0].filters[0]: filter URLRewrite of a HTTPRoute is not supported"),
    ("PolicyHTTPRoute", rules({"backendRefs": [BACKEND | {"filters": [{"type": "URLRewrite"}]}]}),
     "spec.rules[0].backendRefs[0]: unsupported backend filter: filters[0]: filter URLRewrite"),
    ("PolicyHTTPRoute", rules(matched(path={"type": "Exact", "value": "a"})), "spec.rules[0].matches[0].path.value: 'a' does not begin with /"),
    ("PolicyHTTPRoute", rules(matched(path={"type": "RegularExpression", "value": "("})),
     "spec.rules[0].matches[0].path.value: '(' is no regular expression"),
    ("PolicyHTTPRoute", rules(matched(path={"type": "RegularExpression", "value": "a{1001}"})),
     "spec.rules[0].matches[0].path.value: 'a{1001}' is no regular expression: invalid repetition size: {1001}"),
    ("PolicyHTTPRoute", rules(matched(headers=[{"name": "a", "value": "[", "type": "RegularExpression"}])),
     "spec.rules[0].matches[0].headers[0].value: '[' is no regular expression"),
    ("PolicyHTTPRoute", rules(matched(queryParams=[{"name": "a", "value": "1", "type": "Like"}])),
     "spec.rules[0].matches[0].queryParams[0].type: 'Like' is not one of Exact, RegularExpression"),
    ("PolicyHTTPRoute", rules(redirected(path={"type": "ReplaceFullPath", "replaceFullPath": "b"})),
     "spec.rules[0].filters[0].requestRedirect.path.replaceFullPath: 'b' does not begin with /"),
    ("PolicyHTTPRoute", rules(redirected(path={"type": "ReplaceFullPath", "replaceFullPath": "/b\n"})),
     "requestRedirect.path.replaceFullPath: '/b\\n' has characters that a header cannot have"),
    ("PolicyHTTPRoute", rules(filtered("RequestHeaderModifier", requestHeaderModifier={"set": [{"name": "a", "value": "1\n"}]})),
     "spec.rules[0].filters[0].requestHeaderModifier.set[0].value: '1\\n' has characters that a header cannot have"),
    ("PolicyHTTPRoute", rules(filtered("RequestHeaderModifier", requestHeaderModifier={"remove": ["a b"]})),
     "spec.rules[0].filters[0].requestHeaderModifier.remove[0]: 'a b' is no header's name"),
    ("PolicyHTTPRoute", rules(filtered("ResponseHeaderModifier", responseHeaderModifier={"add": [{"name": "", "value": "1"}]})),
     "spec.rules[0].filters[0].responseHeaderModifier.add[0].name: '' is no header's name"),
    ("PolicyHTTPRoute", rules(redirected(scheme="ftp")), "requestRedirect.scheme: 'ftp' is not one of http, https"),
    ("PolicyHTTPRoute", rules(redirected(statusCode=200)), "requestRedirect.statusCode: 200 is not 300 to 399"),
    ("PolicyHTTPRoute",
     rules(matched(path={"type": "Exact", "value": "/"}) | redirected(path={"type": "ReplacePrefixMatch", "replacePrefixMatch": "/"})),
     "spec.rules[0].filters: a redirect with ReplacePrefixMatch needs matches of PathPrefix"),
    ("PolicyHTTPRoute", rules({"timeouts": {"request": "99999999999h"}}),
     "spec.rules[0].timeouts.request: '99999999999h' is not a duration: it is longer than 10000 years"),
    ("PolicyHTTPRoute", rules({"timeouts": {"request": "-1s"}}), "spec.rules[0].timeouts.request: '-1s' is not a duration"),
    ("PolicyHTTPRoute", rules({"timeouts": {"request": "1s", "backendRequest": "2s"}}),
     "spec.rules[0].timeouts.backendRequest: it is longer than the request's"),
    ("PolicyHTTPRoute", rules(TO_WEB, hostnames=["a.*"]), "spec.hostnames[0]: 'a.*': a `*` may only stand"),
    ("HTTPRoute", rules(TO_WEB, parent=ON_EGRESS), "spec.parentRefs[0].port: an EgressNetwork as parent needs a port"),
    ("HTTPRoute", rules({"backendRefs": [{"name": "web"}]}), "spec.rules[0].backendRefs[0].port: missing port"),
    ("GRPCRoute", rules({"backendRefs": [{"name": "web"}]}), "spec.rules[0].backendRefs[0].port: missing port"),
    ("TLSRoute", rules(TO_WEB, TO_WEB), "spec.rules: a TLSRoute has one rule; this one has 2"),
    ("TCPRoute", rules(), "spec.rules: a TCPRoute has one rule; this one has 0"),
    ("TCPRoute", rules(TO_WEB, parent=ON_EGRESS), "spec.parentRefs[0].port: an EgressNetwork as parent needs a port"),
    # ServiceProfile
    ("ServiceProfile", {"routes": [{"condition": {"method": "GET"}}]}, "spec.routes[0].name: it is missing"),
    ("ServiceProfile", {"routes": [{"name": "r"}]}, "spec.routes[0].condition: it is missing"),
    ("ServiceProfile", profile(condition={}), "spec.routes[0].condition: a condition needs one of pathRegex, method, all, any, not"),
    ("ServiceProfile", profile(condition={"all": [{"method": "GET"}, {}]}), "spec.routes[0].condition.all[1]: a condition needs one of"),
    ("ServiceProfile", profile(condition={"not": {"any": [{}]}}), "spec.routes[0].condition.not.any[0]: a condition needs one of"),
    ("ServiceProfile", profile(condition={"all": [{"method": "GET", "path": "/"}]}),
     "spec.routes[0].condition.all[0].path: there is no such field: allowed are pathRegex, method, all, any, not"),
    ("ServiceProfile", profile(condition={"pathRegex": "("}), "spec.routes[0].condition.pathRegex: '(' is no regular expression"),
    ("ServiceProfile", profile(condition={"pathRegex": "a{1001}"}),
     "spec.routes[0].condition.pathRegex: 'a{1001}' is no regular expression: invalid repetition size: {1001}"),
    ("ServiceProfile", profile(timeout="soon"), "spec.routes[0].timeout: 'soon' is not a duration: allowed are"),
    ("ServiceProfile", profile(responseClasses=[{"isFailure": True}]), "spec.routes[0].responseClasses[0].condition: it is missing"),
    ("ServiceProfile", profile(responseClasses=[{"condition": {}}]), "responseClasses[0].condition: a response condition needs one of status"),
    ("ServiceProfile", profile(responseClasses=[{"condition": {"status": {"min": 500, "max": 600}}}]),
     "spec.routes[0].responseClasses[0].condition.status: 500 to 600 is not a range within 100 to 599"),
    ("ServiceProfile", profile(responseClasses=[{"condition": {"status": {"min": 500, "max": 400}}}]), "500 to 400 is not a range"),
    ("ServiceProfile", {"retryBudget": {"retryRatio": -1, "minRetriesPerSecond": 1, "ttl": "10s"}},
     "spec.retryBudget.retryRatio: -1.0 is not a number from 0 on"),
    ("ServiceProfile", {"retryBudget": {"retryRatio": 1, "minRetriesPerSecond": 1}}, "spec.retryBudget.ttl: it is missing"),
    ("ServiceProfile", {"retryBudget": {"retryRatio": 1, "minRetriesPerSecond": 1, "ttl": "ten"}},
     "spec.retryBudget.ttl: 'ten' is not a duration"),
    *(
        ("ServiceProfile", {"dstOverrides": [{"authority": "a", "weight": weight}]},
         f"spec.dstOverrides[0].weight: '{weight}' is not a weight: allowed are forms like 2, 0.5 and 500m, from 0 to 400000")
        for weight in ("inf", "1e300", "-1", "400001")
    ),
    ("ServiceProfile", {"retryBudget": {"retryRatio": 1, "minRetriesPerSecond": 4294967296, "ttl": "10s"}},
     "spec.retryBudget.minRetriesPerSecond: 4294967296 is not a whole number from 0 to 4294967295"),
    ("ServiceProfile", {"dstOverrides": [{"authority": "a", "weight": "much"}]},
     "spec.dstOverrides[0].weight: 'much' is not a weight: allowed are forms like 2, 0.5 and 500m"),
    *(
        ("ServiceProfile", {"dstOverrides": [{"authority": authority, "weight": 1}]}, f"spec.dstOverrides[0].authority: {why}")
        for authority, why in (
            ("web:http", "'http' is not a port"),
            ("web:", "'web:' ends where a port should be"),
            ("web:0", "'0' is not a port"),
            ("", "'' has no host"),
            ("[x", "'[x' is not HOST:PORT"),
            ("a b", "'a b' is not HOST or HOST:PORT: a host is a DNS name or an IP address"),
        )
    ),
    ("ServiceProfile", {"dstOverrides": [{"weight": 1}]}, "spec.dstOverrides[0].authority: it is missing"),
    ("ServiceProfile", {"opaquePorts": ["25", "0"]}, "spec.opaquePorts[1]: '0' is not a port"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "spec"), RIGHT)
def test_what_is_right_passes_in_silence(kind: str, spec: Any) -> None:
    assert judged(kind, spec) == Judgement()


@pytest.mark.parametrize(("kind", "spec", "said"), WRONG)
def test_what_is_wrong_is_refused_by_its_field(kind: str, spec: Any, said: str) -> None:
    (fault,) = judged(kind, spec).faults
    assert said in fault


@pytest.mark.parametrize(
    ("kind", "spec"),
    [
        ("PolicyHTTPRoute", rules(TO_WEB)),
        ("HTTPRoute", rules(TO_WEB)),
        ("EgressNetwork", {"trafficPolicy": "Deny"}),
    ],
)
@pytest.mark.parametrize(
    ("annotation", "value", "said"),
    [
        ("retry.linkerd.io/http", "5x", "annotation retry.linkerd.io/http: '5x' is not"),
        ("retry.linkerd.io/limit", "-1", "annotation retry.linkerd.io/limit: '-1' is not"),
        ("timeout.linkerd.io/request", "soon", "annotation timeout.linkerd.io/request: 'soon' is not"),
    ],
)  # fmt: skip
def test_annotations_that_shape_traffic_are_looked_at(
    kind: str, spec: Any, annotation: str, value: str, said: str
) -> None:
    (fault,) = judged(kind, spec, annotations={annotation: value}).faults
    assert said in fault


def test_annotations_of_a_machine_are_looked_at() -> None:
    """Those that the injector refuses on a pod."""
    bad = {DEFAULT_INBOUND_POLICY: "open", OPAQUE_PORTS: "http,5432,nonsense"}
    ports, policy_ = judged("ExternalWorkload", MACHINE, annotations=bad).faults
    assert ports.startswith(f"annotation {OPAQUE_PORTS}: 'nonsense' is not a port")
    assert policy_.startswith(f"annotation {DEFAULT_INBOUND_POLICY}: 'open' is not one of all-una")


def test_all_faults_are_told_at_once() -> None:
    found = judged(
        "AuthorizationPolicy",
        policy(MESH_TLS, ACCOUNT, {"kind": "User", "name": "u"}, kind="Deployment", name="web"),
    ).faults
    assert [one.partition(":")[0] for one in found] == [
        "spec.targetRef",
        "spec.requiredAuthenticationRefs[2].kind",
        "spec.requiredAuthenticationRefs",
    ]
    named = judged("ServiceProfile", profile(timeout="soon"), name="web_1").faults
    assert [one.partition(":")[0] for one in named] == ["metadata.name", "spec.routes[0].timeout"]


# -- routes that others may serve ----------------------------------------------------------------
LACKING: list[tuple[str, Any, str]] = [
    ("HTTPRoute", rules(filtered("RequestMirror")), "spec.rules[0].filters[0]: filter RequestMirror of a HTTPRoute"),
    ("HTTPRoute", rules(TO_WEB | {"sessionPersistence": {}}), "spec.rules[0].sessionPersistence: it is not supported"),
    ("HTTPRoute", rules({"backendRefs": [BACKEND | {"filters": [{"type": "RequestMirror"}]}]}), "spec.rules[0].backendRefs[0]: unsupported"),
    ("HTTPRoute", rules(filtered("ResponseHeaderModifier"), parent=ON_SERVER), "spec.rules: filter ResponseHeaderModifier is not supported on a Server"),
    ("GRPCRoute", rules(matched(method={"type": "RegularExpression"})), "spec.rules[0].matches[0].method.type: a gRPC method match of type"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "spec", "said"), LACKING)
def test_what_only_we_cannot_do_is_a_warning(kind: str, spec: Any, said: str) -> None:
    found = judged(kind, spec)
    assert found.faults == ()
    (warning,) = found.warnings
    assert said in warning


@pytest.mark.parametrize(
    ("kind", "spec"),
    [
        (kind, {**spec, "parentRefs": [ON_GATEWAY]})
        for kind, spec, _ in [*WRONG, *LACKING]
        if kind in ("HTTPRoute", "GRPCRoute", "TLSRoute", "TCPRoute")
    ],
)
def test_routes_of_other_controllers_are_theirs_to_judge(kind: str, spec: Any) -> None:
    assert judged(kind, spec) == Judgement()


def test_a_route_with_one_parent_of_ours_is_ours_to_judge() -> None:
    spec = {"parentRefs": [ON_GATEWAY, ON_SERVICE], "rules": [{"backendRefs": [{"name": "web"}]}]}
    assert judged("HTTPRoute", spec).faults


@pytest.mark.parametrize(
    "spec", [None, [], "x", {"rules": {}}, {"rules": ["x"]}, {"parentRefs": [1]}]
)
@pytest.mark.parametrize("kind", KINDS)
def test_nothing_makes_it_fall_over(kind: str, spec: Any) -> None:
    assert isinstance(judged(kind, spec), Judgement)


@pytest.mark.parametrize("depth", [16, 40, 900])
def test_conditions_without_end_are_refused(depth: int) -> None:
    condition: dict[str, Any] = {"method": "GET"}
    for _ in range(depth):
        condition = {"all": [condition]}
    (fault,) = judged("ServiceProfile", profile(condition=condition)).faults
    assert fault.startswith("spec.routes[0].condition.all[0].all[0]")
    assert fault.endswith(": it is nested too deeply: at most 16 conditions within one another")


def test_of_other_kinds_there_is_nothing_to_say() -> None:
    assert judge("apps", "Deployment", {"spec": {"port": 0}}) == Judgement()
