"""The life of a pod: phases, states of its containers, probes, restarts, and how it ends."""

from __future__ import annotations

import time
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest

from tests.kubernetes_api import lives
from tests.kubernetes_api.lives import follow, phases, runs, since, states

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.kubernetes_api.api import Api

Json = dict[str, Any]

pytestmark = pytest.mark.timeout(180)


def _live(api: Api, body: Json, until: Callable[[Json], bool]) -> list[Json]:
    version = since(api, "pods")
    made = api.quietly("POST", "pods", body)
    assert made.code == 201, made.body
    return follow(api, "pods", version, until)


ENDINGS = {
    "succeeds": ("time.sleep(1)", "Never"),
    "fails": ("time.sleep(1); sys.exit(3)", "Never"),
    "succeeds where failures restart": ("time.sleep(1)", "OnFailure"),
    "cannot be started": ("", "Never"),
}


@pytest.mark.parametrize("how", ENDINGS)
def test_a_pod_that(api: Api, how: str) -> None:
    script, policy = ENDINGS[how]
    container = runs("app", script)
    if not script:
        container["command"] = ["/no/such/program"]
    seen = _live(api, lives.pod("one", container, restartPolicy=policy), lives.is_over)
    api.transcript.note("phases", None, phases(seen))
    api.transcript.note("app", None, states(seen, "app"))
    last = seen[-1]
    api.transcript.note("conditions", None, dict(sorted(lives.conditions(last).items())))
    (status,) = lives.statuses(last)
    api.transcript.note(
        "restarts", None, [status["restartCount"], status["ready"], status["started"]]
    )


def test_a_pod_that_runs(api: Api) -> None:
    seen = _live(api, lives.pod("one", lives.serving()), lives.is_ready)
    last = seen[-1]
    api.transcript.note("phases", None, phases(seen))
    api.transcript.note("conditions", None, dict(sorted(lives.conditions(last).items())))
    status = last["status"]
    (container,) = status["containerStatuses"]
    said = {
        name: container[name] for name in ("ready", "started", "restartCount", "name", "lastState")
    }
    api.transcript.note("container", None, said)
    api.transcript.note("class", None, status["qosClass"])
    assert status["podIP"] == status["podIPs"][0]["ip"]
    assert container["containerID"].partition("://")[2]
    started = datetime.fromisoformat(container["state"]["running"]["startedAt"])
    assert started >= datetime.fromisoformat(status["startTime"])


def test_an_image_that_is_nowhere(api: Api) -> None:
    """Its name is not asked of a registry: the policy forbids that."""
    container = runs("app", "pass") | {"image": "localhost/none:1", "imagePullPolicy": "Never"}

    def waits(pod: Json) -> bool:
        return any(
            "waiting" in (one.get("state") or {})
            and one["state"]["waiting"].get("reason", "").startswith("ErrImage")
            for one in lives.statuses(pod)
        )

    seen = _live(api, lives.pod("one", container), waits)
    (status,) = lives.statuses(seen[-1])
    api.transcript.note(
        "waits", None, [seen[-1]["status"]["phase"], status["state"]["waiting"]["reason"]]
    )


def test_a_reference_to_nothing(api: Api) -> None:
    container = runs(
        "app",
        "pass",
        env=[{"name": "A", "valueFrom": {"configMapKeyRef": {"name": "none", "key": "a"}}}],
    )

    def waits(pod: Json) -> bool:
        return any(
            "Config" in one.get("state", {}).get("waiting", {}).get("reason", "")
            for one in lives.statuses(pod)
        )

    seen = _live(api, lives.pod("one", container), waits)
    (status,) = lives.statuses(seen[-1])
    api.transcript.note("waits", None, [seen[-1]["status"]["phase"], status["state"]["waiting"]])


def test_a_container_that_fails_is_started_again(api: Api) -> None:
    seen = _live(
        api,
        lives.pod("one", runs("app", "time.sleep(1); sys.exit(3)")),
        lambda pod: any(
            one["restartCount"] == 1 and "waiting" in one.get("state", {})
            for one in lives.statuses(pod)
        ),
    )
    (status,) = lives.statuses(seen[-1])
    api.transcript.note("phases", None, phases(seen))
    api.transcript.note("states", None, states(seen, "app"))
    api.transcript.note("waits", None, status["state"]["waiting"]["reason"])
    last = status["lastState"]["terminated"]
    api.transcript.note("before", None, [last["exitCode"], last["reason"]])


def test_init_containers_run_in_turn(api: Api) -> None:
    body = lives.pod(
        "one", runs("app", "time.sleep(1)"), restartPolicy="Never",
        initContainers=[runs("first", "time.sleep(1)"), runs("second", "time.sleep(1)")],
    )  # fmt: skip
    seen = _live(api, body, lives.is_over)
    api.transcript.note("phases", None, phases(seen))
    order = lives.changes(
        tuple(
            lives.state(one, name).split()[0] if lives.state(one, name) else "waiting"
            for name in ("first", "second", "app")
        )
        for one in seen
    )
    api.transcript.note("states", None, [" ".join(one) for one in order])
    api.transcript.note(
        "initialized",
        None,
        lives.changes(lives.conditions(one).get("Initialized", "") for one in seen)[-1],
    )


def test_an_init_container_that_fails(api: Api) -> None:
    body = lives.pod(
        "one",
        runs("app", "pass"),
        restartPolicy="Never",
        initContainers=[runs("first", "sys.exit(4)")],
    )
    seen = _live(api, body, lives.is_over)
    api.transcript.note("phases", None, phases(seen))
    api.transcript.note("states", None, [lives.state(seen[-1], name) for name in ("first", "app")])
    api.transcript.note("conditions", None, dict(sorted(lives.conditions(seen[-1]).items())))


def test_a_sidecar_starts_first_and_ends_last(api: Api) -> None:
    side = runs("side", lives.FOR_EVER, restartPolicy="Always")
    body = lives.pod(
        "one",
        runs("app", "time.sleep(1)"),
        restartPolicy="Never",
        initContainers=[side, runs("setup", "time.sleep(1)")],
    )
    body["spec"]["terminationGracePeriodSeconds"] = 10
    seen = _live(api, body, lives.is_over)
    api.transcript.note("phases", None, phases(seen))
    finished = {one["name"]: one["state"]["terminated"] for one in lives.statuses(seen[-1])}
    api.transcript.note(
        "ended", None, {name: [one["exitCode"], one["reason"]] for name, one in finished.items()}
    )
    for earlier, later in (("setup", "app"), ("app", "side")):
        assert finished[earlier]["finishedAt"] <= finished[later]["finishedAt"]
    assert finished["side"]["startedAt"] <= finished["setup"]["startedAt"]


def test_a_sidecar_that_is_not_started_holds_the_others_back(api: Api) -> None:
    probe = lives.asks("os.path.exists('/tmp/started')", failureThreshold=60)
    side = runs(
        "side",
        "time.sleep(3); open('/tmp/started', 'w').close(); time.sleep(60)",
        restartPolicy="Always",
        startupProbe=probe,
    )
    seen = _live(api, lives.pod("one", lives.serving(), initContainers=[side]), lives.is_ready)
    started = {
        one["name"]: one["state"]["running"]["startedAt"] for one in lives.statuses(seen[-1])
    }
    gap = datetime.fromisoformat(started["app"]) - datetime.fromisoformat(started["side"])
    assert gap.total_seconds() >= 2
    api.transcript.note("phases", None, phases(seen))


def test_containers_start_in_turn(api: Api) -> None:
    """Each when the one before it has started, and its hook has ended."""
    first = runs("first", lives.FOR_EVER, lifecycle=lives.hook("time.sleep(3)", "postStart"))
    body = lives.pod("one", first, runs("second", lives.FOR_EVER))
    seen = _live(api, body, lives.is_ready)
    started = {
        one["name"]: one["state"]["running"]["startedAt"] for one in lives.statuses(seen[-1])
    }
    gap = datetime.fromisoformat(started["second"]) - datetime.fromisoformat(started["first"])
    assert gap.total_seconds() >= 2
    api.transcript.note("phases", None, phases(seen))
    api.transcript.note("second", None, states(seen, "second"))


CANNOT_START: dict[str, Json] = {
    "its program": {"command": ["/no/such/program"]},
    "its image": {"image": "localhost/none:1", "imagePullPolicy": "Never"},
    "what it refers to": {
        "env": [{"name": "A", "valueFrom": {"configMapKeyRef": {"name": "none", "key": "a"}}}]
    },
}


@pytest.mark.parametrize("lacks", CANNOT_START)
def test_a_container_that_cannot_start_holds_nobody_back(api: Api, lacks: str) -> None:
    body = lives.pod(
        "one", runs("first", "pass", **CANNOT_START[lacks]), runs("second", "time.sleep(1)"),
        restartPolicy="Never",
    )  # fmt: skip
    seen = _live(api, body, lambda pod: lives.state(pod, "second").startswith("terminated"))
    api.transcript.note("second", None, states(seen, "second"))
    api.transcript.note("first", None, lives.state(seen[-1], "first"))


def test_readiness_comes_and_goes_without_a_restart(api: Api) -> None:
    probe = lives.asks("os.path.exists('/tmp/well')", failureThreshold=2)
    script = "time.sleep(2); open('/tmp/well', 'w'); time.sleep(4); os.remove('/tmp/well'); time.sleep(60)"
    seen: list[str] = []

    def over(pod: Json) -> bool:
        seen.append(lives.conditions(pod).get("Ready", ""))
        return lives.changes(one.split()[0] for one in seen if one) == ["False", "True", "False"]

    pods = _live(api, lives.pod("one", runs("app", script, readinessProbe=probe)), over)
    api.transcript.note("ready", None, lives.changes(one.split()[0] for one in seen if one))
    api.transcript.note("reason", None, lives.conditions(pods[-1])["Ready"])
    assert lives.statuses(pods[-1])[0]["restartCount"] == 0


def test_a_container_that_is_not_alive_is_restarted(api: Api) -> None:
    probe = lives.asks("False", failureThreshold=2)
    seen = _live(
        api,
        lives.pod("one", runs("app", "time.sleep(60)", livenessProbe=probe)),
        lambda pod: any(
            one["restartCount"] == 1 and "running" in one["state"] for one in lives.statuses(pod)
        ),
    )
    (status,) = lives.statuses(seen[-1])
    last = status["lastState"]["terminated"]
    api.transcript.note("before", None, [last["exitCode"], last["reason"]])
    api.transcript.note("phases", None, phases(seen))
    lived = datetime.fromisoformat(last["finishedAt"]) - datetime.fromisoformat(last["startedAt"])
    assert lived.total_seconds() >= 1, "two failures a second apart"


def test_before_it_has_started_nothing_else_is_probed(api: Api) -> None:
    startup = lives.asks("os.path.exists('/tmp/up')", failureThreshold=60)
    dead_at_first = lives.asks("os.path.exists('/tmp/up')", failureThreshold=1)
    script = "time.sleep(4); open('/tmp/up', 'w'); time.sleep(60)"
    body = lives.pod("one", runs("app", script, startupProbe=startup, livenessProbe=dead_at_first))
    seen = _live(api, body, lives.is_ready)
    (status,) = lives.statuses(seen[-1])
    api.transcript.note("restarts", None, status["restartCount"])
    started = [
        one["started"]
        for pod in seen
        for one in lives.statuses(pod)
        if "running" in one.get("state", {})
    ]
    api.transcript.note("started", None, lives.changes(started))


def _delete(api: Api, script: str, grace: int, **query: str) -> tuple[list[Json], float]:
    body = lives.pod("one", runs("app", script))
    body["spec"]["terminationGracePeriodSeconds"] = grace
    _live(api, body, lives.is_ready)
    time.sleep(1)  # so that the shell has read its script
    version, began = since(api, "pods"), time.monotonic()
    api.quietly("DELETE", "pods/one", query=query)
    return follow(api, "pods", version, lives.is_gone), time.monotonic() - began


def test_a_pod_that_ends_when_told(api: Api) -> None:
    seen, took = _delete(
        api,
        "signal.signal(signal.SIGTERM, lambda *_: (time.sleep(1), sys.exit(0))); signal.pause()",
        30,
    )
    assert took < 25
    assert seen[0]["metadata"]["deletionGracePeriodSeconds"] == 30
    api.transcript.note("states", None, states(seen, "app"))
    api.transcript.note("phase", None, phases(seen)[-1])


def test_a_pod_that_does_not_end_is_killed_after_its_grace(api: Api) -> None:
    seen, took = _delete(api, lives.DEAF, 3)
    assert took >= 2.5
    api.transcript.note("states", None, states(seen, "app"))


def test_the_grace_can_be_shortened(api: Api) -> None:
    seen, took = _delete(api, lives.DEAF, 60, gracePeriodSeconds="1")
    assert took < 50
    assert seen[0]["metadata"]["deletionGracePeriodSeconds"] == 1


def test_a_hook_runs_before_the_end(api: Api) -> None:
    body = lives.pod("one", lives.serving(lifecycle=lives.hook("time.sleep(2)")))
    body["spec"]["terminationGracePeriodSeconds"] = 30
    _live(api, body, lives.is_ready)
    version, began = since(api, "pods"), time.monotonic()
    api.quietly("DELETE", "pods/one")
    seen = follow(api, "pods", version, lives.is_gone)
    assert time.monotonic() - began >= 1.9
    api.transcript.note("states", None, states(seen, "app"))


def test_a_pod_without_grace_is_gone_at_once(api: Api) -> None:
    _live(api, lives.pod("one", runs("app", "time.sleep(60)")), lives.is_ready)
    api.quietly("DELETE", "pods/one", {"gracePeriodSeconds": 0})
    assert api.quietly("GET", "pods/one").code == 404


def _eviction(api: Api, name: str, **options: Any) -> Json:
    found: Json = {
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": {"name": name, "namespace": api.namespace},
    }
    return found | ({"deleteOptions": options} if options else {})


def test_eviction(api: Api) -> None:
    _live(api, lives.pod("one", runs("app", "time.sleep(60)")), lives.is_ready)
    version = since(api, "pods")
    eviction = _eviction(api, "one")
    api.create("pods/one/eviction", eviction)
    follow(api, "pods", version, lives.is_gone)
    api.create("pods/one/eviction", eviction)


def test_an_eviction_that_means_another_pod_of_that_name(api: Api) -> None:
    _live(api, lives.pod("one", runs("app", "time.sleep(60)")), lives.is_ready)
    other = "00000000-0000-4000-8000-000000000000"
    api.create("pods/one/eviction", _eviction(api, "one", preconditions={"uid": other}))
    found = api.quietly("GET", "pods/one").body["metadata"]
    assert "deletionTimestamp" not in found
    meant = _eviction(api, "one", preconditions={"uid": found["uid"]})
    api.create("pods/one/eviction", meant)


def _budget(api: Api, allowed: int, **wanted: Any) -> None:
    """Made, and its status noted as soon as it allows so many evictions."""
    version = since(api, "poddisruptionbudgets")
    body = {
        "metadata": {"name": "budget"},
        "spec": {"selector": {"matchLabels": {"part": "of"}}, **wanted},
    }
    assert api.quietly("POST", "poddisruptionbudgets", body).code == 201

    def counted(found: Json) -> bool:
        status = found["status"]
        return bool(status.get("observedGeneration") and status["disruptionsAllowed"] == allowed)

    seen = follow(api, "poddisruptionbudgets", version, counted)
    api.transcript.note("status", None, seen[-1]["status"])


def test_evictions_within_a_budget(api: Api) -> None:
    """Two pods of which one must stay: one may go, and then the other may not."""
    for name in ("one", "two"):
        body = lives.pod(name, runs("app", lives.FOR_EVER))
        body["metadata"]["labels"]["part"] = "of"
        _live(api, body, lives.is_ready)
    _budget(api, 1, minAvailable=1)
    api.create("pods/one/eviction", _eviction(api, "one"))
    api.create("pods/two/eviction", _eviction(api, "two"))
    assert "deletionTimestamp" not in api.quietly("GET", "pods/two").body["metadata"]


def test_an_eviction_of_a_pod_that_does_not_run(api: Api) -> None:
    """Nobody loses by it, whatever a budget says."""
    body = lives.pod("one", runs("app", "pass"), nodeSelector={"no": "node"})
    body["metadata"]["labels"]["part"] = "of"
    assert api.quietly("POST", "pods", body).code == 201
    _budget(api, 0, minAvailable=1)
    api.create("pods/one/eviction", _eviction(api, "one"))
