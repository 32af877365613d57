"""The sandbox in one process: API server, controllers, node agent, DNS and service addresses.

`run` starts the parts in the order they need each other and reports when all of them are there.
It ends on SIGTERM or SIGINT, or when a part fails, and takes everything away with it.
"""

import asyncio
import contextlib
import json
import logging
import os
import signal
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from sandbox import cluster_dns, record, settings
from sandbox.apiserver import bootstrap, events, pki
from sandbox.apiserver.aggregate import Aggregator, FrontProxy, announce
from sandbox.apiserver.api import Api
from sandbox.apiserver.app import App
from sandbox.apiserver.kinds import NAMESPACE, NODE, SERVICE_ACCOUNT
from sandbox.apiserver.objects import name_of
from sandbox.apiserver.serve import Server, listen
from sandbox.apiserver.store import Store
from sandbox.apiserver.tokens import Tokens
from sandbox.controllers.loop import Worker
from sandbox.controllers.wiring import controllers
from sandbox.dns.forward import Forwarder, host_resolvers
from sandbox.dns.server import DnsServer, Resolver
from sandbox.node.agent import NodeAgent
from sandbox.node.paths import Paths
from sandbox.services import forwarding
from sandbox.services.sync import Services
from sandbox.settings import Settings

log = logging.getLogger("sandbox")

Ready = Callable[[], None]


async def run(chosen: Settings, ready: Ready) -> None:
    """Run until asked to stop. Raises whatever kept a part from starting, or ended it."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    # Whoever started us may have blocked them: that is inherited, by us and by every container.
    signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGTERM, signal.SIGINT))
    async with AsyncExitStack() as stack:
        tasks = await _start(chosen, stack)
        ready()
        log.info("ready")
        await _until(stopping, tasks)
        log.info("stopping")


async def _start(chosen: Settings, stack: AsyncExitStack) -> list[asyncio.Task[None]]:
    """Start every part; ``stack`` stops them in the opposite order."""
    store = Store()
    tokens = Tokens(store)
    agent = NodeAgent(store, tokens, Paths(state=chosen.state, run=chosen.run))
    stack.push_async_callback(agent.stop)  # at the very end: whatever a failed start leaves
    await agent.start()

    services = Services(store, settings.SERVICE_RANGE)
    stack.push_async_callback(services.clear)
    await services.route(settings.BRIDGE)
    stack.push_async_callback(forwarding.withdraw, settings.BRIDGE)
    await forwarding.allow(settings.BRIDGE)

    authority = pki.make_ca()
    api = Api(store)
    stack.push_async_callback(api.aclose)
    front = FrontProxy.make()
    app = App(api, tokens, agent.streams, Aggregator(store, front))
    port = await _serve(chosen, stack, app, authority)
    address = str(settings.BRIDGE_ADDRESS)
    bootstrap.populate(store, secure_port=port, address=address)
    announce(store, front)

    ours = (address, str(settings.DNS_ADDRESS))
    forwarder = Forwarder(lambda: host_resolvers(ours))
    dns = DnsServer(Resolver(store, chosen.cluster_domain, forwarder))
    dns_port = await dns.start(address)
    stack.push_async_callback(dns.close)
    cluster_dns.announce(store, settings.DNS_ADDRESS, settings.BRIDGE_ADDRESS, dns_port)

    # Pods end while the API server and the DNS still answer them, and after the controllers, which
    # would only make new ones.
    stack.push_async_callback(agent.stop, settings.POD_GRACE)
    events.bound(store)
    recorder = events.Recorder(store, "controllermanager")
    workers = [
        Worker(controller, store, api, recorder)
        for controller in controllers(authority.certificate.decode())
    ]
    for worker in workers:
        worker.start()
        stack.callback(worker.stop)
    tasks = [
        _background(stack, "node agent", agent.run()),
        _background(stack, "service addresses", services.run()),
    ]
    async with asyncio.timeout(settings.START_WITHIN):
        await _settled(store, services)
    server_url = f"https://127.0.0.1:{port}"
    config = pki.kubeconfig(server_url, authority, pki.make_client(authority))
    # JSON is YAML too.
    _write_secret(chosen.kubeconfig, json.dumps(config, indent=2).encode() + b"\n")
    record.write(chosen.record, record.this_process(server_url))
    return tasks


async def _serve(chosen: Settings, stack: AsyncExitStack, app: App, ca: pki.KeyPair) -> int:
    """The API server on loopback and on the bridge, by one port."""
    serving = pki.make_serving(ca)
    directory = chosen.run / "pki"
    directory.mkdir(mode=0o700, exist_ok=True)
    files = {"ca.crt": ca.certificate, "server.crt": serving.certificate, "server.key": serving.key}
    for name, content in files.items():
        _write_secret(directory / name, content)
    try:
        local = listen("127.0.0.1", chosen.api_port)
    except OSError:
        local = listen("127.0.0.1")
    port = int(local.getsockname()[1])
    server = Server(
        app,
        [local, listen(str(settings.BRIDGE_ADDRESS), port)],
        certificate=directory / "server.crt",
        key=directory / "server.key",
        client_ca=directory / "ca.crt",
    )
    await server.start()
    stack.push_async_callback(server.stop)
    return port


def _background(
    stack: AsyncExitStack, name: str, coroutine: Coroutine[Any, Any, None]
) -> asyncio.Task[None]:
    task = asyncio.create_task(coroutine, name=name)

    async def end() -> None:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    stack.push_async_callback(end)
    return task


async def _until(stopping: asyncio.Event, tasks: list[asyncio.Task[None]]) -> None:
    """Until asked to stop; a part that ends by itself ends the whole with its reason."""
    asked = asyncio.create_task(stopping.wait(), name="asked to stop")
    done, _ = await asyncio.wait([asked, *tasks], return_when=asyncio.FIRST_COMPLETED)
    if asked in done:
        return
    asked.cancel()
    for task in done:
        log.error("the %s ended by itself", task.get_name())
        task.result()


async def _settled(store: Store, services: Services) -> None:
    """Until a pod could be created: the node is there, and every namespace has its account."""
    settled = asyncio.Event()

    def look(*_: object) -> None:
        if settled.is_set():
            return
        names = [name_of(namespace) for namespace in store.list(NAMESPACE)]
        if store.list(NODE) and all(store.find(SERVICE_ACCOUNT, ns, "default") for ns in names):
            settled.set()

    store.observe(look)
    look()
    await settled.wait()
    await services.synced.wait()


def _write_secret(path: Path, content: bytes) -> None:
    """Only the owner may read it, from its first byte on."""
    with contextlib.suppress(FileNotFoundError):
        path.unlink()
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
