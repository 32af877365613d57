"""One pod from its first look to its last: the state machine, in reading order.

    set up       namespace and address, volumes; tried again until they can be had
    initialize   init containers in turn; a sidecar only has to have started, and stays
    run          the main containers, started in turn, each supervised by the pod's restart policy
    wind down    sidecars in reverse order, once nothing needs them any more
    tear down    volumes, network, directories

`stop` may come at any time: it ends the containers with their grace and lets `run` fall through
to the tear-down.
"""

import asyncio
import contextlib
import shutil
from collections.abc import Coroutine, Iterable
from pathlib import Path
from typing import Any

from sandbox.node import mounts
from sandbox.node.addresses import NoAddressError
from sandbox.node.container import ContainerRun
from sandbox.node.etc_files import hostname, hosts, resolv_conf
from sandbox.node.host import HOST_IP, Host, PodContext
from sandbox.node.network import HOST
from sandbox.node.objects import (
    Object,
    containers,
    grace_period,
    host_network,
    init_containers,
    is_sidecar,
    metadata,
    restart_policy,
    spec,
    uid,
)
from sandbox.node.payload import Origin, VolumeError
from sandbox.node.process import CommandError
from sandbox.node.spec import Mount
from sandbox.node.status import Role, Situation, Terminated, pod_status
from sandbox.node.tokens import TokenCache
from sandbox.node.unsupported import unsupported
from sandbox.node.volumes import Volumes

_FIRST_RETRY = 0.5
_LONGEST_RETRY = 10.0
SHARED_MEMORY = "/dev/shm"  # noqa: S108 - a place inside the container
_LEAST_GRACE = 2.0


class PodWorker:
    """Runs one pod. The agent awaits `run`, tells of changes by `update`, asks for the end by `stop`."""

    def __init__(self, pod: Object, host: Host) -> None:
        self.context = PodContext(pod, host)
        self._host = host
        self.gone = False
        """The pod's object is no more."""
        self._volumes = Volumes(pod, host.paths)
        self._tokens = TokenCache(pod, host.cluster, host.clock)
        self._started_at = host.clock()
        self._initialized = False
        self._settled = False
        self._failed: tuple[str, str] | None = None
        self._stopping = asyncio.Event()
        self._grace = 0.0
        """Of the stop under way."""
        self._stop_task: asyncio.Task[None] | None = None
        self._content_changed = asyncio.Event()
        self._publishing = False
        self.runs = [
            *(self._new(one, _init_role(one)) for one in init_containers(pod)),
            *(self._new(one, "main") for one in containers(pod)),
        ]

    def __repr__(self) -> str:
        return f"<worker of {self.context!r}: {', '.join(map(repr, self.runs))}>"

    # What the agent calls

    async def run(self) -> None:
        """Returns when nothing of the pod is left on this host; its object may remain (a finished Job)."""
        background: list[asyncio.Task[Any]] = []
        try:
            self._publish_soon()
            for sentence in unsupported(self.context.pod):
                self.context.warn("Unsupported", sentence)
            if await self._set_up():
                background.append(asyncio.create_task(self._keep_volumes_fresh()))
                background += self._deadline()
                await self._live()
        finally:
            for task in background:
                task.cancel()
            if self._stop_task is not None:
                await self._stop_task
            self._kill_all()  # nothing is left to kill, unless something went wrong above
            await asyncio.gather(*background, return_exceptions=True)
            await self._tear_down()
        self._settled = True
        self._publish()

    def update(self, pod: Object) -> None:
        """The pod's object has changed: labels for the downward API, gates, a deletion."""
        before = self.context.pod
        self.context.pod = pod
        if metadata(before).get("labels") != metadata(pod).get("labels") or metadata(before).get(
            "annotations"
        ) != metadata(pod).get("annotations"):
            self._content_changed.set()
        self._publish_soon()

    def content_changed(self) -> None:
        """A ConfigMap or Secret of the pod's namespace has changed."""
        self._content_changed.set()

    def stop(self, grace: float) -> None:
        """Begin the end; a later call with less grace shortens it, with none it ends at once."""
        if self._stop_task is not None and grace >= self._grace:
            return
        self._grace = grace
        if self._stop_task is None:
            self._stopping.set()
            self._stop_task = asyncio.create_task(self._stop(grace))
        elif grace <= 0:
            self._kill_all()
        else:
            asyncio.get_running_loop().call_later(grace, self._kill_all)

    def find(self, container: str) -> ContainerRun | None:
        return next((one for one in self.runs if one.name == container), None)

    # Set up

    async def _set_up(self) -> bool:
        """False when the pod was stopped before it could be had."""
        delay = _FIRST_RETRY
        while not self._stopping.is_set():
            try:
                await self._attach()
                await self._volumes.set_up(self._origin())
                return True
            except (CommandError, OSError, NoAddressError) as error:
                self.context.warn(
                    "FailedCreatePodSandBox", f"Failed to create pod sandbox: {error}"
                )
            except VolumeError as error:
                self.context.warn("FailedMount", str(error))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(delay):
                    await self._stopping.wait()
            delay = min(delay * 2, _LONGEST_RETRY)
        return False

    async def _attach(self) -> None:
        if self.context.network is not None:
            return
        pod, directory = self.context.pod, self._directory
        network = HOST if host_network(pod) else await self._host.network.attach(uid(pod))
        try:
            _write_etc(pod, str(network.address), directory / "etc")
            self._shared_memory.mkdir(parents=True, exist_ok=True)
            self._shared_memory.chmod(0o1777)
        except BaseException:
            await self._host.network.detach(uid(pod), network)
            raise
        self.context.network = network
        self._publish_soon()

    def _origin(self) -> Origin:
        context = self.context
        return Origin(context.pod, context.sources(), context.facts(), self._tokens.get)

    async def _keep_volumes_fresh(self) -> None:
        """Follow changed objects, and renew tokens before they run out."""
        while True:
            renewal = self._tokens.next_renewal()
            wait = None if renewal is None else max(1.0, renewal - self._host.clock())
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._content_changed.wait()
            self._content_changed.clear()
            try:
                await self._volumes.refresh(self._origin())
            except VolumeError as error:
                self.context.warn("FailedMount", str(error))

    # Live

    async def _live(self) -> None:
        sidecars: list[asyncio.Task[None]] = []
        try:
            if await self._initialize(sidecars):
                self._initialized = True
                self._publish_soon()
                await self._run_main()
        finally:
            await self._end_sidecars()
            await asyncio.gather(*sidecars)

    async def _initialize(self, sidecars: list[asyncio.Task[None]]) -> bool:
        """True when every init container has done its part."""
        for run in self.runs:
            if self._stopping.is_set():
                return False
            if run.view.role == "sidecar":
                sidecars.append(asyncio.create_task(run.supervise(_always)))
                if not await run.wait_started():
                    return False
            elif run.view.role == "init":
                await run.supervise(self._retry_init)
                if not run.view.initialized():
                    return False
        return not self._stopping.is_set()

    async def _run_main(self) -> None:
        """One after another: each is tried, its postStart hook done, before the next. What cannot be
        started holds nobody back."""
        async with asyncio.TaskGroup() as group:
            for run in self.runs:
                if run.view.role == "main" and not self._stopping.is_set():
                    group.create_task(run.supervise(self._retry_main))
                    await run.wait_tried()

    def _retry_init(self, ended: Terminated) -> bool:
        return ended.exit_code != 0 and restart_policy(self.context.pod) != "Never"

    def _retry_main(self, ended: Terminated) -> bool:
        match restart_policy(self.context.pod):
            case "Always":
                return True
            case "OnFailure":
                return ended.exit_code != 0
        return False

    # The end

    async def _stop(self, grace: float) -> None:
        """Main and init containers at once, then the sidecars from last to first, all within `grace`."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + grace
        first = [one for one in self.runs if one.view.role != "sidecar"]
        await _together(self._end(one, grace) for one in first)
        for run in self._sidecars():
            left = max(_LEAST_GRACE, deadline - loop.time()) if grace > 0 else 0.0
            await self._end(run, left)

    async def _end_sidecars(self) -> None:
        """After the last main container of a pod that is not to be restarted."""
        if self._stop_task is not None:
            await self._stop_task
            return
        for run in self._sidecars():
            await self._end(run, grace_period(self.context.pod))

    async def _end(self, run: ContainerRun, grace: float) -> None:
        run.retire()
        if run.begun:
            await run.terminate(grace)

    def _sidecars(self) -> list[ContainerRun]:
        return [one for one in reversed(self.runs) if one.view.role == "sidecar"]

    def _kill_all(self) -> None:
        for run in self.runs:
            run.kill_now()

    def _deadline(self) -> list[asyncio.Task[Any]]:
        seconds = spec(self.context.pod).get("activeDeadlineSeconds")
        return [] if seconds is None else [asyncio.create_task(self._expire(float(seconds)))]

    async def _expire(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        message = "Pod was active on the node longer than the specified deadline"
        self._failed = ("DeadlineExceeded", message)
        self.context.normal("DeadlineExceeded", message)
        self.stop(grace_period(self.context.pod))

    async def _tear_down(self) -> None:
        await self._volumes.tear_down()
        if self.context.network is not None:
            await self._host.network.detach(uid(self.context.pod), self.context.network)
        mounts.unmount_below(self._directory)
        await asyncio.to_thread(shutil.rmtree, self._shared_memory, ignore_errors=True)
        for part in ("etc", "volumes", "containers"):
            await asyncio.to_thread(shutil.rmtree, self._directory / part, ignore_errors=True)

    def forget(self) -> None:
        """Remove the logs too: the pod's object is gone."""
        shutil.rmtree(self._directory, ignore_errors=True)

    # What containers need and tell

    @property
    def _directory(self) -> Path:
        return self._host.paths.pod(uid(self.context.pod))

    @property
    def _shared_memory(self) -> Path:
        """What the pod's containers share as /dev/shm; no mount of its own, so that none is copied."""
        return self._host.paths.shared_memory(uid(self.context.pod))

    def _new(self, container: Object, role: Role) -> ContainerRun:
        return ContainerRun(self.context, container, role, self._mounts, self._publish_soon)

    def _mounts(self, container: Object) -> list[Mount]:
        """The pod's files, except where the container mounts something of its own."""
        own = self._volumes.mounts(container)
        taken = {one.target.rstrip("/") for one in own}
        files = [
            Mount(self._directory / "etc" / one, f"/etc/{one}")
            for one in ("hosts", "hostname", "resolv.conf")
        ]
        files.append(Mount(self._shared_memory, SHARED_MEMORY))
        return [one for one in files if one.target not in taken] + own

    def _publish_soon(self) -> None:
        """Several changes of one turn of the loop become one status."""
        if not self._publishing:
            self._publishing = True
            asyncio.get_running_loop().call_soon(self._publish)

    def _publish(self) -> None:
        self._publishing = False
        now = self._host.clock()
        reason, message = self._failed or ("", "")
        network = self.context.network
        situation = Situation(
            started_at=self._started_at,
            host_ip=HOST_IP,
            pod_ip=str(network.address) if network else "",
            settled=self._settled,
            initialized=self._initialized,
            reason=reason,
            message=message,
            failed=self._failed is not None,
        )
        views = [one.view for one in self.runs]
        self._host.cluster.set_status(
            self.context.pod, lambda present: pod_status(present, views, situation, now)
        )


def _init_role(container: Object) -> Role:
    return "sidecar" if is_sidecar(container) else "init"


def _always(ended: Terminated) -> bool:
    return True


def _write_etc(pod: Object, address: str, directory: Path) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    host = Path("/etc/resolv.conf")
    text = host.read_text() if host.exists() else ""
    (directory / "resolv.conf").write_text(resolv_conf(pod, text))
    (directory / "hostname").write_text(hostname(pod) + "\n")
    (directory / "hosts").write_text(hosts(pod, address))


async def _together(work: Iterable[Coroutine[Any, Any, None]]) -> None:
    await asyncio.gather(*work)
