"""What statuses say: accepted or not, and why; other controllers' entries stay."""

from typing import Any

import pytest

from destination.index import Reader
from destination.policy import status
from destination.policy.attach import Verdict
from destination.tests.cluster import BASIC, Cluster, custom, service
from destination.tests.routes import WEB, egress, route, to
from destination.tests.test_inbound_routes import limit, rps
from kit.kube.objects import Object
from weft.addresses import parse_networks

CLUSTER = parse_networks("10.0.0.0/8")
NOW = "2026-01-01T00:00:00Z"
SERVER = {"group": "policy.linkerd.io", "kind": "Server", "name": "s"}
OUT = {"group": "policy.linkerd.io", "kind": "EgressNetwork", "name": "out", "port": 443}


def said(*objects: Object, name: str = "r", **current: Any) -> Any:
    """The status that the route of this name should have."""
    index = Cluster(*BASIC, *objects).index
    (found,) = [one for table in index.routes for one in table.all() if one.key.name == name]
    wanted = status.route_conditions(Reader(index), found, CLUSTER)
    return status.route_status(wanted, current, NOW)


def conditions(entry: Any) -> list[tuple[str, str, str, str]]:
    return [
        (one["type"], one["status"], one["reason"], one["message"]) for one in entry["conditions"]
    ]


def test_an_accepted_route() -> None:
    (entry,) = said(route("HTTPRoute", "r", to("web")))["parents"]
    assert entry["controllerName"] == "linkerd.io/policy-controller"
    assert entry["parentRef"] == {**WEB, "namespace": "ns"}
    assert conditions(entry) == [
        ("Accepted", "True", "Accepted", ""),
        ("ResolvedRefs", "True", "ResolvedRefs", ""),
    ]
    assert entry["conditions"][0]["lastTransitionTime"] == NOW


def no_parent(why: str) -> tuple[str, str, str, str]:
    return "Accepted", "False", "NoMatchingParent", why


@pytest.mark.parametrize(
    ("objects", "expected"),
    [
        (
            [route("HTTPRoute", "r", to("web"), parent={**WEB, "name": "none"})],
            no_parent("there is no Service ns/none"),
        ),
        (
            [service("web", None), route("HTTPRoute", "r", to("web"))],
            no_parent("parent service must have a ClusterIP"),
        ),
        (
            [route("HTTPRoute", "r", to("web"), parent=SERVER)],
            no_parent("there is no Server ns/s"),
        ),
        (
            [route("HTTPRoute", "r", to("web"), parent=OUT)],
            no_parent("there is no EgressNetwork ns/out"),
        ),
        (
            [
                egress(networks=[{"cidr": "10.0.0.0/16"}]),
                route("HTTPRoute", "r", to("web"), parent=OUT),
            ],
            no_parent("EgressNetwork ns/out is not accepted"),
        ),
        (
            [
                egress(),
                route("HTTPRoute", "r", to("web"), parent={**OUT, "port": None}),
            ],
            ("Accepted", "False", "UnsupportedValue", "an EgressNetwork as parent needs a port"),
        ),
        (
            [route("HTTPRoute", "r", to("web")), route("GRPCRoute", "g", to("web"))],
            (
                "Accepted",
                "False",
                "RouteReasonConflicted",
                "GRPCRoute ns/g is attached to the same port",
            ),
        ),
        (
            [route("HTTPRoute", "r", to("web"), hostnames=["a*"])],
            (
                "Accepted",
                "False",
                "UnsupportedValue",
                "spec.hostnames[0]: 'a*': a `*` may only stand for its first labels",
            ),
        ),
        (
            [
                custom("Server", "s", {"podSelector": {}, "port": 80}),
                route("TCPRoute", "r", to("web"), parent=SERVER),
            ],
            (
                "Accepted",
                "False",
                "UnsupportedValue",
                "a Server with proxyProtocol unknown takes no TCPRoute",
            ),
        ),
    ],
)
def test_why_a_route_is_not_accepted(
    objects: list[Object], expected: tuple[str, str, str, str]
) -> None:
    (entry,) = said(*objects)["parents"]
    assert conditions(entry)[0] == expected


@pytest.mark.parametrize(
    ("kind", "protocol", "taken"),
    [
        ("HTTPRoute", "HTTP/2", True),
        ("HTTPRoute", "gRPC", False),
        ("HTTPRoute", "opaque", False),
        ("GRPCRoute", "gRPC", True),
        ("GRPCRoute", "unknown", False),
    ],
)
def test_a_route_that_its_server_could_not_obey(kind: str, protocol: str, taken: bool) -> None:
    spec = {"podSelector": {}, "port": 80, "proxyProtocol": protocol}
    made = route(kind, "r", {}, parent=SERVER)
    (entry,) = said(custom("Server", "s", spec), made)["parents"]
    ((_, status, _, message),) = conditions(entry)
    assert (status == "True") is taken
    assert bool(message) is not taken


@pytest.mark.parametrize(
    ("names", "more", "expected"),
    [
        (["none", "web"], {}, ("BackendNotFound", "Service not found none")),
        (
            ["web"],
            {"kind": "Bucket", "group": "s3"},
            ("InvalidKind", "unsupported backend type s3 Bucket"),
        ),
    ],
)
def test_backends_that_are_not_there(
    names: list[str], more: Object, expected: tuple[str, str]
) -> None:
    rule = {"backendRefs": [{"name": name, "port": 80, **more} for name in names]}
    (entry,) = said(route("HTTPRoute", "r", rule))["parents"]
    accepted, resolved = conditions(entry)
    assert accepted[1] == "True"
    assert resolved == ("ResolvedRefs", "False", *expected)


ANY_PORT = {"group": "", "kind": "Service", "name": "web"}


@pytest.mark.parametrize(
    ("parent", "stronger", "reason"),
    [
        (WEB, [WEB], "RouteReasonConflicted"),
        (WEB, [ANY_PORT], "RouteReasonConflicted"),
        (ANY_PORT, [ANY_PORT], "RouteReasonConflicted"),
        (ANY_PORT, [WEB, ANY_PORT], "RouteReasonConflicted"),
        (ANY_PORT, [WEB], "Accepted"),
        (WEB, [{**WEB, "port": 8080}], "Accepted"),
    ],
)
def test_a_conflict_is_about_every_port_of_a_parent(
    parent: Object, stronger: list[Object], reason: str
) -> None:
    grpc = route("GRPCRoute", "g", to("web"), parents=stronger)
    (entry,) = said(grpc, route("HTTPRoute", "r", to("web"), parent=parent))["parents"]
    assert conditions(entry)[0][2] == reason


def test_a_server_s_route_has_no_backends_to_resolve() -> None:
    server = custom("Server", "s", {"podSelector": {}, "port": 80})
    (entry,) = said(server, route("HTTPRoute", "r", {}, parent=SERVER))["parents"]
    assert conditions(entry) == [("Accepted", "True", "Accepted", "")]


GATEWAY = {"parentRef": {"name": "gw"}, "controllerName": "example.com/gateway", "conditions": []}


def test_other_controllers_entries_stay_and_other_parents_are_theirs() -> None:
    made = route("HTTPRoute", "r", to("web"), parents=[{"name": "gw"}, WEB])
    first = said(made, parents=[GATEWAY])["parents"]
    assert first[0] == GATEWAY
    assert [one["parentRef"]["name"] for one in first] == ["gw", "web"]
    assert said(made, parents=first) is None
    assert said(route("HTTPRoute", "r", to("web"), parent={"name": "gw"})) is None


def test_an_entry_of_a_parent_that_is_no_longer_one_goes() -> None:
    before = said(route("HTTPRoute", "r", to("web")))["parents"]
    moved = route("HTTPRoute", "r", to("web"), parent={**WEB, "port": 8080})
    (entry,) = said(moved, parents=before)["parents"]
    assert entry["parentRef"]["port"] == 8080


def test_the_time_is_of_the_last_change_of_the_status() -> None:
    old = "2025-01-01T00:00:00Z"
    before = said(route("HTTPRoute", "r", to("web")))["parents"]
    for one in before[0]["conditions"]:
        one["lastTransitionTime"] = old
    (entry,) = said(route("HTTPRoute", "r", to("none")), parents=before)["parents"]
    accepted, resolved = entry["conditions"]
    assert (accepted["lastTransitionTime"], resolved["lastTransitionTime"]) == (old, NOW)


def test_two_controllers_do_not_take_turns() -> None:
    """Linkerd's says the same without a message."""
    before = said(route("HTTPRoute", "r", to("none")))["parents"]
    for one in before[0]["conditions"]:
        one["message"] = ""
    assert said(route("HTTPRoute", "r", to("none")), parents=before) is None


# -- EgressNetworks and rate limits --------------------------------------------------------------
@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (egress(), "Accepted"),
        (egress(networks=[{"cidr": "11.0.0.0/8"}]), "Accepted"),
        (egress(networks=[{"cidr": "10.1.0.0/16"}]), "EgressReasonNetworkOverlap"),
        (egress(networks=[{"cidr": "0.0.0.0/0"}]), "EgressReasonNetworkOverlap"),
        (egress(networks=[{"cidr": "0.0.0.0/0", "except": ["10.0.0.0/8"]}]), "Accepted"),
        (egress(policy="Perhaps"), "UnsupportedValue"),
    ],
)
def test_egress_networks(made: Object, reason: str) -> None:
    (found,) = Cluster(made).index.egress_networks.all()
    ((kind, verdict),) = status.egress_conditions(found, CLUSTER)
    assert (kind, verdict.reason, verdict.holds) == ("Accepted", reason, reason == "Accepted")


def limits(*objects: Object, name: str) -> Verdict:
    index = Cluster(*objects).index
    (found,) = [one for one in index.rate_limits.all() if one.key.name == name]
    ((_, verdict),) = status.limit_conditions(Reader(index), found)
    return verdict


def test_rate_limits() -> None:
    server = custom("Server", "s", {"podSelector": {}, "port": 80})
    one = limit("one", NOW, total=rps(5))
    assert limits(server, one, name="one").reason == "Accepted"
    assert limits(one, name="one").reason == "NoMatchingTarget"
    two = limit("two", "2026-02-02T00:00:00Z", total=rps(6))
    assert limits(server, one, two, name="one").holds
    second = limits(server, one, two, name="two")
    assert (second.reason, second.message) == (
        "RateLimitReasonAlreadyExists",
        "ns/one limits the same Server already",
    )
    assert limits(server, limit("bad", total=rps(0)), name="bad").reason == "UnsupportedValue"


def test_the_status_of_what_is_ours_alone() -> None:
    wanted = status.egress_conditions(Cluster(egress()).index.egress_networks.all()[0], CLUSTER)
    first = status.own_status(wanted, {}, NOW)
    assert first is not None
    assert first["conditions"][0]["type"] == "Accepted"
    assert status.own_status(wanted, first, "2030-01-01T00:00:00Z") is None
