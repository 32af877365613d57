"""The identity service put together, in the order in which it comes up."""

import asyncio
from datetime import UTC, datetime, timedelta

from prometheus_client import REGISTRY, CollectorRegistry

from identity.authority import Terms
from identity.issuer import InvalidIssuer, IssuerStore, Skipped
from identity.metrics import Metrics
from identity.observe import KubernetesObserver
from identity.server import Certifier, register
from identity.settings import IdentitySettings
from identity.tokens import TokenReviewer
from kit import admin, tracing
from kit.kube.client import Client
from kit.kube.events import Recorder
from kit.lifecycle import Condition, Process
from kit.rpc import server as rpc
from weft.names import IDENTITY_COMPONENT


def now() -> datetime:
    return datetime.now(UTC)


async def serve(
    process: Process,
    settings: IdentitySettings,
    client: Client,
    registry: CollectorRegistry = REGISTRY,
) -> None:
    """Runs until the process is asked to stop. The caller owns `client`."""
    metrics = Metrics(registry)
    store = IssuerStore(settings.issuer_path, settings.trust_roots_path)
    recorder = Recorder(client, IDENTITY_COMPONENT)
    observer = KubernetesObserver(recorder, metrics, settings.controller_namespace)
    loaded = process.readiness.require("issuer loaded and valid")
    certifier = Certifier(
        credentials=lambda: store.current,
        reviewer=TokenReviewer(client),
        observer=observer,
        domain=settings.identities,
        terms=Terms(
            timedelta(seconds=settings.issuance_lifetime),
            timedelta(seconds=settings.clock_skew_allowance),
        ),
        clock=now,
    )
    metrics.issuer_ttl.set_function(lambda: _ttl(store))
    first = store.refresh(now=now())
    if isinstance(first, Skipped):
        observer.issuer_changed(first)
    loaded.meet(_stands(store))

    async with (
        admin.serve(settings.admin_addr, process.readiness, registry),
        rpc.serve(settings.addr, [register(certifier, metrics)], metrics=rpc.Metrics(registry)),
    ):
        with tracing.exporting(IDENTITY_COMPONENT, settings.trace_collector):
            await process.run(
                recorder.run(),
                store.watch(settings.issuer_poll_interval, observer.issuer_changed),
                _judge(store, loaded, settings.issuer_poll_interval),
            )


async def _judge(store: IssuerStore, loaded: Condition, every: float) -> None:
    """Keeps readiness true to the clock: an issuer that expires in use is not ready."""
    while True:
        loaded.meet(_stands(store))
        await asyncio.sleep(every)


def _stands(store: IssuerStore) -> bool:
    if store.current is None:
        return False
    try:
        store.current.verify(at=now())
    except InvalidIssuer:
        return False
    return True


def _ttl(store: IssuerStore) -> float:
    if store.current is None:
        return 0.0
    return (store.current.issuer.expires - now()).total_seconds()
