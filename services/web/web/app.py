"""The web service put together, in the order in which it comes up."""

import time

from prometheus_client import REGISTRY, CollectorRegistry

from kit import admin, tracing
from kit.kube.client import Client
from kit.lifecycle import Process
from web import listener
from web.metrics import Metrics
from web.pages import assets
from web.pages.components import Components
from web.pages.routes import Dashboard
from web.pages.snapshots import Snapshots, World
from web.security import names_of
from web.server import application
from web.settings import WebSettings
from web.stats.collector.scraping import Collector, Limits
from web.stats.inventory import Inventory
from web.stats.sources import Sources, targets
from weft.names import WEB_COMPONENT

MIN_PAGE_INTERVAL = 2.0
"""Seconds between two events of a page's stream, however often proxies are scraped."""


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
    pages = dashboard(settings, inventory, collector, sources)
    face = application(
        inventory,
        collector,
        sources.listed.is_set,
        metrics,
        hosts(settings),
        settings.identities,
        pages,
    )
    async with (
        admin.serve(settings.admin_addr, process.readiness, registry),
        listener.serve(face, settings.addr),
    ):
        with tracing.exporting(WEB_COMPONENT, settings.trace_collector):
            try:
                await process.run(sources.run(), _collect(sources, collector))
            finally:
                pages.close()


async def _collect(sources: Sources, collector: Collector) -> None:
    """The first round counts as the beginning of what is known, so it must know every pod."""
    await sources.listed.wait()
    await collector.run()


def dashboard(
    settings: WebSettings, inventory: Inventory, collector: Collector, sources: Sources
) -> Dashboard:
    """The pages, whose numbers move as often as proxies are scraped."""
    world = World(
        inventory,
        collector,
        settings.identities,
        Components(inventory, time.time),
        collector.failing_pods,
    )
    interval = max(settings.scrape_interval, MIN_PAGE_INTERVAL)
    return Dashboard(
        assets.load(), Snapshots(world, fresh=interval / 2), sources.listed.is_set, interval
    )


def hosts(settings: WebSettings) -> frozenset[str]:
    """The names under which this service answers."""
    return names_of(
        settings.controller_namespace, settings.cluster_domain, settings.allowed_hosts or ()
    )


def limits(settings: WebSettings) -> Limits:
    """What a scrape may cost, as configured."""
    return Limits(
        settings.scrape_interval,
        settings.scrape_timeout,
        settings.scrape_concurrency,
        settings.scrape_max_bytes,
        settings.scrape_max_series,
    )
