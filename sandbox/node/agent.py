"""The node agent: a kubelet in small, as tasks of the sandbox's loop.

`start` heals what a crash left and makes the bridge, `run` keeps the node's pods as the store
wants them, `stop` ends them and leaves the host as it was.
"""

import asyncio
import logging
import platform
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

from sandbox.apiserver.errors import ApiError, GoneError, NotFoundError
from sandbox.apiserver.kinds import CONFIG_MAP, LEASE, NODE, POD, SECRET, Kind
from sandbox.apiserver.selectors import parse_fields
from sandbox.apiserver.store import Store
from sandbox.apiserver.tokens import Tokens
from sandbox.apiserver.watch import Event, EventType
from sandbox.node import mounts
from sandbox.node.cleanup import remove_everything
from sandbox.node.host import NODE_NAME, Host, this_host
from sandbox.node.node_object import LEASE_NAMESPACE, LEASE_SECONDS, beat, node_object
from sandbox.node.objects import (
    Object,
    deleting,
    grace_period,
    namespace,
    rfc3339_micro,
    terminal,
    uid,
)
from sandbox.node.own_root import in_chroot
from sandbox.node.paths import Paths
from sandbox.node.pod import PodWorker
from sandbox.node.process import CommandError, become_subreaper, run
from sandbox.node.store_cluster import StoreCluster
from sandbox.node.streams import NodeStreams

_LEASE_EVERY = 10.0
_STATUS_EVERY = 300.0
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}

log = logging.getLogger(__name__)


class NodeAgent:
    """One per daemon. `streams` is what the API server wants as its `NodeApi`."""

    def __init__(self, store: Store, tokens: Tokens, paths: Paths | None = None) -> None:
        self.paths = paths or Paths()
        self.host: Host = this_host(self.paths, StoreCluster(store, tokens))
        self.streams = NodeStreams(self.host, self._worker_of)
        self._store = store
        self._workers: dict[str, PodWorker] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._stopping = False

    def __repr__(self) -> str:
        return f"<NodeAgent with {len(self._tasks)} pods>"

    async def start(self) -> None:
        """Heal, then make the bridge: afterwards servers may listen on its address.

        Raises CommandError, OSError; the latter also in a chroot that `own_root` has not left.
        """
        if in_chroot():
            raise OSError("the sandbox runs in a chroot: own_root() must be called first")
        become_subreaper()
        await remove_everything(self.paths)
        for directory in (self.paths.pods, self.paths.memory, self.paths.runc):
            directory.mkdir(parents=True, exist_ok=True, mode=0o711)
        mounts.tmpfs(self.paths.memory, mode=0o711)
        await self.host.network.up()

    async def run(self) -> None:
        """Register the node and keep its pods until cancelled."""
        await self._register()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._beat())
            group.create_task(self._follow(POD, self._pod_event, f"spec.nodeName={NODE_NAME}"))
            group.create_task(self._follow(CONFIG_MAP, self._content_event))
            group.create_task(self._follow(SECRET, self._content_event))

    async def stop(self, grace: float = 2.0) -> None:
        """End every pod within about `grace` seconds and remove all of ours from the host."""
        self._stopping = True
        for key, worker in self._workers.items():
            if key in self._tasks:
                worker.stop(min(grace, grace_period(worker.context.pod)))
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        await remove_everything(self.paths)

    # Pods

    def _pod_event(self, event: Event) -> None:
        pod, key = event.object, uid(event.object)
        worker = self._workers.get(key)
        if event.type is EventType.DELETED:
            self._gone(key)
        elif worker is not None:
            worker.update(pod)
            if deleting(pod) and key in self._tasks:
                worker.stop(grace_period(pod))
            elif deleting(pod):
                self.host.cluster.remove(pod)
        elif deleting(pod):
            self.host.cluster.remove(pod)
        elif not terminal(pod) and not self._stopping:
            self._begin(pod)

    def _begin(self, pod: Object) -> None:
        worker = PodWorker(pod, self.host)
        self._workers[uid(pod)] = worker
        self._tasks[uid(pod)] = asyncio.create_task(self._keep(worker), name=repr(worker.context))

    async def _keep(self, worker: PodWorker) -> None:
        """From the pod's first to its last moment on this host."""
        key = uid(worker.context.pod)
        try:
            await worker.run()
        except Exception:
            log.exception("%r", worker)
            worker.context.warn("FailedSync", "the node agent failed on this pod: see its log")
        finally:
            del self._tasks[key]
        if deleting(worker.context.pod):
            self.host.cluster.remove(worker.context.pod)
        if worker.gone:
            self._forget(key)

    def _gone(self, key: str) -> None:
        """The object is no more: whatever still runs of it ends now."""
        worker = self._workers.get(key)
        if worker is None:
            return
        worker.gone = True
        if key in self._tasks:
            worker.stop(0)
        else:
            self._forget(key)

    def _forget(self, key: str) -> None:
        if worker := self._workers.pop(key, None):
            worker.forget()

    def _content_event(self, event: Event) -> None:
        where = namespace(event.object)
        for worker in self._workers.values():
            if namespace(worker.context.pod) == where:
                worker.content_changed()

    def _worker_of(self, pod: Object) -> PodWorker | None:
        return self._workers.get(uid(pod))

    async def _follow(self, kind: Kind, take: Callable[[Event], None], fields: str = "") -> None:
        """Hand every change on; begin anew when we fell behind."""
        while True:
            watch = self._store.watch(kind, fields=parse_fields(fields, kind))
            try:
                async for event in watch:
                    take(event)
            except GoneError:
                continue
            finally:
                self._store.unwatch(watch)

    # The node itself

    async def _register(self) -> None:
        if self._store.find(NODE, "", NODE_NAME) is None:
            info = await _machine()
            architecture = _ARCHITECTURES.get(platform.machine(), platform.machine())
            now = self.host.clock()
            self._store.create(NODE, node_object(self.host.allocatable, info, architecture, now))

    async def _beat(self) -> None:
        """Renew the lease, and now and then the node's conditions; a node somebody deleted comes back."""
        beaten = self.host.clock()
        while True:
            await self._register()
            self._renew_lease()
            now = self.host.clock()
            if now - beaten >= _STATUS_EVERY:
                beaten = now
                self._store.mutate(NODE, "", NODE_NAME, partial(beat, now=now))
            await asyncio.sleep(_LEASE_EVERY)

    def _renew_lease(self) -> None:
        spec: Object = {
            "holderIdentity": NODE_NAME,
            "leaseDurationSeconds": LEASE_SECONDS,
            "renewTime": rfc3339_micro(self.host.clock()),
        }
        try:
            self._store.merge(LEASE, LEASE_NAMESPACE, NODE_NAME, {"spec": spec})
        except NotFoundError:
            meta = {"name": NODE_NAME, "namespace": LEASE_NAMESPACE}
            self._store.create(LEASE, {"metadata": meta, "spec": spec})
        except ApiError as error:
            log.warning("lease: %s", error)


async def _machine() -> dict[str, str]:
    """This machine's part of `nodeInfo`."""
    runc = "unknown"
    if shutil.which("runc"):
        try:
            runc = (await run("runc", "--version")).decode().split()[2]
        except (CommandError, IndexError):
            runc = "unknown"
    return {
        "kernelVersion": platform.release(),
        "osImage": _os_name(_read("/etc/os-release")),
        "containerRuntimeVersion": f"runc://{runc}",
        "machineID": _read("/etc/machine-id").strip(),
        "systemUUID": "",
        "bootID": _read("/proc/sys/kernel/random/boot_id").strip(),
    }


def _os_name(text: str) -> str:
    for line in text.splitlines():
        if line.startswith("PRETTY_NAME="):
            return line.partition("=")[2].strip('"')
    return "Linux"


def _read(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""
