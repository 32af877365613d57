"""The web service put together, in the order in which it comes up."""

from prometheus_client import REGISTRY, CollectorRegistry

from kit import admin, tracing
from kit.kube.client import Client
from kit.lifecycle import Process
from web import listener
from web.metrics import Metrics
from web.server import application
from web.settings import WebSettings
from web.stats.collector.scraping import Collector, Limits
from web.stats.inventory import Inventory
from web.stats.sources import Sources, targets
from weft.names import WEB_COMPONENT


async def serve(
    process: Process,
    settings: WebSettings,
    client: Client,
    registry: CollectorRegistry = REGISTRY,
) -> None:
    """Runs until the process is asked to stop. The caller owns `client`."""
    metrics = Metrics(registry)
    inventory = Inventory(settings.controller_namespace)
    sources = Sources(client, inventory, process.readiness)
    collector = Collector(lambda: targets(inventory), limits(settings), metrics)
    face = application(inventory, collector, sources.listed.is_set, metrics, settings.allowed_hosts)
    async with (
        admin.serve(settings.admin_addr, process.readiness, registry),
        listener.serve(face, settings.addr),
    ):
        with tracing.exporting(WEB_COMPONENT, settings.trace_collector):
            await process.run(sources.run(), _collect(sources, collector))


async def _collect(sources: Sources, collector: Collector) -> None:
    """The first round counts as the beginning of what is known, so it must know every pod."""
    await sources.listed.wait()
    await collector.run()


def limits(settings: WebSettings) -> Limits:
    """What a scrape may cost, as configured."""
    return Limits(
        settings.scrape_interval,
        settings.scrape_timeout,
        settings.scrape_concurrency,
        settings.scrape_max_bytes,
        settings.scrape_max_series,
    )
