"""Which part of the control plane is down, and since when."""

from kit.kube.objects import Object
from web.pages.components import EXPECTED, Components
from web.stats.inventory import Inventory
from web.stats.kinds import Kind
from web.stats.tests.cluster import obj, pod
from weft.labels import CONTROL_PLANE_COMPONENT_LABEL


def part(name: str, *, ready: bool, changed: str = "2026-01-01T00:00:00Z") -> Object:
    found = pod(f"weft-{name}-1", namespace="weft", labels={CONTROL_PLANE_COMPONENT_LABEL: name})
    condition = {
        "type": "Ready",
        "status": "True" if ready else "False",
        "lastTransitionTime": changed,
    }
    found["status"]["conditions"] = [condition]
    return found


def test_everything_expected_is_there_even_when_it_is_not() -> None:
    found = Components(Inventory("weft"), lambda: 50.0).now()
    assert [one.name for one in found] == sorted(EXPECTED)
    assert {one.down_since for one in found} == {50.0}


def test_a_part_without_pods_is_down_since_that_was_seen() -> None:
    clock, inventory = [100.0], Inventory("weft")
    components = Components(inventory, lambda: clock[0])
    inventory.put(Kind.POD, part("identity", ready=True))
    assert _since(components, "identity") is None
    for key in [one.key for one in inventory.pods()]:
        inventory.remove(Kind.POD, key)
    assert _since(components, "identity") == 100.0
    clock[0] = 200.0
    assert _since(components, "identity") == 100.0
    inventory.put(Kind.POD, part("identity", ready=True))
    assert _since(components, "identity") is None


def test_pods_that_are_not_ready_say_since_when() -> None:
    inventory = Inventory("weft")
    inventory.put(Kind.POD, part("tap", ready=False, changed="1970-01-01T00:01:00Z"))
    components = Components(inventory, lambda: 100.0)
    assert _since(components, "tap") == 60.0
    (tap,) = (one for one in components.now() if one.name == "tap")
    assert tap.consequence == "Live requests cannot be watched."


def test_a_deployment_without_pods_is_a_part_that_is_down() -> None:
    inventory = Inventory("weft")
    labels = {CONTROL_PLANE_COMPONENT_LABEL: "tap"}
    inventory.put(Kind.DEPLOYMENT, obj("weft-tap", "weft", labels=labels))
    inventory.put(Kind.DEPLOYMENT, obj("prometheus", "weft"))
    components = Components(inventory, lambda: 100.0)
    assert [one.name for one in components.now()] == sorted((*EXPECTED, "tap"))
    assert _since(components, "tap") == 100.0


def test_pods_of_other_namespaces_are_no_parts() -> None:
    inventory = Inventory("elsewhere")
    inventory.put(Kind.POD, part("identity", ready=True))
    assert _since(Components(inventory, lambda: 1.0), "identity") == 1.0


def _since(components: Components, name: str) -> float | None:
    return next(one.down_since for one in components.now() if one.name == name)
