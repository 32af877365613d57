from typing import Any

import pytest

from sandbox.node.unsupported import unsupported


def said(container: dict[str, Any], **own: Any) -> list[str]:
    return list(unsupported({"spec": {"containers": [{"name": "c", **container}], **own}}))


@pytest.mark.parametrize(
    ("container", "own", "word"),
    [
        ({}, {"shareProcessNamespace": True}, "shareProcessNamespace"),
        ({}, {"runtimeClassName": "gvisor"}, "gvisor"),
        ({}, {"hostUsers": False}, "hostUsers"),
        ({"ports": [{"hostPort": 80}]}, {}, "hostPort 80"),
        ({"volumeDevices": [{}]}, {}, "volumeDevices"),
        ({"securityContext": {"seccompProfile": {"type": "Localhost"}}}, {}, "seccompProfile"),
    ],
)
def test_each_is_named_once(container: dict[str, Any], own: dict[str, Any], word: str) -> None:
    (sentence,) = said(container, **own)
    assert word in sentence
    assert "no effect" in sentence


def test_an_ordinary_pod_hears_nothing() -> None:
    context = {"seccompProfile": {"type": "RuntimeDefault"}}
    assert (
        said({"ports": [{"containerPort": 80}], "securityContext": context}, hostUsers=True) == []
    )
    assert said({"ports": [{"hostPort": 80}]}, hostNetwork=True) == []
