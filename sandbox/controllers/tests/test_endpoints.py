"""Service -> EndpointSlices and Endpoints."""

from typing import Any

import pytest

from sandbox.controllers import endpoints
from sandbox.controllers.actions import Create, Delete, Update
from sandbox.controllers.objects import Object, labels, metadata
from sandbox.controllers.tests.builders import ago, pod


def service(**spec: Any) -> Object:
    wanted = {"selector": {"app": "web"}, "clusterIP": "10.96.0.9", "ports": [{"port": 80}]}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "web", "namespace": "default", "uid": "s1", "labels": {"team": "a"}},
        "spec": {**wanted, **spec},
    }


def stored(made: Object, name: str = "web-abcde") -> Object:
    meta = {**metadata(made), "name": name, "resourceVersion": "5", "creationTimestamp": ago(5)}
    return {**made, "metadata": meta}


def only(of: Object, *pods: Object) -> Object:
    (action,) = endpoints.decide_slices(of, pods, [])
    assert isinstance(action, Create)
    return action.object


@pytest.mark.parametrize("publish", [False, True])
@pytest.mark.parametrize(
    ("ready", "deleting", "expected"),
    [
        (True, False, (True, True, False)),
        (False, False, (False, False, False)),
        (True, True, (False, True, True)),
        (False, True, (False, False, True)),
    ],
)
def test_the_three_conditions(
    ready: bool, deleting: bool, expected: tuple[bool, bool, bool], publish: bool
) -> None:
    made = only(service(publishNotReadyAddresses=publish), pod(ready=ready, deleting=deleting))
    (endpoint,) = made["endpoints"]
    wanted = dict(zip(("ready", "serving", "terminating"), expected, strict=True))
    assert endpoint["conditions"] == wanted | ({"ready": True} if publish else {})


@pytest.mark.parametrize(
    "stranger",
    [
        pytest.param(pod(labels={"app": "other"}), id="not selected"),
        pytest.param(pod(ip=""), id="no address yet"),
        pytest.param(pod(phase="Succeeded"), id="succeeded"),
        pytest.param(pod(phase="Failed"), id="failed"),
    ],
)
def test_who_is_no_endpoint(stranger: Object) -> None:
    made = only(service(), stranger)
    assert made["endpoints"] == []
    assert made["ports"] == []


def test_an_endpoint_tells_where_it_comes_from() -> None:
    (action,) = endpoints.decide_slices(service(), [pod("web-1")], [], zone="here")
    assert isinstance(action, Create)
    assert action.object == {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "generateName": "web-",
            "namespace": "default",
            "labels": {
                "team": "a",
                "kubernetes.io/service-name": "web",
                "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
            },
            "ownerReferences": [
                {
                    "apiVersion": "v1", "kind": "Service", "name": "web", "uid": "s1",
                    "controller": True, "blockOwnerDeletion": True,
                }
            ],
        },
        "addressType": "IPv4",
        "endpoints": [
            {
                "addresses": ["10.244.0.9"],
                "conditions": {"ready": True, "serving": True, "terminating": False},
                "targetRef": {
                    "kind": "Pod", "namespace": "default", "name": "web-1", "uid": "uid-web-1",
                },
                "nodeName": "sandbox",
                "zone": "here",
            }
        ],
        "ports": [{"name": "", "port": 80, "protocol": "TCP"}],
    }  # fmt: skip


def container(*ports: Object, **fields: Any) -> Object:
    return {"name": "c", "ports": list(ports), **fields}


HTTP = {"name": "http", "containerPort": 8080}


@pytest.mark.parametrize(
    ("port", "pod_spec", "expected"),
    [
        pytest.param({"port": 80}, {}, 80, id="the same"),
        pytest.param({"port": 80, "targetPort": 9}, {}, 9, id="a number"),
        pytest.param({"port": 80, "targetPort": "9"}, {}, 9, id="a number in quotes"),
        pytest.param({"port": 80, "targetPort": "http"}, {"containers": [container(HTTP)]}, 8080, id="a name"),
        pytest.param({"port": 80, "targetPort": "http"}, {"containers": [container()]}, None, id="a name nobody has"),
        pytest.param({"port": 80, "targetPort": "http", "protocol": "UDP"}, {"containers": [container(HTTP)]}, None, id="of another protocol"),
        pytest.param({"port": 80, "targetPort": "http"}, {"initContainers": [container(HTTP, restartPolicy="Always")]}, 8080, id="in a native sidecar"),
        pytest.param({"port": 80, "targetPort": "http"}, {"initContainers": [container(HTTP)]}, None, id="not in an init container"),
    ],
)  # fmt: skip
def test_where_a_port_leads(port: Object, pod_spec: Object, expected: int | None) -> None:
    assert endpoints.target_port(port, pod(**pod_spec)) == expected


def test_pods_that_number_a_name_differently_get_slices_of_their_own() -> None:
    of = service(ports=[{"port": 80, "targetPort": "http", "name": "http", "appProtocol": "h2c"}])
    old = pod("old", containers=[container(HTTP)])
    new = pod("new", ip="10.244.0.10", containers=[container({**HTTP, "containerPort": 9090})])
    made = [a.object for a in endpoints.decide_slices(of, [old, new], []) if isinstance(a, Create)]
    assert {
        (one["ports"][0]["port"], one["endpoints"][0]["targetRef"]["name"]) for one in made
    } == {(8080, "old"), (9090, "new")}
    assert made[0]["ports"][0]["appProtocol"] == "h2c"


@pytest.mark.parametrize(
    "of",
    [service(selector=None), service(selector={}), service(type="ExternalName")],
    ids=["no selector", "an empty one", "an external name"],
)
def test_without_a_selector_somebody_else_says_where(of: Object) -> None:
    assert endpoints.decide_slices(of, [pod()], []) == []
    assert endpoints.decide_endpoints(of, [pod()], None) == []


def test_a_headless_service_is_marked_and_knows_hostnames() -> None:
    of = service(clusterIP="None", ports=None)
    made = only(of, pod(hostname="web-0", subdomain="web"), pod("q", hostname="x", subdomain="y"))
    assert labels(made)["service.kubernetes.io/headless"] == ""
    assert [e.get("hostname") for e in made["endpoints"]] == ["web-0", None]


def test_the_slice_is_kept_while_its_ports_are() -> None:
    have = stored(only(service(), pod("a")))
    assert endpoints.decide_slices(service(), [pod("a")], [have]) == []
    (update,) = endpoints.decide_slices(service(), [pod("a"), pod("b", ip="10.244.0.10")], [have])
    assert isinstance(update, Update)
    assert metadata(update.object)["name"] == "web-abcde"
    assert len(update.object["endpoints"]) == 2


def test_other_ports_are_another_slice_and_the_old_one_goes() -> None:
    have = stored(only(service(), pod("a")))
    actions = endpoints.decide_slices(service(ports=[{"port": 81}]), [pod("a")], [have])
    assert [type(action) for action in actions] == [Create, Delete]


def test_a_full_slice_is_followed_by_another() -> None:
    pods = [pod(f"p{n:03}", ip=f"10.244.1.{n}") for n in range(150)]
    made = [a.object for a in endpoints.decide_slices(service(), pods, []) if isinstance(a, Create)]
    assert sorted(len(one["endpoints"]) for one in made) == [50, 100]


def test_foreign_slices_are_left_alone() -> None:
    foreign = stored(only(service(), pod("a")), "mine")
    foreign["metadata"]["labels"] = {"kubernetes.io/service-name": "web"}
    (action,) = endpoints.decide_slices(service(), [pod("a")], [foreign])
    assert isinstance(action, Create)


def test_legacy_endpoints_tell_ready_from_not_and_forget_the_leaving() -> None:
    pods = [
        pod("a"),
        pod("b", ip="10.244.0.10", ready=False),
        pod("c", ip="10.244.0.11", deleting=True),
    ]
    (create,) = endpoints.decide_endpoints(service(), pods, None)
    assert isinstance(create, Create)
    (subset,) = create.object["subsets"]
    assert [a["ip"] for a in subset["addresses"]] == ["10.244.0.9"]
    assert [a["ip"] for a in subset["notReadyAddresses"]] == ["10.244.0.10"]
    assert subset["ports"] == [{"port": 80, "protocol": "TCP"}]
    assert endpoints.decide_endpoints(service(), pods, create.object) == []
    (update,) = endpoints.decide_endpoints(service(), [], create.object)
    assert isinstance(update, Update)
    assert update.object["subsets"] == []
