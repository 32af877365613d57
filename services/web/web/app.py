"""The web service put together, in the order in which it comes up."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
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
from web.stats.backend import Backend
from web.stats.collector.scraping import Collector, Limits
from web.stats.fallback import Fallback
from web.stats.inventory import Inventory
from web.stats.prometheus.backend import Prometheus
from web.stats.prometheus.client import Client as PrometheusClient
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
    async with numbers(settings, collector) as backend:
        pages = dashboard(settings, inventory, backend, collector, sources)
        face = application(
            inventory,
            backend,
            sources.listed.is_set,
            metrics,
            hosts(settings),
            settings.identities,
            pages,
        )
        jobs = [sources.run(), _collect(sources, collector)]
        if isinstance(backend, Fallback):
            jobs.append(backend.run())
        async with (
            admin.serve(settings.admin_addr, process.readiness, registry),
            listener.serve(face, settings.addr),
        ):
            with tracing.exporting(WEB_COMPONENT, settings.trace_collector):
                try:
                    await process.run(*jobs)
                finally:
                    pages.close()


@asynccontextmanager
async def numbers(settings: WebSettings, collector: Collector) -> AsyncIterator[Backend]:
    """Where numbers come from: the collector, or a Prometheus with the collector behind it."""
    if settings.prometheus_url is None:
        yield collector
        return
    async with aiohttp.ClientSession() as session:
        client = PrometheusClient(settings.prometheus_url, session)
        yield Fallback(Prometheus(client, settings.prometheus_labels), collector)


async def _collect(sources: Sources, collector: Collector) -> None:
    """The first round counts as the beginning of what is known, so it must know every pod."""
    await sources.listed.wait()
    await collector.run()


def dashboard(
    settings: WebSettings,
    inventory: Inventory,
    backend: Backend,
    collector: Collector,
    sources: Sources,
) -> Dashboard:
    """The pages, whose numbers move as often as proxies are scraped."""
    world = World(
        inventory,
        backend,
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
        settings.scrape_max_total_series,
    )
