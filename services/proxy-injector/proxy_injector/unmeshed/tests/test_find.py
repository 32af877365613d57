"""Which pods are unmeshed, and why some would stay so: by the webhook's own verdict."""

import logging
from typing import Any

import pytest

from proxy_injector.defaults import Installation
from proxy_injector.pod import Json
from proxy_injector.tests.examples import MESH, SETTINGS, pod
from proxy_injector.unmeshed import find
from proxy_injector.unmeshed.find import Unmeshed, find_unmeshed
from weft import labels

INSTALLED = Installation(MESH, SETTINGS, ("kube-system",))
ASKS = {labels.INJECT: labels.INJECT_ENABLED}


def namespace(
    asked: dict[str, str] | None = None, *, name: str = "shop", marks: dict[str, str] | None = None
) -> Json:
    return {"metadata": {"name": name, "annotations": asked or {}, "labels": marks or {}}}


def asking(**spec: Any) -> Json:
    found = pod(**ASKS)
    found["spec"] |= spec
    return found


@pytest.mark.parametrize(
    ("asks", "within"),
    [
        (ASKS, {}),
        ({}, ASKS),
        ({labels.INJECT: labels.INJECT_INGRESS}, {labels.INJECT: labels.INJECT_DISABLED}),
    ],
)
def test_a_pod_that_asks_and_has_none(asks: dict[str, str], within: dict[str, str]) -> None:
    assert find_unmeshed(pod(**asks), namespace(within), INSTALLED) == Unmeshed()


@pytest.mark.parametrize(
    ("asks", "within"),
    [
        ({}, {}),
        ({labels.INJECT: labels.INJECT_DISABLED}, ASKS),
        ({labels.INJECT: "maybe"}, ASKS),
    ],
)
def test_a_pod_that_asks_for_none(asks: dict[str, str], within: dict[str, str]) -> None:
    assert find_unmeshed(pod(**asks), namespace(within), INSTALLED) is None


def labelled(name: str) -> Json:
    found = asking()
    found["metadata"]["labels"] = {name: "x"}
    return found


@pytest.mark.parametrize(
    "other",
    [
        asking(initContainers=[{"name": "linkerd-proxy", "restartPolicy": "Always"}]),
        asking(containers=[{"name": "web"}, {"name": "istio-proxy"}]),
        asking(containers=[]),
        labelled(labels.CONTROL_PLANE_COMPONENT_LABEL),
        labelled(labels.CNI_RESOURCE_LABEL),
    ],
)
def test_a_pod_that_has_one_or_is_never_sent_to_the_webhook(other: Json) -> None:
    assert find_unmeshed(other, namespace(), INSTALLED) is None


@pytest.mark.parametrize(
    ("found", "within", "why"),
    [
        (asking(hostNetwork=True), namespace(), "hostNetwork is enabled"),
        (
            pod(**ASKS, **{labels.PROXY_CPU_LIMIT: "much"}),
            namespace(),
            f"{labels.PROXY_CPU_LIMIT}",
        ),
        (
            asking(),
            namespace(marks={labels.ADMISSION_WEBHOOKS_LABEL: "disabled"}),
            "namespace shop has the label",
        ),
        (asking(), namespace(name="kube-system"), "proxyInjector.excludedNamespaces"),
    ],
)
def test_a_pod_that_would_have_none_either(found: Json, within: Json, why: str) -> None:
    unmeshed = find_unmeshed(found, within, INSTALLED)
    assert unmeshed is not None
    assert why in unmeshed.against


def test_a_pod_whose_judgement_fails_is_said_to_be_one_and_logged(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise OverflowError("too large")

    monkeypatch.setattr(find, "judged", fail)
    with caplog.at_level(logging.ERROR):
        found = find_unmeshed(asking(), namespace(), INSTALLED)
    assert found == Unmeshed("it could not be judged: OverflowError('too large')")
    assert caplog.records[0].exc_info is not None
    assert vars(caplog.records[0])["pod"] == "web-1"
