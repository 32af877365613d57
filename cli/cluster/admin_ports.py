"""What the admin ports of a pod's containers answer: the proxy's on 4191, the control plane's on 9990."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from cli.checks.context import PROXY, proxies_and_containers
from cli.cluster.client import Json, RestCluster
from cli.cluster.errors import ClusterError
from cli.cluster.portforward import TIMEOUT
from cli.cluster.tunnel import get

PROXY_PORT = "linkerd-admin"
"""The name of the proxy's admin port."""
CONTROLLER_SUFFIX = "-admin"
"""How the names of the control plane's admin ports end."""
AT_ONCE = 16
"""Ports that are asked at the same time."""


@dataclass(frozen=True, slots=True)
class AdminPort:
    """One container's."""

    namespace: str
    pod: str
    container: str
    port: int


@dataclass(frozen=True, slots=True)
class Answered:
    """What a port answered, or why there is no answer."""

    port: AdminPort
    status: int = 0
    body: bytes = b""
    problem: str = ""


def proxy_port(pod: Json) -> AdminPort | None:
    """Of the pod's proxy; None without one."""
    return next((one for one in _ports(pod) if one.container == PROXY), None)


def controller_ports(pod: Json) -> list[AdminPort]:
    """Of the pod's other containers that have one."""
    return [one for one in _ports(pod) if one.container != PROXY]


def ask(cluster: RestCluster, port: AdminPort, path: str, seconds: float = TIMEOUT) -> Answered:
    """GETs a path; a port that cannot be reached is an answer as well."""
    try:
        status, body = get(cluster, port.namespace, port.pod, port.port, path, seconds)
    except ClusterError as error:
        return Answered(port, problem=error.message)
    return Answered(port, status, body)


def ask_all(
    cluster: RestCluster, questions: Iterable[tuple[AdminPort, str]], seconds: float = TIMEOUT
) -> list[Answered]:
    """The same for many, several at a time, in order."""
    with ThreadPoolExecutor(AT_ONCE) as threads:
        return list(threads.map(lambda one: ask(cluster, one[0], one[1], seconds), questions))


def _ports(pod: Json) -> Iterator[AdminPort]:
    metadata = pod["metadata"]
    for container in proxies_and_containers(pod):
        for one in container.get("ports") or []:
            named = str(one.get("name", ""))
            if named == PROXY_PORT or (
                container["name"] != PROXY and named.endswith(CONTROLLER_SUFFIX)
            ):
                yield AdminPort(
                    str(metadata.get("namespace", "")),
                    str(metadata["name"]),
                    str(container["name"]),
                    int(one["containerPort"]),
                )
