"""The proxy-injector put together, in the order in which it comes up."""

import asyncio
import logging

from prometheus_client import REGISTRY, CollectorRegistry

from kit import admin, tracing
from kit.admission.serving import Serving
from kit.kube.client import Client
from kit.kube.errors import KubeError
from kit.kube.events import Recorder
from kit.lifecycle import Process
from kit.settings import SettingsError
from proxy_injector.defaults import ValuesError
from proxy_injector.events import KubernetesObserver
from proxy_injector.metrics import Metrics
from proxy_injector.settings import InjectorSettings
from proxy_injector.sidecar import supports_native
from proxy_injector.unmeshed.controller import Controller
from proxy_injector.webhook import Webhook
from proxy_injector.world import KubernetesWorld, read_installation, server_version
from weft.names import INJECTOR_COMPONENT

log = logging.getLogger(__name__)

VERSION_INTERVAL = 600.0


async def serve(
    process: Process,
    settings: InjectorSettings,
    client: Client,
    registry: CollectorRegistry = REGISTRY,
) -> None:
    """Runs until the process is asked to stop. The caller owns `client`."""
    try:
        installation = read_installation(settings.config_path)
    except ValuesError as error:
        raise SettingsError(f"WEFT_CONFIG_PATH: {error}") from error
    knows_version = process.readiness.require("API server's version known")
    listening = process.readiness.require("webhook listening")
    world = KubernetesWorld(client, installation, native_available=False)
    recorder = Recorder(client, INJECTOR_COMPONENT)
    metrics = Metrics(registry)
    webhook = Webhook(
        world,
        metrics,
        KubernetesObserver(recorder),
        lookup_timeout=settings.lookup_timeout,
    )
    unmeshed = Controller(
        client,
        settings.unmeshed_pods,
        settings.controller_namespace,
        world,
        process.readiness,
        recorder,
        metrics,
    )
    serving = Serving(webhook.answer, settings.tls_path)

    async def learn_version() -> None:
        while True:
            try:
                version = await server_version(client)
            except KubeError as error:
                log.warning("cannot learn the API server's version", extra={"why": str(error)})
                await asyncio.sleep(2.0)
                continue
            world.native_available = supports_native(version)
            knows_version.meet()
            await asyncio.sleep(VERSION_INTERVAL)

    async def follow_values() -> None:
        while True:
            await asyncio.sleep(settings.poll_interval)
            try:
                world.installation = read_installation(settings.config_path)
            except ValuesError as error:
                log.error("changed values are unusable", extra={"why": str(error)})

    async with (
        admin.serve(settings.admin_addr, process.readiness, registry),
        serving.listening(settings.addr),
    ):
        listening.meet()
        with tracing.exporting(INJECTOR_COMPONENT, settings.trace_collector):
            await process.run(
                recorder.run(),
                serving.watch_certificate(settings.poll_interval),
                learn_version(),
                follow_values(),
                unmeshed.run(),
            )
