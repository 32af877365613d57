"""Reading pods and Services as the API server writes them: plain JSON objects.

Nothing here trusts the shape: whatever is not what it should be raises MalformedObject, naming the path.
"""

from collections.abc import Iterator, Mapping
from typing import Any

Json = dict[str, Any]
"""A JSON object."""


class MalformedObject(ValueError):
    """An object whose shape Kubernetes would not accept; the message names the path."""


def mapping_at(parent: Mapping[str, Any], key: str, path: str) -> Mapping[str, Any]:
    """The object under `key`; absent and null are empty. Raises MalformedObject."""
    value = parent.get(key)
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise MalformedObject(f"{path}.{key} must be an object, not {kind_of(value)}")
    return value


def list_at(parent: Mapping[str, Any], key: str, path: str) -> list[Json]:
    """The list of objects under `key`; absent and null are empty. Raises MalformedObject."""
    value = parent.get(key)
    if value is None:
        return []
    if not isinstance(value, list):
        raise MalformedObject(f"{path}.{key} must be a list, not {kind_of(value)}")
    for index, item in enumerate(value):
        if not isinstance(item, dict):
            raise MalformedObject(f"{path}.{key}[{index}] must be an object, not {kind_of(item)}")
    return value


def strings_at(parent: Mapping[str, Any], key: str, path: str) -> dict[str, str]:
    """Labels or annotations: every value a string. Raises MalformedObject."""
    found: Mapping[Any, Any] = mapping_at(parent, key, path)
    for name, value in found.items():
        if not isinstance(name, str) or not isinstance(value, str):
            raise MalformedObject(
                f"{path}.{key}[{name}] must be a string, not {kind_of(value)}: put it in quotes"
            )
    return dict(found)


def kind_of(value: object) -> str:
    """What a JSON value is, in the words of JSON."""
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case str():
            return "a string"
        case list():
            return "a list"
        case dict():
            return "an object"
    return type(value).__name__


def containers(spec: Mapping[str, Any]) -> list[Json]:
    """The application containers. A pod without any is malformed."""
    found = list_at(spec, "containers", "spec")
    if not found:
        raise MalformedObject("spec.containers is missing or empty: a pod needs a container")
    for index, container in enumerate(found):
        if not isinstance(container.get("name"), str) or not container["name"]:
            raise MalformedObject(f"spec.containers[{index}].name is missing")
    return found


def init_containers(spec: Mapping[str, Any]) -> list[Json]:
    """The init containers, native sidecars among them."""
    return list_at(spec, "initContainers", "spec")


def running(spec: Mapping[str, Any]) -> list[Json]:
    """The containers that keep running: the application's, and native sidecars."""
    native = [one for one in init_containers(spec) if one.get("restartPolicy") == "Always"]
    return containers(spec) + native


def container_ports(spec: Mapping[str, Any]) -> Iterator[tuple[str, int, str]]:
    """Name (or ""), number and protocol of every declared port of containers that keep running."""
    for container in running(spec):
        for port in list_at(container, "ports", f"container {container.get('name')}"):
            number = port.get("containerPort")
            if not isinstance(number, int) or isinstance(number, bool):
                raise MalformedObject(
                    f"container {container.get('name')}: containerPort must be a number, not {kind_of(number)}"
                )
            yield str(port.get("name") or ""), number, str(port.get("protocol") or "TCP")


def inbound_ports(spec: Mapping[str, Any]) -> tuple[int, ...]:
    """The TCP ports that policy is fetched for at start: declared ports and ports of probes."""
    named: dict[str, int] = {}
    found: set[int] = set()
    for name, number, protocol in container_ports(spec):
        if protocol == "TCP":
            found.add(number)
            named[name] = number
    for probe in probes(spec, "livenessProbe", "readinessProbe", "startupProbe"):
        for handler in ("httpGet", "tcpSocket", "grpc"):
            found.update(port_of(mapping_at(probe, handler, "probe"), named))
    return tuple(sorted(found))


def probes(spec: Mapping[str, Any], *kinds: str) -> Iterator[Mapping[str, Any]]:
    """Of these kinds, such as `readinessProbe`, of all containers that keep running."""
    for container in running(spec):
        for kind in kinds:
            yield mapping_at(container, kind, "container")


def port_of(handler: Mapping[str, Any], named: Mapping[str, int]) -> Iterator[int]:
    """The port that a probe asks, if it asks one."""
    port = handler.get("port")
    if isinstance(port, int) and not isinstance(port, bool):
        yield port
    elif isinstance(port, str) and port in named:
        yield named[port]
