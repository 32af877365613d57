"""One container of a pod across all its lives: image, start, probes, end, back-off, again."""

import asyncio
import contextlib
import signal
from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from sandbox.node.backoff import Backoff
from sandbox.node.bundle import prepare
from sandbox.node.capabilities import CapabilityError
from sandbox.node.downward import FieldError
from sandbox.node.env import ConfigError
from sandbox.node.host import PodContext
from sandbox.node.images import Image, ImageError
from sandbox.node.life import Life, begin, container_id, remove
from sandbox.node.logs import LogWriter, rotated
from sandbox.node.objects import Object, grace_period, name, namespace, uid
from sandbox.node.payload import VolumeError
from sandbox.node.probe_spec import ProbeSpec
from sandbox.node.probes import Answer, Target, ask
from sandbox.node.probing import Outcome, probe
from sandbox.node.runtime import StartError
from sandbox.node.spec import Mount
from sandbox.node.status import Role, Running, State, Terminated, View, Waiting
from weft.quantities import QuantityError

T = TypeVar("T")

_CONFIG_RETRY = 5.0
_SHOW_PULL_ERROR = 1.0
_LEAST_GRACE = 2.0
_CANNOT_RUN = 128

_CONFIG_ERRORS = (ConfigError, FieldError, CapabilityError, QuantityError, VolumeError)


class ContainerRun:
    """`supervise` runs it; `terminate` ends it; `view` is what its status shows."""

    def __init__(
        self,
        context: PodContext,
        container: Object,
        role: Role,
        mounts: Callable[[Object], list[Mount]],
        changed: Callable[[], None],
    ) -> None:
        """`mounts` gives the container's volumes; `changed` is called whenever `view` has."""
        self.container = container
        self.name = str(container["name"])
        self.view = View(self.name, role, str(container["image"]))
        self.life: Life | None = None
        self.log: LogWriter | None = None
        """Of the present or latest life; closed with it."""
        self.attempt = 0
        self._context = context
        self._mounts = mounts
        self._changed = changed
        self._restarts = Backoff()
        self._pulls = Backoff()
        self._retired = asyncio.Event()
        self._started = asyncio.Event()
        self._tried = asyncio.Event()
        self._killing: set[asyncio.Task[None]] = set()
        self._ended = asyncio.Event()
        self.begun = False
        """Whether `supervise` was called: only then is there an end to wait for."""

    def __repr__(self) -> str:
        return f"<container {self.name} {self.view.state}>"

    async def supervise(self, again: Callable[[Terminated], bool]) -> None:
        """Live, and live again as long as `again` says so, until retired."""
        self.begun = True
        try:
            while not self._retired.is_set():
                ended = await self._live()
                self._tried.set()
                if ended is None or self._retired.is_set() or not again(ended):
                    return
                await self._back_off(ended)
                self.attempt += 1
                self._forget_log(self.attempt - 2)
        finally:
            self._ended.set()
            self._started.set()
            self._tried.set()

    async def wait_started(self) -> bool:
        """Wait until it has started once; False when it ended for good before."""
        await self._started.wait()
        return self.view.started

    async def wait_tried(self) -> None:
        """Wait until it runs and its postStart hook is done, or until it is known that it cannot yet."""
        await self._tried.wait()

    async def terminate(self, grace: float, why: str = "") -> None:
        """Begin no further life and end the present one: preStop, SIGTERM, after `grace` SIGKILL."""
        self._retired.set()
        if self.life is not None:
            self._event("Killing", why or f"Stopping container {self.name}")
            await self._kill(self.life, grace)
        await self._ended.wait()

    def kill_now(self) -> None:
        self._retired.set()
        if self.life is not None:
            self.life.process.kill(signal.SIGKILL)

    def retire(self) -> None:
        """Begin no further life; a wait for one ends."""
        self._retired.set()

    @property
    def finished(self) -> bool:
        return self._ended.is_set()

    def log_path(self, attempt: int) -> Path:
        pod = self._context.pod
        return self._context.host.paths.logs(uid(pod), self.name) / f"{attempt}.log"

    # One life

    async def _live(self) -> Terminated | None:
        """From image to end. None when it was retired before it could start."""
        image = await self._image()
        while image is not None:
            try:
                return await self._start_and_wait(image)
            except _CONFIG_ERRORS as error:
                self._tried.set()
                self._wait("CreateContainerConfigError", str(error))
                self._warn("Failed", f"Error: {error}")
                if await self._retired_within(_CONFIG_RETRY):
                    return None
        return None

    async def _image(self) -> Image | None:
        """Get the image, however long it takes. None when retired meanwhile."""
        shown = str(self.container["image"])
        policy = self.container.get("imagePullPolicy")
        images = self._context.host.images
        while not self._retired.is_set():
            began = asyncio.get_running_loop().time()
            if images.wants_pull(shown, policy):
                self._event("Pulling", f'Pulling image "{shown}"')
            try:
                found = await self._unless_retired(images.ensure(shown, policy))
                if found is None:
                    return None
                image, pulled = found
            except ImageError as error:
                if await self._no_image(shown, error):
                    return None
                continue
            took = asyncio.get_running_loop().time() - began
            self._event(
                "Pulled",
                f'Successfully pulled image "{shown}" in {took:.3f}s'
                if pulled
                else f'Container image "{shown}" already present on machine',
            )
            return image
        return None

    async def _no_image(self, shown: str, error: ImageError) -> bool:
        """Say so and wait until the next try; True when retired meanwhile."""
        self._tried.set()
        self._wait(error.reason, str(error))
        if error.reason == "ErrImagePull":
            self._warn("Failed", f'Failed to pull image "{shown}": {error}')
        else:
            self._warn(error.reason, str(error))
        self._warn("Failed", f"Error: {error.reason}")
        if await self._retired_within(_SHOW_PULL_ERROR):
            return True
        if error.reason == "ErrImagePull":
            self._wait("ImagePullBackOff", f'Back-off pulling image "{shown}": {error}')
            self._event("BackOff", f'Back-off pulling image "{shown}"')
        delay = self._pulls.delay(self._now()) or self._pulls.delay(self._now())
        return await self._retired_within(delay)

    async def _start_and_wait(self, image: Image) -> Terminated:
        """Raises the configuration errors; a start that fails is an end."""
        context, host = self._context, self._context.host
        prepared = prepare(
            context,
            self.container,
            image,
            self.attempt,
            self._mounts(self.container),
            self.log_path(self.attempt),
        )
        self._event("Created", f"Created container: {self.name}")
        try:
            life = await begin(host, prepared, self.container)
        except (StartError, OSError) as error:
            self._warn("Failed", f"Error: {error}")
            now = self._now()
            ended = Terminated(
                _CANNOT_RUN,
                "StartError",
                now,
                now,
                container_id(prepared.id),
                f"failed to start container: {error}",
            )
            self._set(ended, image_id=image.image_id, restarts=self.attempt)
            return ended
        self.life, self.log = life, life.log
        self._set(
            Running(life.started_at),
            container_id=container_id(prepared.id),
            image_id=image.image_id,
            restarts=self.attempt,
        )
        self._event("Started", f"Started container {self.name}")
        if self._retired.is_set():
            self._spawn(self._kill(life, 0.0))
        care = asyncio.create_task(self._care(life))
        try:
            ended = await life.ended(host, self.container)
        finally:
            care.cancel()
            self.life = None
        with contextlib.suppress(asyncio.CancelledError):
            await care
        self._set(ended, started=False, ready=False)
        await remove(host, prepared)
        return ended

    async def _care(self, life: Life) -> None:
        """The postStart hook, which may take as long as it likes, then the probes."""
        hook = (self.container.get("lifecycle") or {}).get("postStart")
        if hook:
            answer = await ask(hook, self._target(life), None)
            self._tried.set()
            if not answer.good:
                self._warn("FailedPostStartHook", f"PostStartHook failed: {answer.message}")
                self._spawn(self._end(life, None, "failed postStart hook"))
                return
        self._tried.set()

        async def question(spec: ProbeSpec) -> Answer:
            return await ask(spec.handler, self._target(life), spec.timeout)

        await probe(self.container, question, self._outcome(life))

    def _outcome(self, life: Life) -> Outcome:
        def started() -> None:
            self._set(self.view.state, started=True)
            self._started.set()

        def ready(value: bool) -> None:
            if value != self.view.ready and self.life is life:
                self._set(self.view.state, ready=value)

        def unhealthy(spec: ProbeSpec, message: str) -> None:
            if not life.process.ended:
                self._warn("Unhealthy", f"{spec.kind.capitalize()} probe failed: {message}")

        def failed(spec: ProbeSpec) -> None:
            self._spawn(self._end(life, spec.grace, f"failed {spec.kind} probe"))

        return Outcome(started, ready, unhealthy, failed)

    async def _end(self, life: Life, grace: float | None, why: str) -> None:
        if life.process.ended or self._retired.is_set():
            return
        self._event("Killing", f"Container {self.name} {why}, will be restarted")
        await self._kill(life, grace_period(self._context.pod) if grace is None else grace)

    async def _kill(self, life: Life, grace: float) -> None:
        """preStop, SIGTERM, SIGKILL, all within `grace`; two seconds more after a slow preStop."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + grace
        hook = (self.container.get("lifecycle") or {}).get("preStop")
        if hook and grace > 0:
            answer = await ask(hook, self._target(life), grace)
            if not answer.good and not life.process.ended:
                self._warn("FailedPreStopHook", f"PreStopHook failed: {answer.message}")
            deadline = max(deadline, loop.time() + _LEAST_GRACE)
        if grace > 0:
            life.process.kill(signal.SIGTERM)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(deadline - loop.time()):
                    await life.process.wait()
        life.process.kill(signal.SIGKILL)
        await life.process.wait()

    # Waiting and telling

    async def _back_off(self, ended: Terminated) -> None:
        delay = self._restarts.delay(ended.finished_at)
        remaining = ended.finished_at + delay - self._now()
        if remaining > 0:
            pod = self._context.pod
            which = f"{self.name} pod={name(pod)}_{namespace(pod)}({uid(pod)})"
            self._wait(
                "CrashLoopBackOff",
                f"back-off {_go_seconds(delay)} restarting failed container={which}",
                last=ended,
            )
            self._warn("BackOff", f"Back-off restarting failed container {which}")
            if await self._retired_within(remaining):
                self._set(ended)
                return
        self.view = replace(self.view, last=ended)

    async def _unless_retired(self, work: Coroutine[object, object, T]) -> T | None:
        """The result of `work`, which is given up (None) when the container is retired."""
        working = asyncio.create_task(work)
        retired = asyncio.create_task(self._retired.wait())
        try:
            await asyncio.wait({working, retired}, return_when=asyncio.FIRST_COMPLETED)
            return working.result() if working.done() else None
        finally:
            retired.cancel()
            working.cancel()

    async def _retired_within(self, seconds: float) -> bool:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._retired.wait()
        return self._retired.is_set()

    def _forget_log(self, attempt: int) -> None:
        """The latest life's and the one before it can be asked for."""
        path = self.log_path(attempt)
        for one in (path, rotated(path)):
            one.unlink(missing_ok=True)

    def _target(self, life: Life) -> Target:
        network = self._context.network
        host = self._context.host

        async def execute(command: list[str], within: float | None) -> tuple[int, bytes]:
            try:
                return await life.execute(host, command, within)
            except StartError as error:
                return 126, str(error).encode()

        return Target(self.container, str(network.address) if network else "127.0.0.1", execute)

    def _wait(self, reason: str, message: str, last: Terminated | None = None) -> None:
        self._set(Waiting(reason, message), last=last or self.view.last)

    def _set(self, state: State, **fields: object) -> None:
        self.view = replace(self.view, state=state, **fields)  # type: ignore[arg-type]
        self._changed()

    def _spawn(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.create_task(work)
        self._killing.add(task)
        task.add_done_callback(self._killing.discard)

    def _now(self) -> float:
        return self._context.host.clock()

    @property
    def _field(self) -> str:
        kind = "containers" if self.view.role == "main" else "initContainers"
        return f"spec.{kind}{{{self.name}}}"

    def _event(self, reason: str, message: str) -> None:
        self._context.normal(reason, message, self._field)

    def _warn(self, reason: str, message: str) -> None:
        self._context.warn(reason, message, self._field)


def _go_seconds(seconds: float) -> str:
    """As Go prints a duration: `10s`, `1m20s`, `5m0s`."""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"
