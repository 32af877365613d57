"""The control plane put together: a channel to each service, and what is fed from it."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from proxy.authz.policy import ServerPolicy, default_policy
from proxy.authz.store import InboundPolicies
from proxy.control.channel import Channel
from proxy.control.destination import Destinations
from proxy.control.dial import TcpDialer, UnixDialer
from proxy.control.identity import Certifier
from proxy.control.lookup import Lookups
from proxy.control.policy import Policies, PortWatcher
from proxy.control.spans import SpanExporter
from proxy.discovery.cache import Clock, Discovery
from proxy.identity.renewal import Bounds
from proxy.net.failure import Failure
from proxy.settings import IdentityServiceSettings, WorkloadApiSettings
from proxy.telemetry import resource
from proxy.telemetry.control import ControlMetrics
from proxy.telemetry.identity import IdentityMetrics
from weft import errors

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from proxy.control.tasks import Tasks
    from proxy.identity.keypair import Keypair
    from proxy.identity.store import CertificateStore
    from proxy.net.faults import Faults
    from proxy.settings import (
        ControlAddress,
        IdentitySettings,
        InboundSettings,
        Settings,
        TraceSettings,
    )
    from proxy.telemetry.registry import Registry
    from proxy.trace.span import SpanBuffer
    from weft.errors import ErrorKind

_log = logging.getLogger("proxy.control")


def certificates(
    settings: IdentitySettings,
    store: CertificateStore,
    keypair: Keypair | None,
    registry: Registry,
    tasks: Tasks,
    faults: Faults,
) -> Callable[[], Awaitable[None]]:
    """What keeps the store supplied, to be started. An agent brings the key as well: no keypair is
    needed then."""
    if isinstance(settings.source, WorkloadApiSettings):
        return _from_agent(settings.source, store, registry, tasks, faults)
    assert keypair is not None
    return _from_service(settings.source, store, keypair, registry, tasks, faults)


def _from_agent(
    settings: WorkloadApiSettings,
    store: CertificateStore,
    registry: Registry,
    tasks: Tasks,
    faults: Faults,
) -> Callable[[], Awaitable[None]]:
    from proxy.control.spire import BACKOFF, METADATA, SvidWatcher  # most proxies do without

    dialer = UnixDialer(settings.socket)
    refreshes = _Refreshes(IdentityMetrics(registry), faults, str(dialer))
    channel = Channel(
        dialer,
        metadata=METADATA,
        recorder=ControlMetrics(registry, str(dialer), None),
        backoff=BACKOFF,
        on_unreachable=lambda why: watcher.unreachable(why),
    )
    watcher = SvidWatcher(channel, store, refreshes)
    tasks.start(channel.run, name="agent channel")
    return watcher.run


def _from_service(
    settings: IdentityServiceSettings,
    store: CertificateStore,
    keypair: Keypair,
    registry: Registry,
    tasks: Tasks,
    faults: Faults,
) -> Callable[[], Awaitable[None]]:
    """The first call can show no certificate, for there is none yet."""
    dialer = TcpDialer(
        settings.address,
        lambda: store.client_context if store.ready else store.anonymous_context,
    )
    channel = Channel(dialer, recorder=_recorder(registry, settings.address))
    tasks.start(channel.run, name="identity channel")
    certifier = Certifier(
        channel,
        store,
        keypair,
        token_file=settings.token_file,
        bounds=Bounds(settings.min_refresh, settings.max_refresh),
        recorder=_Refreshes(IdentityMetrics(registry), faults, str(settings.address)),
    )
    return certifier.run


def discovery_and_policies(
    settings: Settings,
    store: CertificateStore,
    registry: Registry,
    tasks: Tasks,
    clock: Clock,
) -> tuple[Discovery, InboundPolicies]:
    """What the data path asks; streams are opened as it does."""

    def channel(address: ControlAddress, name: str) -> Channel:
        made = Channel(
            TcpDialer(address, lambda: store.client_context), recorder=_recorder(registry, address)
        )
        tasks.start(made.run, name=f"{name} channel")
        return made

    to_destination = channel(settings.destination.address, "destination")
    to_policy = channel(settings.policy.address, "policy")
    limits = settings.control_streams
    destinations = Destinations(to_destination, limits, settings.destination.context)
    policies = Policies(to_policy, limits, settings.policy.workload)
    discovery = Discovery(
        Lookups(
            tasks,
            destinations,
            policies,
            networks=settings.destination.networks,
            suffixes=(*settings.destination.suffixes, *settings.inbound.gateway_suffixes),
        ),
        clock,
        idle_timeout=settings.outbound.discovery_idle_timeout,
        is_away=lambda: to_destination.is_away or to_policy.is_away,
    )
    inbound = InboundPolicies(
        PortWatcher(tasks, policies), lambda port: policy_until_told(settings.inbound, port)
    )
    return discovery, inbound


def span_exporter(
    settings: TraceSettings,
    store: CertificateStore,
    registry: Registry,
    tasks: Tasks,
    buffer: SpanBuffer,
) -> SpanExporter:
    """What takes spans to the collector; its `run` is to be started. Raises ValueError for a file
    of labels that is none."""
    channel = Channel(
        TcpDialer(settings.collector, lambda: store.client_context),
        recorder=_recorder(registry, settings.collector),
    )
    tasks.start(channel.run, name="span collector channel")
    labels = ""
    if settings.labels_file is not None:
        try:
            labels = Path(settings.labels_file).read_text("utf-8")
        except OSError as error:
            _log.warning("spans go without the pod's labels: %s", error)
    attributes = resource.attributes(settings.service, labels, settings.extra, settings.standard)
    return SpanExporter(channel, buffer, attributes, registry)


def policy_until_told(settings: InboundSettings, port: int) -> ServerPolicy:
    """The policy of a port for which the controller has not answered yet."""
    return default_policy(
        settings.default_policy,
        settings.cluster_networks,
        opaque=port in settings.opaque_ports,
        detect_timeout=settings.detect_timeout,
    )


class _Refreshes:
    """Counts what became of requests for a certificate, and keeps the failures for `/errors`."""

    def __init__(self, metrics: IdentityMetrics, faults: Faults, service: str) -> None:
        self.refreshed = metrics.refreshed
        self._metrics = metrics
        self._faults = faults
        self._service = service

    def failed(self, reason: str, kind: ErrorKind = errors.CERTIFICATE_UNAVAILABLE) -> None:
        self._metrics.failed()
        failure = Failure(kind, reason)
        self._faults.note("identity", failure, peer=self._service)


def _recorder(registry: Registry, address: ControlAddress) -> ControlMetrics:
    return ControlMetrics(registry, str(address), address.name)
