import asyncio

import pytest

from sandbox.apiserver.errors import (
    AlreadyExistsError,
    ConflictError,
    GoneError,
    InvalidError,
    NotFoundError,
)
from sandbox.apiserver.kinds import CONFIG_MAP, DEPLOYMENT, NAMESPACE, POD, Kind
from sandbox.apiserver.objects import Obj
from sandbox.apiserver.selectors import parse_labels
from sandbox.apiserver.store import Part, Preconditions, Store
from sandbox.apiserver.tests.conftest import deployment, pod
from sandbox.apiserver.watch import Change, EventType, Watch


def config_map(name: str = "c", **data: str) -> Obj:
    return {"metadata": {"name": name, "namespace": "default"}, "data": data}


def script(watch: Watch) -> list[str]:
    """What a watch saw, as `ADDED c`, in order."""
    return [f"{event.type} {event.object['metadata'].get('name', '')}" for event in watch.pending()]


def test_creating_gives_identity_and_time(store: Store) -> None:
    made = store.create(CONFIG_MAP, config_map())
    meta = made["metadata"]
    assert (made["apiVersion"], made["kind"]) == ("v1", "ConfigMap")
    assert meta["creationTimestamp"] == "2026-01-02T03:04:05Z"
    assert len(meta["uid"]) == 36
    assert meta["resourceVersion"] == str(store.revision)


def test_what_goes_in_is_copied(store: Store) -> None:
    sent = config_map(a="1")
    store.create(CONFIG_MAP, sent)
    sent["data"]["a"] = "2"
    assert store.get(CONFIG_MAP, "default", "c")["data"] == {"a": "1"}


def test_generated_names_begin_with_their_prefix(store: Store) -> None:
    obj = {"metadata": {"generateName": "c-", "namespace": "default"}}
    names = {store.create(CONFIG_MAP, obj)["metadata"]["name"] for _ in range(20)}
    assert len(names) == 20
    assert all(name.startswith("c-") and len(name) == 7 for name in names)


def test_an_object_needs_a_name(store: Store) -> None:
    with pytest.raises(InvalidError, match=r"metadata\.name: Required value"):
        store.create(CONFIG_MAP, {"metadata": {"namespace": "default"}})


def test_a_name_is_taken_once(store: Store) -> None:
    store.create(CONFIG_MAP, config_map())
    with pytest.raises(AlreadyExistsError, match='configmaps "c" already exists'):
        store.create(CONFIG_MAP, config_map())


def test_what_is_not_there_is_named(store: Store) -> None:
    with pytest.raises(NotFoundError, match=r'deployments\.apps "x" not found'):
        store.get(DEPLOYMENT, "default", "x")


def test_an_update_of_an_older_state_conflicts(store: Store) -> None:
    first = store.create(CONFIG_MAP, config_map(a="1"))
    store.update(CONFIG_MAP, {**first, "data": {"a": "2"}})
    with pytest.raises(ConflictError, match="the object has been modified"):
        store.update(CONFIG_MAP, {**first, "data": {"a": "3"}})


def test_an_update_without_a_revision_is_unconditional(store: Store) -> None:
    store.create(CONFIG_MAP, config_map(a="1"))
    assert store.update(CONFIG_MAP, config_map(a="2"))["data"] == {"a": "2"}


def test_an_update_that_changes_nothing_makes_no_revision(store: Store) -> None:
    made = store.create(CONFIG_MAP, config_map(a="1"))
    watch = store.watch(CONFIG_MAP, since=store.revision)
    assert store.update(CONFIG_MAP, config_map(a="1")) is made
    assert script(watch) == []


def test_an_update_cannot_change_identity(store: Store) -> None:
    made = store.create(CONFIG_MAP, config_map())
    changed = {
        **made,
        "metadata": {**made["metadata"], "creationTimestamp": "x", "labels": {"a": "b"}},
    }
    assert (
        store.update(CONFIG_MAP, changed)["metadata"]["creationTimestamp"] == "2026-01-02T03:04:05Z"
    )
    with pytest.raises(ConflictError, match="Precondition failed: UID"):
        store.update(CONFIG_MAP, {**made, "metadata": {**made["metadata"], "uid": "other"}})


def test_generation_counts_the_specification_only(store: Store) -> None:
    store.create(DEPLOYMENT, deployment())

    def generation() -> int:
        return int(store.get(DEPLOYMENT, "default", "web")["metadata"]["generation"])

    assert generation() == 1
    store.merge(DEPLOYMENT, "default", "web", {"status": {"replicas": 1}})
    store.merge(DEPLOYMENT, "default", "web", {"metadata": {"labels": {"x": "y"}}})
    assert generation() == 1
    store.merge(DEPLOYMENT, "default", "web", {"spec": {"replicas": 5}})
    assert generation() == 2


@pytest.mark.parametrize(
    ("part", "spec", "status"),
    [(Part.MAIN, 2, 1), (Part.STATUS, 1, 2), (Part.ALL, 2, 2)],
)
def test_each_part_changes_only_itself(store: Store, part: Part, spec: int, status: int) -> None:
    store.create(DEPLOYMENT, {**deployment(replicas=1), "status": {"replicas": 1}})
    store.update(DEPLOYMENT, {**deployment(replicas=2), "status": {"replicas": 2}}, part)
    found = store.get(DEPLOYMENT, "default", "web")
    assert (found["spec"]["replicas"], found["status"]["replicas"]) == (spec, status)


# Deletion


def test_deleting_removes(store: Store) -> None:
    store.create(CONFIG_MAP, config_map())
    store.delete(CONFIG_MAP, "default", "c")
    assert store.find(CONFIG_MAP, "default", "c") is None


def test_preconditions_guard_a_deletion(store: Store) -> None:
    store.create(CONFIG_MAP, config_map())
    with pytest.raises(ConflictError):
        store.delete(CONFIG_MAP, "default", "c", preconditions=Preconditions(uid="other"))


def test_a_running_pod_has_its_grace(store: Store) -> None:
    store.create(POD, pod(nodeName="sandbox", terminationGracePeriodSeconds=20))
    marked = store.delete(POD, "default", "web-1")
    assert marked["metadata"]["deletionTimestamp"] == "2026-01-02T03:04:25Z"
    assert marked["metadata"]["deletionGracePeriodSeconds"] == 20
    shorter = store.delete(POD, "default", "web-1", grace=5)
    assert shorter["metadata"]["deletionGracePeriodSeconds"] == 5
    assert (
        store.delete(POD, "default", "web-1", grace=9)["metadata"]["deletionGracePeriodSeconds"]
        == 5
    )
    store.delete(POD, "default", "web-1", grace=0)
    assert store.find(POD, "default", "web-1") is None


@pytest.mark.parametrize("change", [{}, {"nodeName": "sandbox"}])
def test_a_pod_nobody_runs_goes_at_once(store: Store, change: Obj) -> None:
    store.create(POD, pod(**change))
    if change:
        store.merge(POD, "default", "web-1", {"status": {"phase": "Succeeded"}})
    store.delete(POD, "default", "web-1")
    assert store.find(POD, "default", "web-1") is None


def test_finalizers_hold_an_object_until_the_last_is_gone(store: Store) -> None:
    held = config_map()
    held["metadata"]["finalizers"] = ["example.com/a", "example.com/b"]
    store.create(CONFIG_MAP, held)
    watch = store.watch(CONFIG_MAP, since=store.revision)
    assert "deletionTimestamp" in store.delete(CONFIG_MAP, "default", "c")["metadata"]
    store.merge(CONFIG_MAP, "default", "c", {"metadata": {"finalizers": ["example.com/b"]}})
    store.merge(CONFIG_MAP, "default", "c", {"metadata": {"finalizers": None}})
    assert script(watch) == ["MODIFIED c", "MODIFIED c", "DELETED c"]


@pytest.mark.parametrize(
    ("policy", "finalizer"), [("Foreground", "foregroundDeletion"), ("Orphan", "orphan")]
)
def test_propagation_is_a_finalizer(store: Store, policy: str, finalizer: str) -> None:
    store.create(DEPLOYMENT, deployment())
    marked = store.delete(DEPLOYMENT, "default", "web", propagation=policy)  # type: ignore[arg-type]
    assert marked["metadata"]["finalizers"] == [finalizer]


def test_a_namespace_waits_for_its_finalizer(store: Store) -> None:
    store.create(NAMESPACE, {"metadata": {"name": "n"}, "spec": {"finalizers": ["kubernetes"]}})
    assert store.delete(NAMESPACE, "", "n")["status"]["phase"] == "Terminating"
    store.mutate(NAMESPACE, "", "n", lambda found: found["spec"].update(finalizers=[]))
    assert store.find(NAMESPACE, "", "n") is None


# Watching


def test_a_watch_begins_with_what_is_there(store: Store) -> None:
    store.create(CONFIG_MAP, config_map("b"))
    store.create(CONFIG_MAP, config_map("a"))
    watch = store.watch(CONFIG_MAP, initial_bookmark=True)
    store.delete(CONFIG_MAP, "default", "a")
    events = watch.pending()
    assert [event.type for event in events] == ["ADDED", "ADDED", "BOOKMARK", "DELETED"]
    assert events[2].object["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}
    assert int(events[3].object["metadata"]["resourceVersion"]) == store.revision


def test_a_watch_replays_from_a_revision(store: Store) -> None:
    store.create(CONFIG_MAP, config_map("a"))
    since = store.revision
    store.create(CONFIG_MAP, config_map("b"))
    store.delete(CONFIG_MAP, "default", "a")
    assert script(store.watch(CONFIG_MAP, since=since)) == ["ADDED b", "DELETED a"]


def test_what_left_the_window_is_gone() -> None:
    store = Store(window=2)
    for name in "abcd":
        store.create(CONFIG_MAP, config_map(name))
    assert script(store.watch(CONFIG_MAP, since=store.revision - 2)) == ["ADDED c", "ADDED d"]
    with pytest.raises(GoneError, match="too old resource version"):
        store.watch(CONFIG_MAP, since=store.revision - 3)
    with pytest.raises(GoneError):
        store.watch(CONFIG_MAP, since=store.revision + 1)


def test_other_resources_do_not_use_up_the_window() -> None:
    store = Store(window=2)
    since = store.create(CONFIG_MAP, config_map("a"))["metadata"]["resourceVersion"]
    for number in range(5):
        store.create(POD, pod(f"p{number}"))
    assert script(store.watch(CONFIG_MAP, since=int(since))) == []


def test_a_selector_turns_changes_into_arrivals_and_departures(store: Store) -> None:
    watch = store.watch(CONFIG_MAP, labels=parse_labels("app=web"))
    store.create(CONFIG_MAP, config_map())
    store.merge(CONFIG_MAP, "default", "c", {"metadata": {"labels": {"app": "web"}}})
    store.merge(CONFIG_MAP, "default", "c", {"data": {"a": "1"}})
    store.merge(CONFIG_MAP, "default", "c", {"metadata": {"labels": {"app": "db"}}})
    store.delete(CONFIG_MAP, "default", "c")
    assert script(watch) == ["ADDED c", "MODIFIED c", "DELETED c"]


def test_a_watch_of_one_namespace_sees_no_other(store: Store) -> None:
    watch = store.watch(CONFIG_MAP, "other")
    store.create(CONFIG_MAP, config_map())
    assert script(watch) == []


def test_a_watcher_that_does_not_read_is_cut_off(store: Store) -> None:
    async def scenario() -> None:
        watch = store.watch(CONFIG_MAP)
        watch._capacity = 2
        for name in "abc":
            store.create(CONFIG_MAP, config_map(name))
        assert [(await anext(watch)).type, (await anext(watch)).type] == ["ADDED", "ADDED"]
        with pytest.raises(GoneError, match="too far behind"):
            await anext(watch)

    asyncio.run(scenario())


def test_a_waiting_reader_is_woken(store: Store) -> None:
    async def scenario() -> None:
        watch = store.watch(CONFIG_MAP)
        waiting = asyncio.ensure_future(anext(watch))
        await asyncio.sleep(0)
        store.create(CONFIG_MAP, config_map())
        assert (await waiting).type is EventType.ADDED
        store.unwatch(watch)
        assert [event async for event in watch] == []

    asyncio.run(scenario())


def test_observers_hear_nested_writes_in_order(store: Store) -> None:
    heard: list[tuple[str, int]] = []

    def answer(kind: Kind, change: Change) -> None:
        if kind == POD:
            store.create(CONFIG_MAP, config_map("made"))

    store.observe(answer)
    store.observe(lambda kind, change: heard.append((kind.kind, change.revision)))
    store.create(POD, pod())
    assert heard == [("Pod", store.revision - 1), ("ConfigMap", store.revision)]


def test_dependents_are_found_by_owner(store: Store) -> None:
    owned = config_map("owned")
    owned["metadata"]["ownerReferences"] = [
        {"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": "u"}
    ]
    store.create(CONFIG_MAP, owned)
    assert [(kind, obj["metadata"]["name"]) for kind, obj in store.dependents("u")] == [
        (CONFIG_MAP, "owned")
    ]
