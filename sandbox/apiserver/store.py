"""The state of the cluster: objects by resource, revisions, watches, and the rules of deletion.

Everything is synchronous and runs on one event loop, so every method is atomic. Objects that come
out (`get`, `list`, events) are shared with the store: read them, never change them
(`objects.copied` makes one that is yours). Objects that go in are copied.

    pod = store.get(POD, "default", "web-1")
    store.mutate(POD, "default", "web-1", lambda pod: pod["status"].update(phase="Running"))
    watch = store.watch(POD)                  # everything there is as ADDED, then what happens
    async for event in watch: ...

The store knows no defaults, admission or validation: whoever creates objects that must be admitted
(pods above all: service account tokens, webhooks) uses `api.Api`, which ends here.

Resource versions are one counter over all resources, as etcd's revisions are. A write that changes
nothing makes no revision and no event.
"""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Literal

from sandbox.apiserver import objects
from sandbox.apiserver.errors import (
    AlreadyExistsError,
    BadRequestError,
    ConflictError,
    GoneError,
    InternalError,
    InvalidError,
    NotFoundError,
    required,
)
from sandbox.apiserver.kinds import DEPLOYMENT, NAMESPACE, POD, Kind, Registry, StorageKey
from sandbox.apiserver.objects import Obj
from sandbox.apiserver.patch.merge import merged
from sandbox.apiserver.selectors import ANY_FIELDS, EVERYTHING, FieldSelector, LabelSelector, Scope
from sandbox.apiserver.watch import Change, Event, EventType, History, Watch

Propagation = Literal["Background", "Foreground", "Orphan"]
Observer = Callable[[Kind, Change], None]

DEFAULT_GRACE_SECONDS = 30
FINISHED = ("Succeeded", "Failed")
SERVER_OWNED = ("uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds")
"""Metadata an update cannot change; what the writer sent is replaced by what is stored."""

INITIAL_EVENTS_END = "k8s.io/initial-events-end"


class Part(Enum):
    """What a write may change."""

    MAIN = "main"
    """Everything but `status`, when the kind has a status subresource."""
    STATUS = "status"
    """Only `status`."""
    ALL = "all"
    """Everything: for controllers and the node agent, who live in the same process."""


@dataclass(frozen=True, slots=True)
class Preconditions:
    uid: str | None = None
    resource_version: str | None = None


NO_PRECONDITIONS = Preconditions()


class Store:
    def __init__(
        self,
        registry: Registry | None = None,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        window: int = 1024,
    ) -> None:
        """`window` is how many changes of each resource a watch can go back."""
        self.registry = registry or Registry.built_in()
        self.clock = clock
        self._window = window
        self._revision = 1
        self._objects: dict[StorageKey, dict[tuple[str, str], Obj]] = {}
        self._histories: dict[StorageKey, History] = {}
        self._watches: dict[StorageKey, list[Watch]] = {}
        self._observers: list[Observer] = []
        self._unannounced: list[tuple[Kind, Change]] = []
        self._announcing = False

    def __repr__(self) -> str:
        held = sum(len(found) for found in self._objects.values())
        return f"<Store {held} objects at revision {self._revision}>"

    @property
    def revision(self) -> int:
        """The latest resourceVersion given out: what a list carries."""
        return self._revision

    # Reading

    def find(self, kind: Kind, namespace: str, name: str) -> Obj | None:
        return self._of(kind).get((namespace if kind.namespaced else "", name))

    def get(self, kind: Kind, namespace: str, name: str) -> Obj:
        """The object; NotFoundError when there is none. `namespace` is "" for cluster-wide kinds."""
        found = self.find(kind, namespace, name)
        if found is None:
            raise NotFoundError.of(kind, name)
        return found

    def list(
        self,
        kind: Kind,
        namespace: str | None = None,
        *,
        labels: LabelSelector = EVERYTHING,
        fields: FieldSelector = ANY_FIELDS,
    ) -> Sequence[Obj]:
        """The matching objects in the order of namespace and name. `namespace=None` means all."""
        scope = Scope(namespace if kind.namespaced else None, labels, fields)
        held = self._of(kind)
        return [held[key] for key in sorted(held) if scope.covers(held[key])]

    def list_at(
        self,
        kind: Kind,
        namespace: str | None,
        revision: int,
        *,
        labels: LabelSelector = EVERYTHING,
        fields: FieldSelector = ANY_FIELDS,
    ) -> Sequence[Obj]:
        """The matching objects as they were at an earlier revision. GoneError when it is forgotten."""
        held = dict(self._of(kind))
        for change in reversed(self._history(kind).after(revision)):
            about = change.before if change.before is not None else change.after or {}
            key = (objects.namespace_of(about), objects.name_of(about))
            if change.before is None:
                held.pop(key, None)
            else:
                held[key] = change.before
        scope = Scope(namespace if kind.namespaced else None, labels, fields)
        return [held[key] for key in sorted(held) if scope.covers(held[key])]

    def dependents(self, owner_uid: str) -> Sequence[tuple[Kind, Obj]]:
        """Every object of any kind that names `owner_uid` among its owners."""
        return [
            (kind, obj)
            for kind in self.registry.storable()
            for obj in self._of(kind).values()
            if any(owner.get("uid") == owner_uid for owner in objects.owners_of(obj))
        ]

    # Writing

    def stamp(self, kind: Kind, obj: Obj) -> None:
        """Gives a new object, in place, what the server decides about it: uid, time, generation."""
        meta = obj.setdefault("metadata", {})
        for key in (
            "deletionTimestamp",
            "deletionGracePeriodSeconds",
            "selfLink",
            "resourceVersion",
        ):
            meta.pop(key, None)
        meta["uid"] = str(uuid.uuid4())
        meta["creationTimestamp"] = objects.timestamp(self.clock())
        if kind.generation or kind.custom:
            meta["generation"] = 1
        else:
            meta.pop("generation", None)

    def create(self, kind: Kind, obj: Obj, *, stamped: bool = False) -> Obj:
        """Stores a new object: name from generateName, revision, and what `stamp` gives it unless it
        has that already.

        AlreadyExistsError, or InvalidError when it has neither name nor generateName.
        """
        new = objects.copied(obj)
        meta = new.setdefault("metadata", {})
        if not kind.namespaced:
            meta.pop("namespace", None)
        elif not meta.get("namespace"):
            raise BadRequestError(f"{kind.kind} needs a namespace")
        if not meta.get("name"):
            if not meta.get("generateName"):
                cause = required("metadata.name", "name or generateName is required")
                raise InvalidError.of(kind, "", [cause])
            meta["name"] = self._generated_name(kind, new)
        if self.find(kind, objects.namespace_of(new), meta["name"]) is not None:
            raise AlreadyExistsError.of(kind, meta["name"])
        if not stamped:
            self.stamp(kind, new)
        new["apiVersion"], new["kind"] = kind.api_version, kind.kind
        return self._commit(kind, None, new)

    def update(self, kind: Kind, obj: Obj, part: Part = Part.MAIN) -> Obj:
        """Replaces the object of the same name.

        With a `metadata.resourceVersion` it must be the stored one (ConflictError); without, the
        write is unconditional. The last finalizer's removal from a deleted object removes it.
        """
        name = objects.name_of(obj)
        stored = self.get(kind, objects.namespace_of(obj), name)
        self._check(
            kind,
            stored,
            Preconditions(
                objects.uid_of(obj) or None, objects.metadata(obj).get("resourceVersion") or None
            ),
        )
        new = self._next_state(kind, stored, objects.copied(obj), part)
        if _same(stored, new):
            return stored
        if self._counts(kind, stored, new, part):
            new["metadata"]["generation"] = objects.metadata(stored).get("generation", 0) + 1
        if objects.is_deleting(new) and _may_vanish(kind, new):
            return self._remove(kind, stored, new)
        return self._commit(kind, stored, new)

    def update_status(self, kind: Kind, obj: Obj) -> Obj:
        return self.update(kind, obj, Part.STATUS)

    def mutate(
        self,
        kind: Kind,
        namespace: str,
        name: str,
        change: Callable[[Obj], object],
        part: Part = Part.ALL,
    ) -> Obj:
        """Lets `change` alter a copy of the stored object in place, and stores that.

        What `change` returns is ignored. Atomic, so there is no conflict to handle.
        """
        draft = objects.copied(self.get(kind, namespace, name))
        change(draft)
        return self.update(kind, draft, part)

    def merge(
        self, kind: Kind, namespace: str, name: str, patch: Obj, part: Part = Part.ALL
    ) -> Obj:
        """Merges a JSON merge patch (null deletes a key, lists replace)."""
        stored = self.get(kind, namespace, name)
        return self.update(kind, merged(stored, patch), part)

    def delete(
        self,
        kind: Kind,
        namespace: str,
        name: str,
        *,
        grace: int | None = None,
        propagation: Propagation | None = None,
        preconditions: Preconditions = NO_PRECONDITIONS,
    ) -> Obj:
        """Begins or completes a deletion; returns the object as it then is, or last was.

        Pods stay, marked, for their grace period (seconds; `grace=0` completes: the node agent's
        last word). Objects with finalizers stay until the last one is gone; `Foreground` and
        `Orphan` are such finalizers, taken off by the garbage collector. Namespaces stay until
        finalized.
        """
        stored = self.get(kind, namespace, name)
        self._check_deletion(kind, stored, preconditions)
        new = objects.copied(stored)
        _mark_propagation(new, propagation)
        seconds = self._grace(kind, new, grace)
        self._mark_deleted(new, seconds)
        if kind.key == NAMESPACE.key:
            new.setdefault("status", {})["phase"] = "Terminating"
        if _may_vanish(kind, new):
            at_once = kind.key != POD.key and not objects.is_deleting(stored)
            return self._remove(kind, stored, objects.copied(stored) if at_once else new)
        return stored if _same(stored, new) else self._commit(kind, stored, new)

    def delete_collection(
        self,
        kind: Kind,
        namespace: str | None = None,
        *,
        labels: LabelSelector = EVERYTHING,
        fields: FieldSelector = ANY_FIELDS,
        grace: int | None = None,
        propagation: Propagation | None = None,
    ) -> Sequence[Obj]:
        return [
            self.delete(
                kind,
                objects.namespace_of(obj),
                objects.name_of(obj),
                grace=grace,
                propagation=propagation,
            )
            for obj in self.list(kind, namespace, labels=labels, fields=fields)
        ]

    # Following

    def watch(
        self,
        kind: Kind,
        namespace: str | None = None,
        *,
        since: int | None = None,
        labels: LabelSelector = EVERYTHING,
        fields: FieldSelector = ANY_FIELDS,
        initial_bookmark: bool = False,
    ) -> Watch:
        """Follows a resource. The caller closes the watch (`store.unwatch`) when done.

        Without `since` (or 0): first every present object as ADDED, then, with `initial_bookmark`,
        a BOOKMARK that says the picture is complete. With `since`: every later change; GoneError
        when the window no longer holds them, or `since` lies in the future.
        """
        watch = Watch(Scope(namespace if kind.namespaced else None, labels, fields))
        if since:
            if since > self._revision:
                raise GoneError.too_old(since, self._revision)
            for change in self._history(kind).after(since):
                watch.offer(change)
        else:
            for obj in self.list(kind, namespace, labels=labels, fields=fields):
                watch.push(Event(EventType.ADDED, obj, int(obj["metadata"]["resourceVersion"])))
        if initial_bookmark:
            watch.push(self.bookmark(kind, complete=True))
        self._watches.setdefault(kind.key, []).append(watch)
        return watch

    def unwatch(self, watch: Watch) -> None:
        watch.close()
        for watches in self._watches.values():
            if watch in watches:
                watches.remove(watch)

    def begin(self, kind: Kind) -> None:
        """A resource that is served from now on: a watch cannot go back to what was before."""
        self._histories.setdefault(kind.key, History(self._window, self._revision))

    def bookmark(self, kind: Kind, *, complete: bool = False) -> Event:
        """A BOOKMARK at the present revision; `complete` marks the end of the initial events."""
        meta: Obj = {"resourceVersion": str(self._revision)}
        if complete:
            meta["annotations"] = {INITIAL_EVENTS_END: "true"}
        body = {"kind": kind.kind, "apiVersion": kind.api_version, "metadata": meta}
        return Event(EventType.BOOKMARK, body, self._revision)

    def observe(self, observer: Observer) -> None:
        """Calls `observer(kind, change)` right after every write, in the order of revisions.

        An observer may write; what it writes is announced after the present change.
        """
        self._observers.append(observer)

    # Inside

    def _of(self, kind: Kind) -> dict[tuple[str, str], Obj]:
        return self._objects.setdefault(kind.key, {})

    def _history(self, kind: Kind) -> History:
        return self._histories.setdefault(kind.key, History(self._window))

    def _generated_name(self, kind: Kind, obj: Obj) -> str:
        prefix = objects.metadata(obj)["generateName"][:58]
        for _ in range(8):
            name = prefix + objects.random_suffix()
            if self.find(kind, objects.namespace_of(obj), name) is None:
                return str(name)
        raise InternalError(f"no free name for generateName {prefix!r}")

    def _check(self, kind: Kind, stored: Obj, preconditions: Preconditions) -> None:
        meta, name = stored["metadata"], objects.name_of(stored)
        if preconditions.uid is not None and preconditions.uid != meta["uid"]:
            raise ConflictError.on(
                kind,
                name,
                f"Precondition failed: UID in precondition: {preconditions.uid},"
                f" UID in object meta: {meta['uid']}",
            )
        if preconditions.resource_version not in (None, meta["resourceVersion"]):
            raise ConflictError.modified(kind, name)

    def _check_deletion(self, kind: Kind, stored: Obj, wanted: Preconditions) -> None:
        meta, name = stored["metadata"], objects.name_of(stored)
        if wanted.uid not in (None, meta["uid"]):
            perhaps = "deleted and then recreated"
            raise ConflictError.deletion(kind, name, "UID", str(wanted.uid), meta["uid"], perhaps)
        version = meta["resourceVersion"]
        if wanted.resource_version not in (None, version):
            raise ConflictError.deletion(
                kind, name, "ResourceVersion", str(wanted.resource_version), version, "modified"
            )

    def _next_state(self, kind: Kind, stored: Obj, new: Obj, part: Part) -> Obj:
        """`new` with everything the writer may not change taken from `stored`."""
        if part is Part.STATUS:
            draft: Obj = dict(stored)
            draft["metadata"] = dict(stored["metadata"])
            managers = objects.metadata(new).get("managedFields")
            if managers is not None:
                draft["metadata"]["managedFields"] = managers
            _carry(draft, new, "status")
            if kind.key == POD.key:
                for key in ("labels", "annotations"):
                    _carry(draft["metadata"], objects.metadata(new), key)
            return draft
        if part is Part.MAIN and "status" in kind.subresources:
            _carry(new, stored, "status")
        meta = new.setdefault("metadata", {})
        for key in (*SERVER_OWNED, "generation", "resourceVersion", "generateName"):
            _carry(meta, stored["metadata"], key)
        new["apiVersion"], new["kind"] = stored["apiVersion"], kind.kind
        return new

    def _counts(self, kind: Kind, stored: Obj, new: Obj, part: Part) -> bool:
        """Whether the change is one that `generation` counts: of the specification, and of a
        Deployment's annotations, which end up on its ReplicaSets."""
        if not (kind.generation or kind.custom):
            return False
        aside = {"metadata", "apiVersion"}
        if not kind.custom or "status" in kind.subresources:
            aside.add("status")
        if _without(stored, aside) != _without(new, aside):
            return True
        return (
            kind.key == DEPLOYMENT.key
            and part is Part.MAIN
            and _counted_annotations(stored) != _counted_annotations(new)
        )

    def _grace(self, kind: Kind, obj: Obj, asked: int | None) -> int:
        if kind.key != POD.key:
            return 0
        spec = objects.spec_of(obj)
        if not spec.get("nodeName") or objects.status_of(obj).get("phase") in FINISHED:
            return 0
        if asked is not None:
            return max(asked, 0)
        return int(spec.get("terminationGracePeriodSeconds", DEFAULT_GRACE_SECONDS))

    def _mark_deleted(self, obj: Obj, seconds: int) -> None:
        meta = obj["metadata"]
        if meta.get("deletionTimestamp"):
            # A second deletion can only shorten the first one's grace.
            if seconds >= meta.get("deletionGracePeriodSeconds", 0):
                return
        elif "generation" in meta:
            meta["generation"] += 1
        meta["deletionTimestamp"] = objects.timestamp(self.clock() + timedelta(seconds=seconds))
        meta["deletionGracePeriodSeconds"] = seconds

    def _commit(self, kind: Kind, before: Obj | None, after: Obj) -> Obj:
        self._revision += 1
        after["metadata"]["resourceVersion"] = str(self._revision)
        key = (objects.namespace_of(after), objects.name_of(after))
        self._of(kind)[key] = after
        self._announce(kind, Change(self._revision, before, after))
        return after

    def _remove(self, kind: Kind, stored: Obj, last: Obj) -> Obj:
        self._revision += 1
        last["metadata"]["resourceVersion"] = str(self._revision)
        del self._of(kind)[objects.namespace_of(stored), objects.name_of(stored)]
        self._announce(kind, Change(self._revision, stored, None, last))
        return last

    def _announce(self, kind: Kind, change: Change) -> None:
        self._history(kind).record(change)
        for watch in self._watches.get(kind.key, []):
            watch.offer(change)
        self._unannounced.append((kind, change))
        if self._announcing:
            return
        self._announcing = True
        try:
            while self._unannounced:
                latest = self._unannounced.pop(0)
                for observer in self._observers:
                    observer(*latest)
        finally:
            self._announcing = False


def _counted_annotations(deployment: Obj) -> Obj:
    """All but the one that the deployment's controller writes, together with the status."""
    return _without(objects.annotations_of(deployment), {"deployment.kubernetes.io/revision"})


def _carry(target: Obj, source: Obj, key: str) -> None:
    """Makes `target[key]` what it is in `source`, absence included."""
    if key in source:
        target[key] = source[key]
    else:
        target.pop(key, None)


def _without(obj: Obj, keys: set[str]) -> Obj:
    return {key: value for key, value in obj.items() if key not in keys}


def _same(stored: Obj, new: Obj) -> bool:
    """Whether a write changes nothing. When fields were last managed is not a change."""
    return _comparable(stored) == _comparable(new)


def _comparable(obj: Obj) -> Obj:
    meta = _without(obj["metadata"], {"resourceVersion", "managedFields"})
    managers = [_without(entry, {"time"}) for entry in obj["metadata"].get("managedFields") or []]
    return {**obj, "metadata": {**meta, "managedFields": managers}}


def _mark_propagation(obj: Obj, propagation: Propagation | None) -> None:
    if propagation is None:
        return
    meta = obj["metadata"]
    kept = [
        one for one in meta.get("finalizers") or [] if one not in ("orphan", "foregroundDeletion")
    ]
    added = {"Foreground": ["foregroundDeletion"], "Orphan": ["orphan"], "Background": []}
    finalizers = kept + added[propagation]
    if finalizers:
        meta["finalizers"] = finalizers
    else:
        meta.pop("finalizers", None)


def _may_vanish(kind: Kind, obj: Obj) -> bool:
    """Whether nothing holds an object that is being deleted any more."""
    meta = obj["metadata"]
    if meta.get("finalizers"):
        return False
    if kind.key == NAMESPACE.key and objects.spec_of(obj).get("finalizers"):
        return False
    return not meta.get("deletionGracePeriodSeconds")
