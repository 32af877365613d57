"""The destination service as the API server sees it: reviews over TLS, and what is said to them."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from destination.admission import webhook
from destination.admission.tests.resources import ON_SERVICE, SERVER, resource, rules
from destination.admission.webhook import Webhook
from destination.app import serve
from destination.fanout import Fanout
from destination.index import Index
from destination.metrics import Metrics
from destination.settings import DestinationSettings
from kit.kube.objects import Object
from kit.lifecycle import Process
from kit.settings import SettingsError
from testkit import webhooks
from testkit.kube import FakeKube
from testkit.nested import TOO_DEEP
from testkit.ports import free_ports
from testkit.waiting import wait_until

HOST = "weft-policy-validator.weft.svc"
GROUP = "policy.linkerd.io"
GOOD, BAD = resource("Server", SERVER), resource("Server", SERVER | {"port": 0})
MIRRORED = rules({"filters": [{"type": "RequestMirror"}]}, parent=ON_SERVICE)
SAID = "spec.port: 0 is not a port: allowed are 1 to 65535 and what a container calls a port"


@dataclass(frozen=True)
class Face:
    """The running service and whom it believes."""

    address: str
    authority: str
    registry: CollectorRegistry

    async def post(self, body: bytes) -> tuple[int, Any]:
        return await webhooks.post(self.address, HOST, self.authority, body)

    async def ask(self, target: Any, **request: Any) -> Any:
        """The response to a review of a Server."""
        kind, group = request.pop("kind", "Server"), request.pop("group", GROUP)
        status, answer = await self.post(webhooks.review(target, kind, group, **request))
        assert status == 200, answer
        assert answer["response"].pop("uid") == "u"
        return answer["response"]

    def count(self, kind: str, result: str) -> float:
        name = "destination_admission_reviews_total"
        return self.registry.get_sample_value(name, {"kind": kind, "result": result}) or 0


def settings(folder: Path, ports: list[int]) -> DestinationSettings:
    api, policy, admin, validator = (f"127.0.0.1:{port}" for port in ports)
    return DestinationSettings.load(
        {
            "WEFT_ADDR": api,
            "WEFT_POLICY_ADDR": policy,
            "WEFT_ADMIN_ADDR": admin,
            "WEFT_VALIDATOR_ADDR": validator,
            "WEFT_TLS_PATH": str(folder),
            "WEFT_POLL_INTERVAL": "10ms",
        }
    )


@asynccontextmanager
async def running(folder: Path) -> AsyncIterator[Face]:
    authority = webhooks.write_certificate(folder, HOST)
    ports = free_ports(4)
    process, registry = Process(), CollectorRegistry()
    async with FakeKube().serving() as kube, kube.client() as client:
        task = asyncio.create_task(serve(process, settings(folder, ports), client, registry))
        await wait_until(lambda: task.done() or "pods listed" in repr(process.readiness))
        await wait_until(lambda: task.done() or process.readiness.is_ready)
        assert not task.done()
        try:
            yield Face(f"https://127.0.0.1:{ports[3]}/", authority, registry)
        finally:
            process.stop()
            await task


@pytest.mark.slow
def test_reviews_over_tls(tmp_path: Path) -> None:
    async def story() -> None:
        async with running(tmp_path) as face:
            passed = {"allowed": True}
            assert await face.ask(GOOD) == passed
            refused = await face.ask(BAD)
            assert not refused["allowed"]
            assert refused["status"]["message"] == SAID
            assert refused["status"]["code"] == 400
            assert await face.ask(BAD, operation="UPDATE", oldObject=GOOD) == refused
            assert await face.ask(BAD, dryRun=True) == refused
            assert await face.ask(BAD, version="v1beta1") == refused
            assert (face.count("Server", "allowed"), face.count("Server", "refused")) == (1, 4)

            assert await face.ask(None, operation="DELETE", oldObject=BAD) == passed
            assert await face.ask(BAD, kind="Gizmo") == passed
            assert await face.ask(BAD, group="apps") == passed
            going = {**BAD, "metadata": {**BAD["metadata"], "deletionTimestamp": "now"}}
            assert await face.ask(going, operation="UPDATE") == passed, "its finalizers may go"
            assert face.count("", "allowed") == 2

            gateway = {"kind": "HTTPRoute", "group": "gateway.networking.k8s.io"}
            told = await face.ask(resource("HTTPRoute", MIRRORED), **gateway)
            assert told["allowed"]
            assert "RequestMirror" in told["warnings"][0]
            assert (
                await face.ask(resource("HTTPRoute", MIRRORED), version="v1beta1", **gateway)
                == passed
            )

            for body in (b"", b"garbage", b"[]", b'{"kind":"AdmissionReview"}', b"[" * 100_000):
                status, answer = await face.post(body)
                assert (status, answer["kind"]) == (400, "Status")
                assert "AdmissionReview" in answer["message"]
            assert face.count("", "malformed") == 5

    asyncio.run(story())


def test_what_nests_too_deeply_to_be_read_is_refused_unless_it_is_going() -> None:
    async def ask(target: Object, **request: Any) -> tuple[bool, str]:
        body = webhooks.review(target, "Server", GROUP, **request)
        metrics = Metrics(index := Index(), Fanout(index), CollectorRegistry())
        answer = await Webhook(metrics).answer(body)
        assert answer.status == 200
        said = json.loads(answer.body)["response"]
        return said["allowed"], said.get("status", {}).get("message", "")

    async def story() -> None:
        deep = {**GOOD, "spec": {"podSelector": {"matchLabels": TOO_DEEP}}}
        refused = (False, "the object is nested deeper than 190 levels")
        assert await ask(deep) == refused
        assert await ask(deep, operation="UPDATE", oldObject=deep) == refused
        assert await ask(GOOD, operation="UPDATE", oldObject=deep) == (True, "")
        assert await ask({**deep, "metadata": {"deletionTimestamp": "now"}}) == (True, "")

    asyncio.run(story())


@pytest.mark.slow
def test_a_renewed_certificate_is_taken_into_use(tmp_path: Path) -> None:
    async def story() -> None:
        async with running(tmp_path) as face:
            assert (await face.post(b"{}"))[0] == 400
            renewed = Face(face.address, webhooks.write_certificate(tmp_path, HOST), face.registry)
            assert await webhooks.believed(lambda: renewed.post(b"{}"), tries=500) == 400

    asyncio.run(story())


def test_a_folder_without_a_certificate_stops_the_start_and_names_the_setting(
    tmp_path: Path,
) -> None:
    async def start() -> None:
        async with FakeKube().serving() as kube, kube.client() as client:
            await serve(Process(), settings(tmp_path, free_ports(4)), client, CollectorRegistry())

    with pytest.raises(SettingsError, match=r"WEFT_TLS_PATH: .* has no usable tls\.crt"):
        asyncio.run(start())


def test_a_fault_of_ours_refuses_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(group: str, kind: str, obj: Object) -> None:
        raise RuntimeError("boom")

    monkeypatch.setattr(webhook, "judge", broken)
    index, registry = Index(), CollectorRegistry()
    made = Webhook(Metrics(index, Fanout(index), registry))
    answer = asyncio.run(made.answer(webhooks.review(GOOD, "Server", GROUP)))
    assert answer.status == 500, "the failure policy decides"
    assert "boom" not in json.loads(answer.body)["message"]
