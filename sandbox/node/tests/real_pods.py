"""Pods that really run. Called by `test_real.py` inside namespaces of its own; needs root and runc."""

import asyncio
import base64
import itertools
import os
import signal
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest

from sandbox.apiserver import bootstrap
from sandbox.apiserver.errors import BadRequestError, NotFoundError
from sandbox.apiserver.kinds import CONFIG_MAP, EVENT, NODE, POD, SECRET, SERVICE_ACCOUNT, Kind
from sandbox.apiserver.node_api import ExecSession, LogOptions, TerminalSize
from sandbox.apiserver.store import Store
from sandbox.apiserver.tokens import Tokens
from sandbox.node.agent import NodeAgent
from sandbox.node.cleanup import leftovers, remove_everything
from sandbox.node.objects import Object
from sandbox.node.paths import Paths
from sandbox.node.tests.fakes import host_programs_layer, write_layout

IMAGE = "localhost/test:1"
USR = {"name": "usr", "mountPath": "/usr", "readOnly": True}
T = TypeVar("T")


class Node:
    """An agent with a store of its own."""

    def __init__(self, directory: Path) -> None:
        self.paths = Paths(directory / "state", directory / "run")
        self.store = Store()
        bootstrap.populate(self.store)
        self.store.create(
            SERVICE_ACCOUNT, {"metadata": {"name": "default", "namespace": "default"}}
        )
        self.agent = NodeAgent(self.store, Tokens(self.store), self.paths)
        self.streams = self.agent.streams

    def create(self, name: str, **spec: Any) -> Object:
        volumes = [{"name": "usr", "hostPath": {"path": "/usr"}}, *spec.pop("volumes", ())]
        for one in (*spec.get("initContainers", ()), *spec["containers"]):
            one.setdefault("image", IMAGE)
            one["volumeMounts"] = [USR, *one.get("volumeMounts", ())]
        body = {"nodeName": "sandbox", "terminationGracePeriodSeconds": 5, "volumes": volumes}
        meta = {"name": name, "namespace": "default", "labels": {"app": name}}
        return self.store.create(POD, {"metadata": meta, "spec": body | spec})

    def pod(self, name: str) -> Object:
        return self.store.get(POD, "default", name)

    def status(self, name: str, container: str) -> Object:
        status = self.pod(name).get("status") or {}
        both = [*status.get("initContainerStatuses", ()), *status.get("containerStatuses", ())]
        return next((one for one in both if one["name"] == container), {})

    def condition(self, name: str, kind: str) -> str:
        conditions = (self.pod(name).get("status") or {}).get("conditions") or ()
        return next((one["status"] for one in conditions if one["type"] == kind), "")

    def reasons(self, name: str) -> list[str]:
        events = self.store.list(EVENT, "default")
        return [one["reason"] for one in events if one["involvedObject"]["name"] == name]

    async def until(self, holds: Callable[[], T], within: float = 15.0, kind: Kind = POD) -> T:
        """Wait for a change of any object of `kind` after which `holds` is true."""
        watch = self.store.watch(kind)
        try:
            async with asyncio.timeout(within):
                while not (found := holds()):
                    await anext(watch)
                return found
        except TimeoutError:
            raise AssertionError(f"never held: {self.store.list(POD)}") from None
        finally:
            self.store.unwatch(watch)

    async def ready(self, name: str) -> Object:
        await self.until(lambda: self.condition(name, "Ready") == "True")
        return self.pod(name)

    async def gone(self, name: str) -> None:
        await self.until(lambda: self.store.find(POD, "default", name) is None)

    async def logs(self, name: str, container: str, **options: Any) -> str:
        found = await self.streams.logs(self.pod(name), container, LogOptions(**options))
        return b"".join([piece async for piece in found]).decode()

    async def exec(self, name: str, container: str, *command: str) -> tuple[int, str, str]:
        session = await self.streams.exec(
            self.pod(name), container, command, stdin=False, tty=False
        )
        return await outcome(session)


async def eventually(
    ask: Callable[..., Awaitable[str]], *args: str, wanted: Callable[[str], bool]
) -> None:
    """Ask again and again until the answer is as wanted."""
    async with asyncio.timeout(10):
        for pause in itertools.repeat(0.02):
            if wanted(await ask(*args)):
                return
            await asyncio.sleep(pause)


async def outcome(session: ExecSession) -> tuple[int, str, str]:
    async def read(pieces: AsyncIterator[bytes]) -> str:
        return b"".join([one async for one in pieces]).decode()

    try:
        out, err = await asyncio.gather(read(session.stdout()), read(session.stderr()))
        return await session.wait(), out, err
    finally:
        await session.close()


@asynccontextmanager
async def node_in(directory: Path) -> AsyncIterator[Node]:
    node = Node(directory)
    await node.agent.start()
    layout = write_layout(
        directory / "layout",
        IMAGE,
        [host_programs_layer()],
        {"Cmd": ["sleep", "1000"], "User": "app"},
    )
    await node.agent.host.images.load(layout)
    running = asyncio.create_task(node.agent.run())
    try:
        yield node
    finally:
        await node.agent.stop(1.0)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert leftovers(node.paths) == []
    assert children() == []


def children() -> list[int]:
    """Processes of this namespace beside ourselves: containers would be among them."""
    own = {os.getpid(), os.getppid()}
    found = [int(one) for one in os.listdir("/proc") if one.isdigit() and int(one) not in own]
    return [pid for pid in found if _lives(pid)]


def _lives(pid: int) -> bool:
    """Not a zombie: those of a crashed daemon are its heir's to bury."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def scenario(test: Callable[[Node], Awaitable[None]]) -> Callable[[Path], None]:
    """Make a pytest function of a coroutine that wants a node."""

    def run(tmp_path: Path) -> None:
        async def main() -> None:
            async with node_in(tmp_path) as node:
                await test(node)

        asyncio.run(main())

    run.__name__ = test.__name__
    return run


def shell(script: str, **more: Any) -> dict[str, Any]:
    return {"command": ["/bin/sh", "-c", script], **more}


WAIT_FOR_TERM = 'trap "echo bye; exit 0" TERM; echo up; while :; do sleep 0.05; done'
SERVE = (
    "import http.server as h, signal, sys; signal.signal(15, lambda *_: sys.exit(0)); "
    "h.ThreadingHTTPServer(('', {}), h.SimpleHTTPRequestHandler).serve_forever()"
)


def server(port: int, **more: Any) -> dict[str, Any]:
    return {"command": ["python3", "-c", SERVE.format(port)], **more}


@scenario
async def test_a_meshed_pod_from_birth_to_death(node: Node) -> None:
    """Init container with iptables, sidecar with a startup probe, application with its own probe."""
    began = asyncio.get_running_loop().time()
    node.create(
        "web",
        initContainers=[
            {
                "name": "redirect",
                **shell(
                    "iptables-nft -t nat -A OUTPUT -p tcp -m owner --uid-owner 9 -j REDIRECT --to-ports 4140"
                    " && iptables-nft -t nat -S OUTPUT && ip -4 -o address show eth0"
                ),
                "securityContext": {
                    "runAsUser": 0,
                    "readOnlyRootFilesystem": True,
                    "capabilities": {"add": ["NET_ADMIN", "NET_RAW"], "drop": ["ALL"]},
                },
            },
            {
                "name": "proxy",
                "restartPolicy": "Always",
                **server(4191),
                "startupProbe": {
                    "httpGet": {"path": "/", "port": 4191},
                    "periodSeconds": 1,
                    "failureThreshold": 30,
                },
            },
        ],
        containers=[
            {
                "name": "app",
                **shell(WAIT_FOR_TERM),
                "readinessProbe": {"exec": {"command": ["true"]}},
            }
        ],
    )
    pod = await node.ready("web")
    assert asyncio.get_running_loop().time() - began < 10
    address = pod["status"]["podIP"]
    redirect = await node.logs("web", "redirect")
    assert "--uid-owner 9 -j REDIRECT --to-ports 4140" in redirect
    assert f"inet {address}/32" in redirect
    assert pod["status"]["phase"] == "Running"
    assert node.status("web", "redirect")["state"]["terminated"]["reason"] == "Completed"
    assert node.status("web", "proxy")["started"] is True
    assert await node.exec("web", "app", "hostname") == (0, "web\n", "")

    node.store.delete(POD, "default", "web")
    await node.gone("web")
    reasons = node.reasons("web")
    assert [reasons.count(one) for one in ("Created", "Started", "Killing")] == [3, 3, 2]


@scenario
async def test_what_a_container_finds_inside(node: Node) -> None:
    node.store.create(
        CONFIG_MAP,
        {"metadata": {"name": "settings", "namespace": "default"}, "data": {"a.txt": "one"}},
    )
    secret = {"k": base64.b64encode(b"hidden").decode()}
    node.store.create(
        SECRET, {"metadata": {"name": "keys", "namespace": "default"}, "data": secret}
    )
    script = "import os,time\nwhile 1: time.sleep(1)"
    node.create(
        "inside",
        securityContext={"fsGroup": 3000},
        volumes=[
            {"name": "conf", "configMap": {"name": "settings"}},
            {"name": "sec", "secret": {"secretName": "keys", "defaultMode": 0o400}},
            {"name": "mem", "emptyDir": {"medium": "Memory", "sizeLimit": "1Mi"}},
            {
                "name": "token",
                "projected": {
                    "sources": [
                        {"serviceAccountToken": {"path": "t", "audience": "identity.l5d.io"}},
                        {
                            "downwardAPI": {
                                "items": [
                                    {"path": "ns", "fieldRef": {"fieldPath": "metadata.namespace"}}
                                ]
                            }
                        },
                    ]
                },
            },
        ],
        containers=[
            {
                "name": "main",
                "command": ["python3", "-c", script],
                "env": [{"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}],
                "volumeMounts": [
                    {"name": "conf", "mountPath": "/conf"},
                    {"name": "conf", "mountPath": "/one", "subPath": "a.txt"},
                    {"name": "sec", "mountPath": "/sec"},
                    {"name": "mem", "mountPath": "/mem"},
                    {"name": "token", "mountPath": "/token"},
                ],
                "securityContext": {
                    "readOnlyRootFilesystem": True,
                    "allowPrivilegeEscalation": False,
                },
                "resources": {"limits": {"memory": "64Mi", "cpu": "500m"}},
            }
        ],
    )
    pod = await node.ready("inside")

    async def said(*command: str) -> str:
        code, out, err = await node.exec("inside", "main", *command)
        assert code == 0, err
        return out

    async def says(script: str) -> str:
        return await said("/bin/sh", "-c", script)

    assert await says("cat /conf/a.txt /one /sec/k /token/ns") == "oneonehiddendefault"
    assert (await says("id -u; id -g; id -G")).split() == ["2102", "2102", "2102", "3000"]
    assert (await says("cat /token/t")).count(".") == 2
    assert (await says("printenv IP")).strip() == pod["status"]["podIP"]
    assert "nameserver 10.96.0.10" in await says("cat /etc/resolv.conf")
    assert f"{pod['status']['podIP']}\tinside" in await says("cat /etc/hosts")
    assert "NoNewPrivs:\t1" in await says("cat /proc/self/status")
    assert (await says("df -k --output=size /mem | tail -1")).strip() == "1024"
    assert (
        await says("echo x >/mem/x && cat /mem/x; echo y >/y 2>/dev/null || echo refused")
        == "x\nrefused\n"
    )

    node.store.merge(CONFIG_MAP, "default", "settings", {"data": {"a.txt": "two"}})
    await eventually(says, "cat /conf/a.txt", wanted=lambda text: text == "two")
    assert await says("cat /one") == "one"


@scenario
async def test_logs_exec_and_port_forward(node: Node) -> None:
    node.create(
        "talk",
        containers=[
            {
                "name": "one",
                **shell(
                    'echo first; echo second >&2; exec python3 -c "$0"', args=[SERVE.format(8080)]
                ),
                "readinessProbe": {"tcpSocket": {"port": 8080}},
            },
        ],
    )
    await node.ready("talk")
    await eventually(node.logs, "talk", "one", wanted=lambda text: text.count("\n") == 2)
    assert sorted((await node.logs("talk", "one")).split()) == ["first", "second"]
    assert len((await node.logs("talk", "one", tail_lines=1)).split()) == 1
    assert (await node.logs("talk", "one", timestamps=True)).count("Z ") == 2
    assert await node.logs("talk", "one", since_seconds=0) == ""
    assert await node.logs("talk", "one", limit_bytes=3) in ("fir", "sec")

    code, out, err = await node.exec(
        "talk", "one", "/bin/sh", "-c", "echo out; echo err >&2; exit 3"
    )
    assert (code, out, err) == (3, "out\n", "err\n")

    session = await node.streams.exec(node.pod("talk"), "one", ["cat"], stdin=True, tty=False)

    async def write() -> None:
        await session.write_stdin(b"x" * 200_000)
        await session.close_stdin()

    _, copied = await asyncio.gather(write(), outcome(session))
    assert copied == (0, "x" * 200_000, "")

    session = await node.streams.exec(
        node.pod("talk"),
        "one",
        ["/bin/sh", "-c", "read a; stty size; tty; echo $a"],
        stdin=True,
        tty=True,
    )
    await session.resize(TerminalSize(100, 40))
    await session.write_stdin(b"hello\n")
    code, out, _ = await outcome(session)
    assert code == 0
    assert "40 100" in out
    assert "/dev/pts/" in out
    assert out.endswith("hello\r\n")

    reader, writer = await node.streams.port_forward(node.pod("talk"), 8080)
    writer.write(b"GET /etc/hostname HTTP/1.0\r\n\r\n")
    assert (await reader.read()).endswith(b"talk\n")
    writer.close()
    await writer.wait_closed()
    with pytest.raises(ConnectionRefusedError):
        await node.streams.port_forward(node.pod("talk"), 9)

    with pytest.raises(BadRequestError, match="container two is not valid for pod talk"):
        await node.logs("talk", "two")
    with pytest.raises(BadRequestError, match="previous terminated container"):
        await node.logs("talk", "one", previous=True)
    with pytest.raises(NotFoundError):
        await node.streams.logs({"metadata": {"name": "x", "uid": "x"}}, "one", LogOptions())


@scenario
async def test_following_a_log_ends_with_the_container(node: Node) -> None:
    pod = node.create(
        "follow",
        restartPolicy="Never",
        containers=[{"name": "c", **shell("echo a; sleep 0.3; echo b; printf c")}],
    )
    await node.until(lambda: "running" in node.status("follow", "c").get("state", {}))
    pieces = await node.streams.logs(pod, "c", LogOptions(follow=True))
    assert b"".join([one async for one in pieces]) == b"a\nb\nc\n"


@scenario
async def test_a_crashing_container_restarts_and_backs_off(node: Node) -> None:
    node.create("crash", containers=[{"name": "c", **shell("echo $((1+1)); exit 7")}])
    await node.until(
        lambda: (
            node.status("crash", "c").get("state", {}).get("waiting", {}).get("reason")
            == "CrashLoopBackOff"
        )
    )
    status = node.status("crash", "c")
    assert status["restartCount"] == 1
    assert status["lastState"]["terminated"]["exitCode"] == 7
    assert status["state"]["waiting"]["message"].startswith(
        "back-off 10s restarting failed container=c pod=crash_default("
    )
    assert node.pod("crash")["status"]["phase"] == "Running"
    assert node.condition("crash", "Ready") == "False"
    assert await node.logs("crash", "c", previous=True) == "2\n"
    node.store.delete(POD, "default", "crash")
    await node.gone("crash")


@scenario
async def test_a_job_ends_and_takes_its_sidecar_along(node: Node) -> None:
    node.create(
        "job",
        restartPolicy="OnFailure",
        initContainers=[{"name": "proxy", "restartPolicy": "Always", **shell(WAIT_FOR_TERM)}],
        containers=[{"name": "work", **shell("echo done >/dev/termination-log")}],
    )
    await node.until(lambda: node.pod("job").get("status", {}).get("phase") == "Succeeded")
    assert node.status("job", "work")["state"]["terminated"]["message"] == "done\n"
    assert node.status("job", "proxy")["state"]["terminated"]["exitCode"] == 0
    assert (await node.logs("job", "proxy")).split() == ["up", "bye"]
    node.store.delete(POD, "default", "job")
    await node.gone("job")


@scenario
async def test_what_cannot_start_says_why(node: Node) -> None:
    def waiting(name: str) -> str:
        return str(node.status(name, "c").get("state", {}).get("waiting", {}).get("reason", ""))

    node.create(
        "no-image",
        containers=[{"name": "c", "image": "localhost/none:1", "imagePullPolicy": "Never"}],
    )
    node.create(
        "no-config",
        containers=[
            {
                "name": "c",
                "env": [{"name": "X", "valueFrom": {"configMapKeyRef": {"name": "m", "key": "k"}}}],
            }
        ],
    )
    node.create(
        "no-program", restartPolicy="Never", containers=[{"name": "c", "command": ["/no/such"]}]
    )
    node.create(
        "no-volume",
        volumes=[{"name": "v", "secret": {"secretName": "none"}}],
        containers=[{"name": "c"}],
    )
    await node.until(lambda: waiting("no-image") == "ErrImageNeverPull")
    await node.until(lambda: waiting("no-config") == "CreateContainerConfigError")
    await node.until(lambda: node.pod("no-program").get("status", {}).get("phase") == "Failed")
    ended = node.status("no-program", "c")["state"]["terminated"]
    assert (ended["exitCode"], ended["reason"]) == (128, "StartError")
    assert "/no/such" in ended["message"]
    await node.until(lambda: "FailedMount" in node.reasons("no-volume"), kind=EVENT)
    with pytest.raises(BadRequestError, match="waiting to start: ContainerCreating"):
        await node.logs("no-volume", "c")


@scenario
async def test_liveness_restarts_and_readiness_follows(node: Node) -> None:
    node.create(
        "alive",
        containers=[
            {
                "name": "c",
                **server(8080),
                "livenessProbe": {
                    "exec": {"command": ["test", "!", "-e", "/tmp/dead"]},
                    "periodSeconds": 1,
                    "failureThreshold": 1,
                },
                "readinessProbe": {"tcpSocket": {"port": 8080}, "periodSeconds": 1},
                "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],
            }
        ],
        volumes=[{"name": "tmp", "emptyDir": {}}],
    )
    await node.ready("alive")
    assert await node.exec("alive", "c", "touch", "/tmp/dead") == (0, "", "")
    await node.until(lambda: node.status("alive", "c").get("restartCount") == 1)
    assert {"Unhealthy", "Killing"} <= set(node.reasons("alive"))


@scenario
async def test_hooks_and_grace(node: Node) -> None:
    """A container that ignores SIGTERM is killed when its grace is over; preStop runs before."""
    node.create(
        "stubborn",
        terminationGracePeriodSeconds=1,
        volumes=[{"name": "out", "hostPath": {"path": str(node.paths.state)}}],
        containers=[
            {
                "name": "c",
                **shell('trap "" TERM; while :; do sleep 0.05; done'),
                "securityContext": {"runAsUser": 0},
                "volumeMounts": [{"name": "out", "mountPath": "/out"}],
                "lifecycle": {
                    "postStart": {
                        "exec": {"command": ["/bin/sh", "-c", "echo started >>/out/hooks"]}
                    },
                    "preStop": {
                        "exec": {"command": ["/bin/sh", "-c", "echo stopping >>/out/hooks"]}
                    },
                },
            }
        ],
    )
    await node.ready("stubborn")
    began = asyncio.get_running_loop().time()
    node.store.delete(POD, "default", "stubborn")
    await node.gone("stubborn")
    assert 1.0 <= asyncio.get_running_loop().time() - began < 5.0
    assert (node.paths.state / "hooks").read_text() == "started\nstopping\n"


@scenario
async def test_a_second_deletion_shortens_the_grace(node: Node) -> None:
    node.create(
        "slow",
        terminationGracePeriodSeconds=100,
        containers=[{"name": "c", **shell('trap "" TERM; while :; do sleep 0.05; done')}],
    )
    await node.ready("slow")
    node.store.delete(POD, "default", "slow")
    await node.until(lambda: "Killing" in node.reasons("slow"), kind=EVENT)
    node.store.delete(POD, "default", "slow", grace=1)
    await node.gone("slow")


@scenario
async def test_a_forced_deletion_waits_for_nothing(node: Node) -> None:
    node.create("forced", containers=[{"name": "c", **shell('trap "" TERM; sleep 1000')}])
    await node.ready("forced")
    node.store.delete(POD, "default", "forced", grace=0)
    assert node.store.find(POD, "default", "forced") is None


@scenario
async def test_memory_over_the_limit(node: Node) -> None:
    eat = "x = []\nwhile 1: x.append(b'x' * 1000000)"
    node.create(
        "hungry",
        restartPolicy="Never",
        containers=[
            {
                "name": "c",
                "command": ["python3", "-c", eat],
                "resources": {"limits": {"memory": "32Mi"}},
            }
        ],
    )
    await node.until(lambda: node.pod("hungry").get("status", {}).get("phase") == "Failed")
    ended = node.status("hungry", "c")["state"]["terminated"]
    assert (ended["exitCode"], ended["reason"]) == (128 + signal.SIGKILL, "OOMKilled")


@scenario
async def test_pods_reach_each_other_and_the_node(node: Node) -> None:
    node.create(
        "one",
        containers=[{"name": "c", **server(8080), "readinessProbe": {"tcpSocket": {"port": 8080}}}],
    )
    node.create("two", containers=[{"name": "c"}])
    one = await node.ready("one")
    await node.ready("two")
    fetch = f"import urllib.request as u; print(u.urlopen('http://{one['status']['podIP']}:8080/etc/hostname').read())"
    assert await node.exec("two", "c", "python3", "-c", fetch) == (0, "b'one\\n'\n", "")
    assert node.store.get(NODE, "", "sandbox")["status"]["nodeInfo"]["kubeletVersion"] == "v1.34.0"


def test_a_firewall_that_drops_forwarding_is_opened_for_the_bridge_only(tmp_path: Path) -> None:
    def rules() -> str:
        return subprocess.run(
            ["iptables", "-S", "FORWARD"], capture_output=True, text=True, check=True
        ).stdout

    async def main() -> None:
        async with node_in(tmp_path):
            assert "-A FORWARD -i weft0 -j ACCEPT" in rules()
            assert "-A FORWARD -o weft0 -j ACCEPT" in rules()

    subprocess.run(["iptables", "-P", "FORWARD", "DROP"], check=True)
    asyncio.run(main())
    assert rules() == "-P FORWARD DROP\n"
    subprocess.run(["iptables", "-P", "FORWARD", "ACCEPT"], check=True)


def test_what_a_crash_leaves_is_removed(tmp_path: Path) -> None:
    """The daemon vanishes with a pod running; whoever comes next finds and removes everything."""

    async def crash() -> None:
        node = Node(tmp_path)
        await node.agent.start()
        layout = write_layout(
            tmp_path / "layout", IMAGE, [host_programs_layer()], {"Cmd": ["sleep", "1000"]}
        )
        await node.agent.host.images.load(layout)
        running = asyncio.create_task(node.agent.run())
        node.create("left", containers=[{"name": "c"}])
        await node.ready("left")
        assert not running.done()
        os._exit(0)

    paths = Paths(tmp_path / "state", tmp_path / "run")
    if (daemon := os.fork()) == 0:
        try:
            asyncio.run(crash())
        finally:
            os._exit(1)
    assert os.waitpid(daemon, 0)[1] == 0
    kinds = {one.split()[0] for one in leftovers(paths)}
    assert kinds == {"namespace", "interface", "mount", "container"}
    assert children() != []
    asyncio.run(remove_everything(paths))
    assert leftovers(paths) == []
    assert children() == []


def test_an_interface_whose_namespace_nobody_sees_is_removed(tmp_path: Path) -> None:
    """As a run leaves it that was killed in a chroot: its pods' namespaces are named nowhere here."""

    def ip(*words: str) -> None:
        subprocess.run(["ip", *words], check=True)

    paths = Paths(tmp_path / "state", tmp_path / "run")
    (paths.pods / "7f3a").mkdir(parents=True)
    elsewhere = subprocess.Popen(
        ["unshare", "--net", "sh", "-c", "echo; exec sleep 60"], stdout=subprocess.PIPE
    )
    try:
        assert elsewhere.stdout is not None
        elsewhere.stdout.readline()
        ip("link", "add", "wv0af40005", "type", "veth", "peer", "name", "eth0", "netns", str(elsewhere.pid))  # fmt: skip
        ip("link", "add", "wvlan0", "type", "bridge")
        assert leftovers(paths) == ["interface wv0af40005"], "the other is somebody else's"
        asyncio.run(remove_everything(paths, network=False))
        assert leftovers(paths) == ["interface wv0af40005"]
        asyncio.run(remove_everything(paths))
        assert leftovers(paths) == []
        ip("link", "delete", "wvlan0")
    finally:
        elsewhere.kill()
        elsewhere.communicate()
