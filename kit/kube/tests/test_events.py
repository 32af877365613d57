"""Events: what is sent, and that nothing waits for them."""

import asyncio
from datetime import UTC, datetime

from kit.kube.events import Recorder, Subject, event
from kit.kube.objects import DEPLOYMENTS, EVENTS
from testkit.kube import FakeKube
from testkit.waiting import wait_until

SUBJECT = Subject(DEPLOYMENTS, "weft", "weft-identity")


def test_the_object() -> None:
    made = event(
        SUBJECT,
        "Warning",
        "Reason",
        "x" * 5000,
        component="identity",
        now=datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC),
        suffix="abc",
    )
    assert made["metadata"] == {"name": "weft-identity.abc", "namespace": "weft"}
    assert made["involvedObject"]["kind"] == "Deployment"
    assert made["involvedObject"]["apiVersion"] == "apps/v1"
    assert made["firstTimestamp"] == made["lastTimestamp"] == "2030-01-02T03:04:05Z"
    assert len(made["message"]) == 1024


def test_recording_sends_outlives_failures_and_never_waits() -> None:
    async def script() -> None:
        async with FakeKube().serving() as kube, kube.client() as client:
            recorder = Recorder(client, "identity", capacity=2)
            for number in range(3):
                recorder.record_nowait(SUBJECT, "Normal", f"R{number}", "m")
            assert recorder.dropped == 1
            kube.fail_with["POST", "/api/v1/namespaces/weft/events"] = (500, "down")
            running = asyncio.ensure_future(recorder.run())
            await wait_until(lambda: recorder.dropped == 3)
            kube.fail_with.clear()
            recorder.record_nowait(SUBJECT, "Normal", "Sent", "m")
            await wait_until(lambda: kube.objects(EVENTS))
            assert [one["reason"] for one in kube.objects(EVENTS)] == ["Sent"]
            running.cancel()

    asyncio.run(script())


def test_an_event_that_is_told_once_is_there_once_whoever_tells_it() -> None:
    async def script() -> None:
        async with FakeKube().serving() as kube, kube.client() as client:
            recorders = [Recorder(client, "identity") for _ in range(2)]
            running = [asyncio.ensure_future(one.run()) for one in recorders]
            for message in ("m", "m", "other"):
                for one in recorders:
                    one.record_nowait(SUBJECT, "Warning", "R", message, once=True)
            await wait_until(lambda: [one[0] for one in kube.requests].count("POST") == 6)
            for job in running:
                job.cancel()
            assert sorted(one["message"] for one in kube.objects(EVENTS)) == ["m", "other"]
            assert [one.dropped for one in recorders] == [0, 0]

    asyncio.run(script())
