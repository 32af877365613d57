"""What the watches told, judged: pods come and go, namespaces and values change."""

from dataclasses import replace
from typing import Any

import pytest

from kit.kube.objects import Key
from proxy_injector.defaults import Installation
from proxy_injector.pod import Json
from proxy_injector.tests.examples import MESH, SETTINGS, pod
from proxy_injector.unmeshed.picture import Picture
from weft import labels

INSTALLED = Installation(MESH, SETTINGS, ("kube-system",))
ASKS = {labels.INJECT: labels.INJECT_ENABLED}
OWNER = {"kind": "ReplicaSet", "name": "web-5f", "uid": "rs", "controller": True}


def namespace(
    asked: dict[str, str] | None = None, *, name: str = "shop", marks: dict[str, str] | None = None
) -> Json:
    return {"metadata": {"name": name, "annotations": asked or {}, "labels": marks or {}}}


def running(name: str = "web-1", within: str = "shop", **status: Any) -> Json:
    found = pod()
    found["metadata"] |= {
        "name": name,
        "namespace": within,
        "uid": f"uid-{name}",
        "ownerReferences": [OWNER],
        "managedFields": [{"manager": "x"}],
    }
    conditions = [{"type": "Ready", "status": "True"}]
    return found | {"status": {"phase": "Running", "conditions": conditions, **status}}


def picture(*objects: Json) -> Picture:
    made = Picture(INSTALLED)
    made.put_namespace(namespace(ASKS))
    for one in objects:
        made.put_pod(one)
    return made


def unmeshed(made: Picture) -> dict[str, str]:
    return {one.name: one.against for one in made.pods() if one.unmeshed}


def test_a_pod_as_the_plan_sees_it() -> None:
    (found,) = picture(running()).pods()
    assert (found.namespace, found.name, found.uid) == ("shop", "web-1", "uid-web-1")
    assert found.owner is not None
    assert (found.owner.kind, found.owner.uid) == ("ReplicaSet", "rs")
    assert (found.ready, found.unmeshed, found.against) == (True, True, "")


def test_a_meshed_pod_is_there_and_not_unmeshed() -> None:
    meshed = running()
    meshed["spec"]["containers"].append({"name": "linkerd-proxy"})
    (found,) = picture(meshed).pods()
    assert not found.unmeshed


@pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
def test_a_pod_that_is_over_is_not_there(phase: str) -> None:
    assert list(picture(running(), running(phase=phase)).pods()) == []


def test_a_pod_that_is_being_deleted_is_not_there() -> None:
    leaving = running()
    leaving["metadata"]["deletionTimestamp"] = "2030-01-01T00:00:00Z"
    assert list(picture(running(), leaving).pods()) == []


def test_a_pod_that_is_gone_is_not_there() -> None:
    made = picture(running())
    made.remove_pod(Key("shop", "web-1"))
    assert list(made.pods()) == []


def test_a_pod_is_judged_when_its_namespace_is_known_and_whenever_it_changes() -> None:
    made = Picture(INSTALLED)
    made.put_pod(running())
    assert unmeshed(made) == {}
    made.put_namespace(namespace(ASKS))
    assert unmeshed(made) == {"web-1": ""}
    made.put_namespace(namespace())
    assert unmeshed(made) == {}


@pytest.mark.parametrize(
    "skipped",
    [
        namespace(ASKS, marks={labels.ADMISSION_WEBHOOKS_LABEL: "disabled"}),
        namespace(ASKS, name="kube-system"),
        namespace(ASKS, name=MESH.namespace),
    ],
)
def test_namespaces_that_the_webhook_is_not_asked_about_are_left_alone(skipped: Json) -> None:
    made = Picture(INSTALLED)
    made.put_namespace(skipped)
    made.put_pod(running(within=skipped["metadata"]["name"]))
    assert unmeshed(made) == {}


def test_other_values_of_the_installation_are_judged_by() -> None:
    made = picture(running())
    assert not made.install(INSTALLED)
    assert made.install(replace(INSTALLED, excluded_namespaces=("shop",)))
    assert unmeshed(made) == {}


def test_what_is_kept_is_enough_to_say_why_not() -> None:
    refused = running("refused")
    refused["metadata"]["annotations"] = {labels.PROXY_CPU_LIMIT: "much"}
    on_host = running("on-host")
    on_host["spec"]["hostNetwork"] = True
    made = unmeshed(picture(refused, on_host))
    assert labels.PROXY_CPU_LIMIT in made["refused"]
    assert made["on-host"] == "hostNetwork is enabled"
