"""The proxy composed, in the order in which it starts.

settings -> key -> listening sockets -> a process for each core -> admin -> certificate -> inbound and
outbound -> ready; then nothing until SIGTERM, which lets connections finish, for a while.
"""

from __future__ import annotations

import logging
import time
from functools import partial
from typing import TYPE_CHECKING

import trio

from proxy import cores
from proxy.admin.listening import is_listening, waiting_for_application
from proxy.admin.routes import Facts, Request, Response, answer
from proxy.admin.server import AdminServer
from proxy.control.connect import certificates, discovery_and_policies, span_exporter
from proxy.control.tap import TapServer
from proxy.control.tasks import Tasks
from proxy.drain import Shutdown, drain
from proxy.environment import PREFIX, SettingsError
from proxy.identity.keypair import Keypair, obtain
from proxy.identity.store import CertificateStore
from proxy.inbound.accept import Inbound
from proxy.inbound.tap import InboundTap
from proxy.inbound.trace import InboundRecorder
from proxy.net import ceiling
from proxy.net.faults import Faults
from proxy.net.listen import bind
from proxy.net.reactor import Reactor
from proxy.outbound.accept import Outbound
from proxy.outbound.tap import OutboundTap
from proxy.outbound.trace import OutboundRecorder
from proxy.settings import WorkloadApiSettings
from proxy.settle import settle
from proxy.tap.registry import Registry as Taps
from proxy.telemetry import exposition, logs, process
from proxy.telemetry.registry import Registry
from proxy.trace.span import SpanBuffer

if TYPE_CHECKING:
    import socket
    from collections.abc import Awaitable, Callable, Mapping

    from proxy.admin.server import Answer
    from proxy.authz.store import InboundPolicies
    from proxy.control.spans import SpanExporter
    from proxy.control.tap_together import Informer
    from proxy.settings import DirectionSettings, IdentitySettings, InboundSettings, Settings
    from proxy.stack.shared_rate import SharedRates
    from weft.addresses import SocketAddress

_log = logging.getLogger("proxy")

BACKLOG = 1024
"""Connections the kernel holds for us by default; one burst of a busy application."""

STILL_WAITING = 15.0
"""Seconds between warnings that there is no certificate yet."""


class Sockets:
    """Every listening socket, bound before anything else so that a taken port stops the start."""

    def __init__(self, settings: Settings, *, leads: bool = True) -> None:
        """Only the process that leads has the admin port and the tap port. Raises OSError."""
        inbound, outbound, tap = settings.inbound, settings.outbound, settings.tap
        shared = settings.cores > 1
        self._leads = leads
        self.admin = [bind(settings.admin.listen, backlog=64)] if leads else []
        self.inbound = [_bind(address, inbound, shared=shared) for address in inbound.listen]
        self.outbound = [_bind(address, outbound, shared=shared) for address in outbound.listen]
        self.tap = [bind(tap.listen, backlog=64)] if leads and tap is not None else []

    def close(self) -> None:
        """Another process listens on them, or nobody any more."""
        for one in (*self.admin, *self.inbound, *self.outbound, *self.tap):
            one.close()

    def __repr__(self) -> str:
        carry = f"inbound {_names(self.inbound)}; outbound {_names(self.outbound)}"
        if not self._leads:
            return f"<Sockets {carry}; admin and tap elsewhere>"
        return f"<Sockets {carry}; admin {_names(self.admin)}; tap {_names(self.tap) or 'off'}>"


def run(settings: Settings, environment: Mapping[str, str]) -> None:
    """Start, serve until told to stop, and return when the last connection has ended.

    Raises OSError when a port is taken, KeypairError when there is no usable key, SettingsError
    when the trust anchors are none, and cores.EndedError when one of several processes failed. What
    goes wrong in this process is raised as it is, when its siblings have ended.
    """
    log_filter = logs.install(settings.log, settings.log_format)
    for warning in settings.warnings:
        _log.warning(warning)
    store = _store(settings)
    keypair = _keypair(settings.identity)
    sockets = [Sockets(settings, leads=number == 0) for number in range(settings.cores)]
    rates = _rates(settings)
    place = cores.spread(settings.cores)
    own = sockets.pop(place.number)
    for others in sockets:
        others.close()
    reactor = Reactor()
    try:
        reactor.run(
            _serve, settings, environment, log_filter, store, keypair, own, reactor, place, rates
        )
    except BaseException:
        # Nobody accepts connections here any more, so the kernel must not give us a part of them.
        own.close()
        cores.end(place)
        raise
    cores.reap(place, settings.shutdown_grace_period)


async def _serve(
    settings: Settings,
    environment: Mapping[str, str],
    log_filter: logs.LogFilter,
    store: CertificateStore,
    keypair: Keypair | None,
    sockets: Sockets,
    reactor: Reactor,
    place: cores.Place,
    rates: SharedRates | None,
) -> None:
    registry = Registry(retain_idle=settings.admin.metrics_retain_idle)
    process.install(registry)
    shutdown = Shutdown()
    readiness = Readiness()
    faults = Faults()
    async with trio.open_nursery() as nursery:
        await nursery.start(shutdown.listen, *place.endings)
        facts = Facts(
            is_ready=readiness.__bool__,
            metrics=lambda: exposition.render(registry, time.monotonic()),
            metrics_content_type=exposition.CONTENT_TYPE,
            environment=environment,
            log_filter=log_filter,
            shut_down=shutdown.request if settings.admin.shutdown_enabled else None,
            errors=lambda: [fault.as_json() for fault in faults.latest()],
        )
        nursery.start_soon(_face(sockets, facts, shutdown, place, settings.inbound))

        tasks = Tasks(nursery)
        nursery.start_soon(certificates(settings.identity, store, keypair, registry, tasks, faults))
        if await _certified(store, shutdown.requested):
            discovery, policies = discovery_and_policies(settings, store, registry, tasks, reactor)
            known_ports = [policies.port(port) for port in settings.inbound.ports]
            inbound = Inbound(
                reactor,
                settings.inbound.shared_by(settings.cores),
                store,
                policies,
                registry,
                faults=faults,
                rates=rates,
            )
            inbound.start(sockets.inbound)
            nursery.start_soon(_sweep, policies, inbound, settings.inbound.discovery_idle_timeout)
            outbound = Outbound(
                reactor,
                settings.outbound.shared_by(settings.cores),
                store,
                discovery,
                registry,
                faults=faults,
            )
            if settings.inbound.gateway_suffixes:
                from proxy.gateway.gateway import Gateway  # most proxies do without

                inbound.gateway = Gateway(outbound, settings.inbound.gateway_suffixes)
            outbound.start(sockets.outbound)
            limit = settings.memory_limit
            if limit is None:
                limit = ceiling.of_container()
            if limit:
                share = limit // settings.cores
                nursery.start_soon(ceiling.watch, share, (inbound, outbound), registry)
            tap = _tap(settings, reactor, store, inbound, outbound, place)
            if tap is not None:
                tap.start(sockets.tap)
            spans = _spans(settings, store, registry, tasks, inbound, outbound)
            if spans is not None:
                nursery.start_soon(spans.run)
            readiness.reached = True
            settle()
            _log.info("ready: %r, %d ports known", sockets, len(known_ports))

            await shutdown.requested.wait()
            if tap is not None:
                tap.stop()
            await drain((inbound, outbound), settings.shutdown_grace_period, shutdown.at_once)
            if spans is not None:
                await spans.farewell()
        nursery.cancel_scope.cancel()


def _rates(settings: Settings) -> SharedRates | None:
    """What several processes count together; to be made before they part."""
    if settings.cores == 1:
        return None
    from proxy.stack.shared_rate import SharedRates  # most proxies do without

    return SharedRates()


def _face(
    sockets: Sockets, facts: Facts, shutdown: Shutdown, place: cores.Place, pod: InboundSettings
) -> Callable[[], Awaitable[None]]:
    """The admin server; for a sibling, its leader's questions instead."""
    reached = partial(is_listening, sorted(pod.allowed_ips) or ["127.0.0.1"])

    async def alone(request: Request) -> Response:
        return answer(facts, request)

    def face(all_answer: Answer) -> AdminServer:
        """What kubelets and people meet, whoever answers behind it."""
        waiting = waiting_for_application(all_answer, pod.ports, reached)
        return AdminServer(sockets.admin[0], waiting)

    if place.alone:
        return face(alone).run
    from proxy.admin.together import Follower, Leader  # most proxies do without

    if place.leader is not None:
        return Follower(place.leader.admin, alone, shutdown).run
    return Leader(face, facts, shutdown, place.siblings).run


def _tap(
    settings: Settings,
    reactor: Reactor,
    store: CertificateStore,
    inbound: Inbound,
    outbound: Outbound,
    place: cores.Place,
) -> TapServer | Informer | None:
    """Who may watch requests; None when nobody may. For a sibling, its leader asks instead."""
    if settings.tap is None:
        return None
    taps = Taps(first=place.number, step=settings.cores)
    taps.attach(inbound.observers, InboundTap(taps))
    taps.attach(outbound.observers, OutboundTap(taps))
    elsewhere = None
    if not place.alone:
        from proxy.control.tap_together import Elsewhere, Informer  # most proxies do without

        if place.leader is not None:
            return Informer(reactor, taps, place.leader.tap)
        elsewhere = Elsewhere(reactor, taps, [ways.tap for ways in place.siblings.values()])
    return TapServer(reactor, store, taps, settings.tap.client_identity, elsewhere)


def _spans(
    settings: Settings,
    store: CertificateStore,
    registry: Registry,
    tasks: Tasks,
    inbound: Inbound,
    outbound: Outbound,
) -> SpanExporter | None:
    """Who takes spans of requests away; None when nobody does, and none are made."""
    if settings.trace is None:
        return None
    buffer = SpanBuffer()
    exporter = span_exporter(settings.trace, store, registry, tasks, buffer)
    inbound.observers.append(InboundRecorder(buffer))
    outbound.observers.append(OutboundRecorder(buffer))
    return exporter


class Readiness:
    """False until the first certificate and the listeners, then true for good."""

    reached = False

    def __bool__(self) -> bool:
        return self.reached


async def _certified(store: CertificateStore, stopping: trio.Event) -> bool:
    """Wait for the first certificate; False if told to stop before it came."""
    issued = trio.Event()
    forget = store.watch(issued.set)
    async with trio.open_nursery() as nursery:

        async def until(event: trio.Event) -> None:
            await event.wait()
            nursery.cancel_scope.cancel()

        nursery.start_soon(until, issued)
        nursery.start_soon(until, stopping)
        while True:
            await trio.sleep(STILL_WAITING)
            _log.warning("waiting for identity: no connection is accepted before")
    forget()
    return store.ready


async def _sweep(policies: InboundPolicies, inbound: Inbound, idle_timeout: float) -> None:
    while True:
        await trio.sleep(max(1.0, idle_timeout))
        policies.sweep()
        inbound.sweep()


def _store(settings: Settings) -> CertificateStore:
    identity = settings.identity
    try:
        return CertificateStore(identity.local_name, identity.trust_anchors, identity.server_name)
    except ValueError as error:
        raise SettingsError(f"{PREFIX}IDENTITY_TRUST_ANCHORS", str(error)) from error


def _keypair(identity: IdentitySettings) -> Keypair | None:
    """None if the source of certificates brings the key. Raises KeypairError."""
    if isinstance(identity.source, WorkloadApiSettings):
        return None
    return obtain(identity.source.directory, identity.local_name)


def _bind(address: SocketAddress, settings: DirectionSettings, *, shared: bool) -> socket.socket:
    options = settings.accept
    return bind(
        address,
        backlog=settings.backlog or BACKLOG,
        keepalive=options.keepalive,
        user_timeout=options.user_timeout,
        shared=shared,
    )


def _names(listeners: list[socket.socket]) -> str:
    return ", ".join(f"{name[0]}:{name[1]}" for name in (one.getsockname() for one in listeners))
