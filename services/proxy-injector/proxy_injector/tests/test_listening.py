"""Which ports a proxy is to find somebody listening on before its pod is ready."""

from typing import Any

import pytest

from proxy_injector.defaults import ControlPlane
from proxy_injector.listening import Listening, listening
from proxy_injector.pod import MalformedObject
from proxy_injector.sidecar import Owner, build
from proxy_injector.tests.examples import MESH, SETTINGS, pod, sidecar
from weft.ports import parse_port_set

ALL = parse_port_set("1-65535")


def tcp(port: int | str, **more: Any) -> dict[str, Any]:
    return {"tcpSocket": {"port": port}, **more}


def spec(**probes: Any) -> dict[str, Any]:
    """Of a pod of which a container has these probes."""
    found: dict[str, Any] = pod()["spec"]
    del found["containers"][0]["readinessProbe"]
    found["containers"][0] |= probes
    return found


@pytest.mark.parametrize(
    ("probes", "ports", "period"),
    [
        ({}, (), 10),
        ({"readinessProbe": tcp(8080)}, (8080,), 10),
        ({"readinessProbe": tcp("http", periodSeconds=1)}, (8080,), 1),
        ({"readinessProbe": tcp(8080, periodSeconds=60)}, (8080,), 10),
        ({"startupProbe": tcp(8081, periodSeconds=2)}, (8081,), 2),
        ({"readinessProbe": tcp(9090), "startupProbe": tcp(8080)}, (8080, 9090), 10),
        ({"livenessProbe": tcp(8080)}, (), 10),
        ({"readinessProbe": {"httpGet": {"port": 8080}}}, (), 10),
        ({"readinessProbe": {"grpc": {"port": 8080}}}, (), 10),
        ({"readinessProbe": {"exec": {"command": ["true"]}}}, (), 10),
        ({"readinessProbe": tcp("nobody's")}, (), 10),
        ({"readinessProbe": {"tcpSocket": {"port": 8080, "host": "10.0.0.1"}}}, (), 10),
    ],
)
def test_of_readiness_and_start(
    probes: dict[str, Any], ports: tuple[int, ...], period: int
) -> None:
    assert listening(spec(**probes), ALL) == Listening(ports, period)


def test_of_native_sidecars_and_not_of_what_runs_before() -> None:
    found = spec()
    found["initContainers"] = [
        {"name": "stays", "restartPolicy": "Always", "readinessProbe": tcp(7000)},
        {"name": "goes", "startupProbe": tcp(7001)},
    ]
    assert listening(found, ALL).ports == (7000,)


def test_only_ports_that_the_proxy_is_told_of() -> None:
    found = spec(readinessProbe=tcp(8080), startupProbe=tcp(9090, periodSeconds=1))
    assert listening(found, parse_port_set("8080")) == Listening((8080,))


def test_a_probe_that_is_none_is_named() -> None:
    with pytest.raises(MalformedObject, match=r"probe\.tcpSocket must be an object"):
        listening(spec(readinessProbe={"tcpSocket": 8080}), ALL)


def test_the_proxys_own_probe_asks() -> None:
    found = build(
        MESH,
        SETTINGS,
        spec(readinessProbe=tcp("http", periodSeconds=4), startupProbe=tcp("mysql")),
        control_plane=ControlPlane.services(MESH),
        namespace="emojivoto",
        owner=Owner("deployment", "web"),
        created_by="test",
        native_available=True,
    ).proxy
    assert found["readinessProbe"] == {
        "httpGet": {"path": "/ready?listening=3306,8080", "port": 4191},
        "initialDelaySeconds": 2,
        "periodSeconds": 4,
        "failureThreshold": 8,
        "timeoutSeconds": 1,
    }
    assert found["startupProbe"]["httpGet"]["path"] == "/ready", (
        "the application waits for this one"
    )


def test_a_pod_without_such_a_probe_has_the_plain_one() -> None:
    assert sidecar().proxy["readinessProbe"] == {
        "httpGet": {"path": "/ready", "port": 4191},
        "initialDelaySeconds": 2,
        "timeoutSeconds": 1,
    }
