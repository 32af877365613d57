"""Reviews in, answers out: what is injected, what is refused, and that nothing makes it fall over."""

import asyncio
import json
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonpatch import JsonPatch
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client import CollectorRegistry

from kit import tracing
from kit.admission import serving
from kit.kube.errors import Unreachable
from proxy_injector.defaults import Installation
from proxy_injector.ending import DEBUG_STAYS
from proxy_injector.metrics import Metrics
from proxy_injector.owners import Parent
from proxy_injector.tests.examples import MESH, SETTINGS, pod
from proxy_injector.webhook import Webhook
from testkit import webhooks
from testkit.nested import TOO_DEEP
from weft import labels


class World:
    """A cluster that answers from a dictionary."""

    def __init__(self, **namespace: str) -> None:
        self.installation = Installation(MESH, SETTINGS)
        self.native_available = True
        self.namespace = dict(namespace)
        self.failure: Exception | None = None

    async def namespace_annotations(self, name: str) -> Mapping[str, str]:
        if self.failure is not None:
            raise self.failure
        return self.namespace

    async def parent(self, namespace: str, pod_metadata: Mapping[str, Any]) -> Parent:
        return Parent("Deployment", "web", "uid-1")


class Seen:
    """An observer that remembers."""

    def __init__(self) -> None:
        self.said: list[tuple[str, str, str, str]] = []

    def injected(self, namespace: str, parent: Parent) -> None:
        self.said.append(("injected", namespace, parent.name, ""))

    def skipped(self, namespace: str, parent: Parent, why: str) -> None:
        self.said.append(("skipped", namespace, parent.name, why))

    def unending(self, namespace: str, parent: Parent, why: str) -> None:
        self.said.append(("unending", namespace, parent.name, why))

    def refused(self, namespace: str, parent: Parent, why: str) -> None:
        self.said.append(("refused", namespace, parent.name, why))


class Bench:
    """A webhook with everything around it."""

    def __init__(self, world: World) -> None:
        self.seen = Seen()
        self.registry = CollectorRegistry()
        self.webhook = Webhook(world, Metrics(self.registry), self.seen, lookup_timeout=0.05)

    def ask(self, body: bytes) -> tuple[int, dict[str, Any]]:
        answer = asyncio.run(self.webhook.answer(body))
        return answer.status, json.loads(answer.body)

    def review(
        self, target: Any, kind: str = "Pod", version: str = "v1", **request: Any
    ) -> dict[str, Any]:
        body = {
            "apiVersion": f"admission.k8s.io/{version}",
            "kind": "AdmissionReview",
            "request": {
                "uid": "u-1", "kind": {"group": "", "version": "v1", "kind": kind}, "namespace": "emojivoto",
                "operation": "CREATE", "object": target, **request,
            },
        }  # fmt: skip
        status, answer = self.ask(json.dumps(body).encode())
        assert status == 200, answer
        assert answer["apiVersion"] == body["apiVersion"]
        assert answer["response"]["uid"] == "u-1"
        response: dict[str, Any] = answer["response"]
        return response

    def count(self, name: str, **wanted: str) -> float:
        return sum(
            sample.value
            for family in self.registry.collect()
            for sample in family.samples
            if sample.name == name and wanted.items() <= sample.labels.items()
        )


@pytest.mark.parametrize("version", ["v1", "v1beta1"])
def test_a_pod_of_an_annotated_namespace_is_injected(version: str) -> None:
    bench = Bench(World(**{labels.INJECT: "enabled"}))
    response = bench.review(pod(), version=version)
    assert response["allowed"]
    assert response["patchType"] == "JSONPatch"
    changed: Any = JsonPatch(json.loads(b64decode(response["patch"]))).apply(pod())
    assert [one["name"] for one in changed["spec"]["initContainers"]] == [
        "linkerd-init",
        "linkerd-proxy",
    ]
    assert changed["metadata"]["labels"]["linkerd.io/proxy-deployment"] == "web"
    assert bench.seen.said == [("injected", "emojivoto", "web", "")]
    assert (
        bench.count(
            "proxy_inject_admission_requests_total",
            owner_kind="deployment",
            annotation_at="namespace",
        )
        == 1
    )
    assert bench.count("proxy_inject_admission_responses_total", skip="false") == 1


def test_the_same_review_gives_the_same_bytes() -> None:
    bench = Bench(World(**{labels.INJECT: "enabled"}))
    assert bench.review(pod())["patch"] == bench.review(pod())["patch"]


def test_a_pod_nobody_asked_for_is_left_alone_in_silence() -> None:
    bench = Bench(World())
    target = pod()
    target["spec"]["containers"][0]["ports"] = []
    assert bench.review(target) == {"uid": "u-1", "allowed": True}
    assert bench.seen.said == []
    assert (
        bench.count(
            "proxy_inject_admission_responses_total",
            skip="true",
            skip_reason="injection_enable_annotation_absent",
        )
        == 1
    )


def test_a_pod_that_cannot_be_injected_is_told_of() -> None:
    bench = Bench(World(**{labels.INJECT: "enabled"}))
    target = pod()
    target["spec"]["hostNetwork"] = True
    assert bench.review(target)["allowed"]
    ((what, _, _, why),) = bench.seen.said
    assert (what, why) == ("skipped", "hostNetwork is enabled")


def test_a_dry_run_leaves_no_event() -> None:
    bench = Bench(World(**{labels.INJECT: "enabled"}))
    assert "patch" in bench.review(pod(), dryRun=True)
    assert bench.seen.said == []


def test_a_wrong_annotation_denies_the_pod_and_says_why() -> None:
    bench = Bench(World(**{labels.INJECT: "enabled"}))
    response = bench.review(pod(**{labels.DEFAULT_INBOUND_POLICY: "denny"}))
    assert not response["allowed"]
    assert '"denny"' in response["status"]["message"]
    assert labels.DEFAULT_INBOUND_POLICY in response["status"]["message"]
    assert bench.seen.said[0][0] == "refused"


@pytest.mark.parametrize(
    ("annotation", "value"),
    [(labels.CLOSE_WAIT_TIMEOUT, "9" * 400), (labels.PROXY_CPU_LIMIT, "9" * 5000)],
)
def test_a_number_of_hundreds_of_digits_denies_the_pod_and_is_named(
    annotation: str, value: str
) -> None:
    bench = Bench(World(**{labels.INJECT: "enabled"}))
    response = bench.review(pod(**{annotation: value}))
    assert not response["allowed"]
    assert response["status"]["message"].startswith(f'annotation {annotation}: "999')


def test_typos_and_udp_ports_are_warnings() -> None:
    bench = Bench(World(**{labels.INJECT: "enabled"}))
    target = pod(**{"config.linkerd.io/proxy-log-levl": "x"})
    target["spec"]["containers"][0]["ports"].append({"containerPort": 53, "protocol": "UDP"})
    warnings = bench.review(target)["warnings"]
    assert "did you mean" in warnings[0]
    assert "UDP" in warnings[1]
    assert "warnings" not in bench.review(target, version="v1beta1")


def test_a_pod_that_will_not_end_beside_a_classic_sidecar_is_told_of() -> None:
    world = World(**{labels.INJECT: "enabled"})
    bench = Bench(world)
    target = pod(**{labels.ENABLE_DEBUG_SIDECAR: "true"})
    target["spec"]["restartPolicy"] = "Never"
    assert "warnings" not in bench.review(target)
    world.native_available = False
    assert bench.review(target)["warnings"] == [DEBUG_STAYS]
    assert bench.seen.said == [
        ("injected", "emojivoto", "web", ""),
        ("injected", "emojivoto", "web", ""),
        ("unending", "emojivoto", "web", DEBUG_STAYS),
    ]
    bench.review(target, dryRun=True)
    assert len(bench.seen.said) == 3


def test_a_service_gets_its_opaque_ports() -> None:
    bench = Bench(World())
    response = bench.review({"metadata": {}, "spec": {"ports": [{"port": 3306}]}}, kind="Service")
    assert json.loads(b64decode(response["patch"]))[-1]["value"] == "3306"


@pytest.mark.parametrize(
    ("kind", "operation", "target"),
    [
        ("Deployment", "CREATE", {}),
        ("Pod", "UPDATE", pod()),
        ("Pod", "DELETE", None),
        ("Pod", "CREATE", None),
    ],
)
def test_everything_else_passes_untouched(kind: str, operation: str, target: Any) -> None:
    bench = Bench(World(**{labels.INJECT: "enabled"}))
    assert bench.review(target, kind=kind, operation=operation) == {"uid": "u-1", "allowed": True}


MALFORMED_PODS: list[tuple[Any, str]] = [
    ({}, "spec.containers"),
    ({"spec": []}, "object.spec"),
    ({"spec": {"containers": None}}, "spec.containers"),
    ({"spec": {"containers": {}}}, "spec.containers"),
    ({"spec": {"containers": ["x"]}}, "spec.containers[0]"),
    ({"spec": {"containers": [{"name": ""}]}}, "spec.containers[0].name"),
    ({"spec": {"containers": [{"name": "a", "ports": {}}]}}, "ports"),
    (
        {"spec": {"containers": [{"name": "a", "ports": [{"containerPort": True}]}]}},
        "containerPort",
    ),
    ({"metadata": [], "spec": {}}, "object.metadata"),
    ({"metadata": {"annotations": []}, "spec": pod()["spec"]}, "metadata.annotations"),
    ({"metadata": {"annotations": {"a": 1}}, "spec": pod()["spec"]}, "metadata.annotations[a]"),
    ({"metadata": {"labels": {"a": None}}, "spec": pod()["spec"]}, "metadata.labels[a]"),
    (
        {"metadata": {}, "spec": {"containers": [{"name": "a", "livenessProbe": 1}]}},
        "livenessProbe",
    ),
]


@pytest.mark.parametrize(("target", "path"), MALFORMED_PODS)
def test_what_is_no_pod_is_denied_with_the_path(target: Any, path: str) -> None:
    response = Bench(World(**{labels.INJECT: "enabled"})).review(target)
    assert not response["allowed"]
    assert path in response["status"]["message"]


MALFORMED_BODIES = [
    b"", b"null", b"[]", b"1", b'"x"', b"{", b"\xff\xfe", b"{}", b'{"kind":"AdmissionReview"}',
    b'{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview"}',
    b'{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":null}',
    b'{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{}}',
    b'{"apiVersion":"admission.k8s.io/v2","kind":"AdmissionReview","request":{"uid":"1","kind":{"kind":"Pod"},"operation":"CREATE"}}',
    b'{"apiVersion":"admission.k8s.io/v1","kind":"Pod","request":{"uid":"1","kind":{"kind":"Pod"},"operation":"CREATE"}}',
    b'{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"uid":"","kind":{"kind":"Pod"},"operation":"CREATE"}}',
    b'{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"uid":1,"kind":"Pod","operation":[]}}',
    b'{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"uid":"1","kind":{"kind":"Pod"},"operation":"CREATE","object":"x"}}',
    b"[" * 200_000,
    b'{"a":' * 100_000,
]  # fmt: skip


def test_an_object_nested_too_deeply_is_denied() -> None:
    bench = Bench(World())
    status, answer = bench.ask(webhooks.review({"spec": TOO_DEEP}, "Pod"))
    assert (status, answer["response"]["allowed"]) == (200, False)
    assert "nested deeper than 190 levels" in answer["response"]["status"]["message"]
    assert bench.count("proxy_inject_admission_failures_total", cause="denied") == 1


@pytest.mark.parametrize("body", MALFORMED_BODIES, ids=range(len(MALFORMED_BODIES)))
def test_what_is_no_review_is_answered_with_400(body: bytes) -> None:
    bench = Bench(World())
    status, answer = bench.ask(body)
    assert status == 400
    assert answer["kind"] == "Status"
    assert "AdmissionReview" in answer["message"]
    assert bench.count("proxy_inject_admission_failures_total", cause="malformed") == 1


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "metadata",
                    "spec",
                    "containers",
                    "name",
                    "ports",
                    "containerPort",
                    "annotations",
                    labels.INJECT,
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=60)
@given(json_values)
def test_any_object_is_answered(target: Any) -> None:
    bench = Bench(World(**{labels.INJECT: "enabled"}))
    body = {
        "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
        "request": {"uid": "u", "kind": {"kind": "Pod"}, "namespace": "n", "operation": "CREATE", "object": target},
    }  # fmt: skip
    status, answer = bench.ask(json.dumps(body).encode())
    assert status in (200, 400)
    assert answer


def test_a_silent_api_server_is_a_failed_call_and_no_denial() -> None:
    world = World(**{labels.INJECT: "enabled"})
    world.failure = Unreachable("GET https://10.96.0.1: refused")
    bench = Bench(world)
    body = json.dumps(
        {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
         "request": {"uid": "u", "kind": {"kind": "Pod"}, "namespace": "n", "operation": "CREATE", "object": pod()}}
    ).encode()  # fmt: skip
    status, answer = bench.ask(body)
    assert status == 500
    assert "10.96.0.1" in answer["message"]
    world.failure = RuntimeError("boom")
    status, answer = bench.ask(body)
    assert status == 500
    assert "boom" not in answer["message"]


HALF = "\ud800"


@pytest.mark.parametrize("refused", [True, False])
def test_an_answer_that_cannot_be_written_down_is_a_failed_call(refused: bool) -> None:
    world = World(**{labels.INJECT: "enabled"})
    if refused:  # the message repeats it
        world.namespace[labels.PROXY_LOG_LEVEL] = HALF
    else:
        variable = json.dumps({"name": "A", "value": HALF})
        world.installation = Installation(MESH, replace(SETTINGS, additional_env=(variable,)))
    bench = Bench(world)
    status, answer = bench.ask(
        json.dumps(
            {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
             "request": {"uid": "u", "kind": {"kind": "Pod"}, "namespace": "n", "operation": "CREATE", "object": pod()}}
        ).encode()
    )  # fmt: skip
    assert (status, answer["message"]) == (500, "the proxy-injector failed; its log says why")
    assert bench.count("proxy_inject_admission_failures_total", cause="internal") == 1


def test_a_review_is_a_span_of_its_caller_s_trace_when_somebody_collects_them() -> None:
    trace = "0af7651916cd43dd8448eb211c80319c"
    exporter = InMemorySpanExporter()
    transport = httpx.ASGITransport(serving.app(Bench(World()).webhook.answer))

    async def ask() -> int:
        async with httpx.AsyncClient(transport=transport, base_url="http://injector") as client:
            headers = {"traceparent": f"00-{trace}-b7ad6b7169203331-01"}
            return (await client.post("/", content=b"no review", headers=headers)).status_code

    with tracing.exporting("proxy-injector", None, exporter):
        assert asyncio.run(ask()) == 400
    (review,) = exporter.get_finished_spans()
    assert review.name == "POST /"
    assert f"{review.context.trace_id:032x}" == trace
    assert review.attributes is not None
    assert review.attributes["http.response.status_code"] == 400
