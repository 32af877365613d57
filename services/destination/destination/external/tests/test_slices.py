"""Which slices a Service with machines has, and the shortest way there from any that it has."""

import copy
from collections.abc import Callable
from itertools import count
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from destination.external import read
from destination.external.slices import (
    CAPACITY,
    CONTROLLER,
    Action,
    Create,
    Delete,
    Update,
    decide,
    ours,
    selecting_service,
)
from destination.read import endpoint_slice
from destination.tests.cluster import external_workload, service
from kit.kube.objects import Object

CREATED = "2026-11-01T00:00:{:02}Z"


HTTP = {"name": "http", "port": 80, "targetPort": 8080, "protocol": "TCP"}


def web(*ports: Object, **spec: Any) -> Object:
    obj = service(selector={"app": "web"}, ipFamilies=["IPv4"], **spec)
    obj["metadata"]["uid"] = "uid-of-web"
    obj["spec"]["ports"] = copy.deepcopy(list(ports or (HTTP,)))
    return obj


def vm(number: int = 1, **fields: Any) -> Object:
    return external_workload(f"vm-{number}", f"192.168.{number // 256}.{number % 256}", **fields)


class World:
    """What the API server has, and what is written to it."""

    def __init__(self, service: Object | None, *machines: Object) -> None:
        self.service = service
        self.machines = list(machines)
        self.slices: dict[str, Object] = {}
        self._numbers = count()

    def decide(self) -> list[Action]:
        workloads = [read.external_workload(one) for one in self.machines]
        chosen = selecting_service(self.service) if self.service is not None else None
        return decide(chosen, workloads, self.slices.values())

    def settle(self) -> list[str]:
        """Does what is decided; what that was, in words. Then there is nothing left to do."""
        done = [self._do(action) for action in copy.deepcopy(self.decide())]
        assert self.decide() == [], "one round is enough"
        return done

    def _do(self, action: Action) -> str:
        match action:
            case Create(body):
                number = next(self._numbers)
                meta = body["metadata"]
                name = f"{meta.pop('generateName')}{number}"
                meta |= {"name": name, "resourceVersion": "1"}
                meta["creationTimestamp"] = CREATED.format(number)
                self.slices[name] = body
                return f"create {len(body['endpoints'])}"
            case Update(name, patch):
                have = self.slices[name]
                assert patch["metadata"]["resourceVersion"] == have["metadata"]["resourceVersion"]
                marks = have["metadata"]["labels"] | patch["metadata"]["labels"]
                kept = {label: value for label, value in marks.items() if value is not None}
                have["metadata"] |= {"resourceVersion": "2", "labels": kept}
                have["endpoints"] = patch["endpoints"]
                return f"update {len(have['endpoints'])}"
            case Delete(name):
                del self.slices[name]
                return "delete"

    @property
    def sizes(self) -> list[int]:
        return [len(one["endpoints"]) for one in self.slices.values()]

    @property
    def only(self) -> Object:
        (found,) = self.slices.values()
        return found

    @property
    def endpoint(self) -> Object:
        (found,) = self.only["endpoints"]
        return dict(found)


def test_a_slice_of_one_machine() -> None:
    world = World(web(), vm())
    (action,) = world.decide()
    assert isinstance(action, Create)
    assert action.body == {
        "metadata": {
            "generateName": "linkerd-external-web-",
            "namespace": "ns",
            "labels": {
                "kubernetes.io/service-name": "web",
                "endpointslice.kubernetes.io/managed-by": "linkerd-external-workloads-controller",
            },
            "ownerReferences": [
                {
                    "apiVersion": "v1",
                    "kind": "Service",
                    "name": "web",
                    "uid": "uid-of-web",
                    "controller": True,
                }
            ],
        },
        "addressType": "IPv4",
        "endpoints": [
            {
                "addresses": ["192.168.0.1"],
                "conditions": {"ready": True, "serving": True, "terminating": False},
                "targetRef": {
                    "kind": "ExternalWorkload",
                    "namespace": "ns",
                    "name": "vm-1",
                    "uid": "uid-of-vm-1",
                },
            }
        ],
        "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}],
    }
    assert ours(action.body)
    understood = endpoint_slice(action.body | {"metadata": action.body["metadata"] | {"name": "x"}})
    assert understood is not None
    assert understood.endpoints[0].external_workload is not None, "we read what we write"
    world.settle()


def test_whom_a_service_selects() -> None:
    assert World(web(), vm(labels={"app": "web", "tier": "a"})).settle() == ["create 1"]
    assert World(web(), vm(labels={"app": "db"})).settle() == []
    assert World(web(), vm(labels={})).settle() == []


@pytest.mark.parametrize(
    "fields",
    [{"selector": {}}, {"selector": None}, {"type": "ExternalName", "selector": {"app": "web"}}],
)
def test_a_service_that_selects_nothing(fields: Object) -> None:
    obj = web()
    obj["spec"] |= fields
    assert World(obj, vm()).settle() == []


def test_what_is_no_longer_wanted_goes() -> None:
    world = World(web(), vm(1), vm(2))
    world.settle()
    world.machines = [vm(1), vm(2, labels={})]
    assert world.settle() == ["update 1"]
    world.machines = []
    assert world.settle() == ["delete"]
    world.machines = [vm(1)]
    world.settle()
    world.service = None
    assert world.settle() == ["delete"]


def test_a_service_on_its_way_out() -> None:
    world = World(web(), vm())
    world.settle()
    assert world.service is not None
    world.service["metadata"]["deletionTimestamp"] = CREATED.format(1)
    assert world.settle() == ["delete"]


# -- endpoints -----------------------------------------------------------------------------------
def test_conditions_follow_the_machine() -> None:
    world = World(web(), vm(ready=False))
    world.settle()
    assert world.endpoint["conditions"] == {"ready": False, "serving": False, "terminating": False}
    world.machines = [vm(ready=True)]
    assert world.settle() == ["update 1"]
    assert world.endpoint["conditions"] == {"ready": True, "serving": True, "terminating": False}


def test_a_machine_without_an_address() -> None:
    lone = vm()
    lone["spec"]["workloadIPs"] = []
    assert World(web(), lone).settle() == []


def test_a_new_address_is_a_new_endpoint() -> None:
    world = World(web(), vm())
    world.settle()
    world.machines = [external_workload("vm-1", "192.168.7.7")]
    assert world.settle() == ["update 1"]
    assert world.endpoint["addresses"] == ["192.168.7.7"]


def test_a_machine_made_anew_is_another() -> None:
    world = World(web(), vm())
    world.settle()
    world.machines[0]["metadata"]["uid"] = "another"
    assert world.settle() == ["update 1"]
    assert world.endpoint["targetRef"]["uid"] == "another"


def test_a_zone_comes_and_goes() -> None:
    labels = {"app": "web", "topology.kubernetes.io/zone": "east"}
    world = World(web(), vm(labels=labels))
    world.settle()
    assert world.endpoint["zone"] == "east"
    world.machines = [vm()]
    assert world.settle() == ["update 1"]
    assert "zone" not in world.endpoint


def test_only_a_headless_service_names_its_machines() -> None:
    world = World(web(), vm())
    world.settle()
    assert "hostname" not in world.endpoint
    headless = World(web(ip=None), vm())
    headless.settle()
    assert headless.endpoint["hostname"] == "vm-1"
    assert headless.only["metadata"]["labels"]["service.kubernetes.io/headless"] == ""


def test_a_name_with_dots_is_no_hostname() -> None:
    world = World(web(ip=None), external_workload("vm-1.east", "192.168.0.1"))
    world.settle()
    assert "hostname" not in world.endpoint


# -- address families ----------------------------------------------------------------------------
BOTH = external_workload("vm-1", "192.168.0.1", "fd00::1")


@pytest.mark.parametrize(
    ("families", "expected"),
    [
        (["IPv4"], {"IPv4": ["192.168.0.1"]}),
        (["IPv6"], {"IPv6": ["fd00::1"]}),
        (["IPv4", "IPv6"], {"IPv4": ["192.168.0.1"], "IPv6": ["fd00::1"]}),
        ([], {"IPv4": ["192.168.0.1"], "IPv6": ["fd00::1"]}),
    ],
)
def test_a_slice_has_one_family(families: list[str], expected: dict[str, list[str]]) -> None:
    obj = web()
    obj["spec"]["ipFamilies"] = families
    world = World(obj, BOTH)
    world.settle()
    found = {one["addressType"]: one["endpoints"][0] for one in world.slices.values()}
    assert {family: one["addresses"] for family, one in found.items()} == expected


def test_a_family_that_the_service_has_no_longer() -> None:
    obj = web()
    obj["spec"]["ipFamilies"] = ["IPv4", "IPv6"]
    world = World(obj, BOTH)
    world.settle()
    obj["spec"]["ipFamilies"] = ["IPv4"]
    assert world.settle() == ["delete"]
    assert world.only["addressType"] == "IPv4"


# -- ports ---------------------------------------------------------------------------------------
def ports(*of_service: Object, **of_machine: int) -> list[Object]:
    world = World(web(*of_service), vm(ports=of_machine))
    world.settle()
    found: list[Object] = world.only["ports"]
    return found


def port(name: str, number: int, protocol: str = "TCP") -> Object:
    return {"name": name, "port": number, "protocol": protocol}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"targetPort": 8080}, [port("a", 8080)]),
        ({"targetPort": "http"}, [port("a", 8080)]),
        ({"targetPort": 9090}, [port("a", 9090)]),
        ({"targetPort": 1234}, []),
        ({"targetPort": "none"}, []),
        ({"targetPort": "http", "protocol": "UDP"}, []),
        ({"port": 8080}, [port("a", 8080)]),
    ],
)
def test_where_a_services_port_leads(given: Object, expected: list[Object]) -> None:
    assert ports({"name": "a", "port": 80, **given}, http=8080, admin=9090) == expected


def test_several_ports_are_one_slice() -> None:
    found = ports(
        {"name": "b", "port": 80, "targetPort": "http"},
        {"name": "a", "port": 81, "targetPort": "admin"},
        {"name": "c", "port": 82, "targetPort": "none"},
        http=8080,
        admin=9090,
    )
    assert found == [port("a", 9090), port("b", 8080)]


def test_an_unnamed_port() -> None:
    world = World(web({"port": 80, "targetPort": 8080}), vm())
    world.settle()
    assert world.only["ports"] == [port("", 8080)]
    del world.only["ports"][0]["name"], world.only["ports"][0]["protocol"]
    assert world.settle() == [], "what the API takes for granted is no difference"


def test_a_name_does_not_stand_for_an_unnamed_port() -> None:
    machine = vm()
    machine["spec"]["ports"] = [{"port": 8080}]
    world = World(web({"name": "a", "port": 80, "targetPort": "http"}), machine)
    world.settle()
    assert world.only["ports"] == []


def test_a_protocol_is_part_of_a_port() -> None:
    machine = vm()
    machine["spec"]["ports"] = [port("dns", 53), port("dns-udp", 53, "UDP")]
    obj = web({"name": "u", "port": 53, "targetPort": 53, "protocol": "UDP"})
    world = World(obj, machine)
    world.settle()
    assert world.only["ports"] == [port("u", 53, "UDP")]


def test_machines_on_which_a_name_is_another_number() -> None:
    obj = web({"name": "http", "port": 80, "targetPort": "http"})
    world = World(obj, vm(1), vm(2, ports={"http": 9090}), vm(3))
    world.settle()
    found = {one["ports"][0]["port"]: len(one["endpoints"]) for one in world.slices.values()}
    assert found == {8080: 2, 9090: 1}
    world.machines[1] = vm(2)
    assert world.settle() == ["update 3", "delete"]


def test_a_service_that_leads_elsewhere_now() -> None:
    world = World(web(), vm(ports={"http": 8080, "admin": 9090}))
    world.settle()
    assert world.service is not None
    world.service["spec"]["ports"][0]["targetPort"] = 9090
    assert world.settle() == ["create 1", "delete"]


# -- labels and owners ---------------------------------------------------------------------------
def labelled(world: World, **labels: str) -> None:
    assert world.service is not None
    world.service["metadata"]["labels"] = labels


def test_labels_are_the_services() -> None:
    world = World(web(), vm())
    labelled(world, team="a", old="yes")
    world.settle()
    labelled(world, team="b")
    assert world.settle() == ["update 1"]
    assert world.only["metadata"]["labels"] == {
        "team": "b",
        "kubernetes.io/service-name": "web",
        "endpointslice.kubernetes.io/managed-by": CONTROLLER,
    }


def test_labels_of_others_are_no_reason_to_write() -> None:
    world = World(web(), vm())
    world.settle()
    world.only["metadata"]["labels"]["tracked-by"] = "somebody"
    assert world.settle() == []


def test_a_service_cannot_say_whose_its_slices_are() -> None:
    world = World(web(), vm())
    labelled(world, **{"endpointslice.kubernetes.io/managed-by": "me"})
    world.settle()
    assert ours(world.only)


def test_slices_of_a_former_service_of_that_name() -> None:
    world = World(web(), vm())
    world.settle()
    assert world.service is not None
    world.service["metadata"]["uid"] = "another"
    assert world.settle() == ["create 1", "delete"]


# -- many ----------------------------------------------------------------------------------------
def test_a_slice_has_a_hundred_at_most() -> None:
    world = World(web(), *map(vm, range(1, 251)))
    assert world.settle() == ["create 100", "create 100", "create 50"]


def test_who_comes_fills_the_fullest_with_room() -> None:
    world = World(web(), *map(vm, range(1, 251)))
    world.settle()
    world.machines.append(vm(251))
    assert world.settle() == ["update 51"]
    assert world.sizes == [100, 100, 51]


def test_who_comes_takes_the_place_of_who_goes() -> None:
    world = World(web(), *map(vm, range(1, 251)))
    world.settle()
    world.machines[3] = vm(251)
    (change,) = world.settle()
    assert change == "update 100", "that slice is written anyway"


def test_more_than_there_is_room_for() -> None:
    world = World(web(), *map(vm, range(1, 61)))
    world.settle()
    world.machines += map(vm, range(61, 171))
    assert sorted(world.settle()) == ["create 70", "update 100"]


def test_an_overfull_slice_is_made_smaller() -> None:
    world = World(web(), *map(vm, range(1, 151)))
    world.settle()
    first, second = world.slices.values()
    first["endpoints"] += second["endpoints"]
    del world.slices[second["metadata"]["name"]]
    world.settle()
    assert sorted(world.sizes) == [50, CAPACITY]


def test_what_is_twice_is_once_afterwards() -> None:
    """As after two leaders, or a write whose answer was lost."""
    world = World(web(), vm(1), vm(2))
    world.settle()
    again = copy.deepcopy(world.only)
    again["metadata"] |= {"name": "again", "creationTimestamp": CREATED.format(9)}
    world.slices["again"] = again
    assert world.settle() == ["delete"]
    assert "again" not in world.slices, "the older one stays"


@pytest.mark.parametrize(
    "spoil",
    [
        lambda one: one["endpoints"].clear(),
        lambda one: one["endpoints"][0].update(addresses=["10.9.9.9"]),
        lambda one: one["endpoints"][0]["conditions"].update(ready=False),
        lambda one: one["endpoints"][0].update(hostname="x"),
        lambda one: one["endpoints"][0].pop("targetRef"),
        lambda one: one["metadata"]["labels"].update(team="b"),
        lambda one: one["metadata"].pop("ownerReferences"),
        lambda one: one.pop("endpoints"),
        lambda one: one.pop("ports"),
        lambda one: one["ports"][0].pop("port"),
        lambda one: one["ports"][0].update(port=None),
    ],
)
def test_what_somebody_changed_is_put_right(spoil: Callable[[Object], object]) -> None:
    world = World(web(), vm(1), vm(2))
    labelled(world, team="a")
    world.settle()
    right = copy.deepcopy([_content(one) for one in world.slices.values()])
    spoil(world.only)
    assert world.settle() != []
    assert [_content(one) for one in world.slices.values()] == right


def _content(one: Object) -> Object:
    labels = one["metadata"]["labels"]
    endpoints = sorted(map(str, one["endpoints"]))
    return {"labels": labels, "endpoints": endpoints, "ports": one["ports"]}


_MACHINES = st.dictionaries(
    st.integers(1, 12),
    st.tuples(st.booleans(), st.sampled_from([8080, 9090]), st.booleans()),
    max_size=12,
)


@given(st.lists(_MACHINES, min_size=1, max_size=4))
def test_every_way_from_one_picture_to_another(
    pictures: list[dict[int, tuple[bool, int, bool]]],
) -> None:
    """Whatever was there: every machine that is selected is in exactly one slice, with its own port
    and condition, and one round is enough."""
    world = World(web({"name": "http", "port": 80, "targetPort": "http"}))
    for picture in pictures:
        world.machines = [
            vm(number, ready=ready, ports={"http": http}, labels={"app": "web"} if chosen else {})
            for number, (ready, http, chosen) in picture.items()
        ]
        world.settle()
        found = {
            each["targetRef"]["name"]: (each["conditions"]["ready"], one["ports"][0]["port"])
            for one in world.slices.values()
            for each in one["endpoints"]
        }
        wanted = {
            f"vm-{number}": (ready, http)
            for number, (ready, http, chosen) in picture.items()
            if chosen
        }
        assert found == wanted
        assert sum(world.sizes) == len(wanted)
        assert all(world.sizes)
