"""The destination service put together, in the order in which it comes up."""

import asyncio
import gc
from collections.abc import Iterable
from contextlib import nullcontext
from socket import gethostname

from prometheus_client import REGISTRY, CollectorRegistry

from destination.admission.webhook import Webhook
from destination.external.writer import SliceWriter
from destination.fanout import Fanout
from destination.index import Fact, Index
from destination.keeper import Keeper
from destination.metrics import Metrics
from destination.policy.inbound import InboundRules
from destination.policy.outbound import OutboundRules
from destination.resolve import Rules
from destination.server import Answers, Config, register_destination, register_policy
from destination.settings import DestinationSettings
from destination.sources import Follower
from destination.statuses import StatusWriter
from destination.translate.endpoints import Http2Client
from kit import admin, tracing
from kit.admission.serving import Serving
from kit.kube.client import Client
from kit.kube.lease import Leadership
from kit.lifecycle import Process
from kit.rpc import server as rpc
from weft.names import DESTINATION_COMPONENT

STATUS_LEASE = "policy-controller-write"
"""Who holds it writes statuses. The name is Linkerd's, in a namespace of our own."""
SLICE_LEASE = "linkerd-destination-endpoint-write"
"""Who holds it writes the EndpointSlices of ExternalWorkloads; the name is Linkerd's, too."""
SLICE_LEASE_RENEW = 2.0
"""Seconds: a machine waits for its endpoint while nobody leads."""


def config(settings: DestinationSettings) -> Config:
    rules = Rules(
        domain=settings.identities,
        default_opaque=settings.default_opaque_ports,
        transport_header=settings.outbound_transport_mode == "transport-header",
        h2_upgrade=settings.enable_h2_upgrade,
        ipv6=settings.enable_ipv6,
    )
    return Config(
        cluster_domain=settings.cluster_domain,
        endpoints=rules,
        inbound=InboundRules(
            settings.default_inbound_policy,
            settings.cluster_networks,
            settings.probe_networks,
            rules,
        ),
        outbound=OutboundRules(
            settings.cluster_networks,
            rules,
            settings.global_egress_network_namespace,
            settings.allow_l5d_request_headers,
        ),
        http2=Http2Client(
            settings.meshed_http2_keep_alive_interval, settings.meshed_http2_keep_alive_timeout
        ),
    )


async def serve(
    process: Process,
    settings: DestinationSettings,
    client: Client,
    registry: CollectorRegistry = REGISTRY,
) -> None:
    """Runs until the process is asked to stop. The caller owns `client`."""
    index = Index()
    fanout = Fanout(index)
    answers = Answers(index, fanout, asyncio.Event(), config(settings))
    counted = rpc.Metrics(registry)
    metrics = Metrics(index, fanout, registry)
    keeper = Keeper(index, settings.unready_grace, metrics.graces)
    validator = _validator(settings, metrics)
    namespace, me = settings.controller_namespace, gethostname()
    leadership = Leadership(client, namespace, STATUS_LEASE, me)
    slice_leadership = Leadership(client, namespace, SLICE_LEASE, me, SLICE_LEASE_RENEW)
    slices = SliceWriter(client, index, slice_leadership, metrics)
    statuses = StatusWriter(client, index, leadership, settings.cluster_networks, metrics)

    def touched(facts: Iterable[Fact]) -> None:
        facts = frozenset(facts)
        facts |= keeper.touched(facts)
        fanout.touched(facts)
        statuses.touched(facts)
        slices.touched(facts)

    follower = Follower(client, metrics, touched, (statuses, slices))
    watches = follower.jobs(index, process.readiness)

    async def listed() -> None:
        await process.readiness.wait_ready()
        # What is known of the cluster lives long: the collector need not look at it again and again.
        gc.collect()
        gc.freeze()
        answers.listed.set()

    async with (
        admin.serve(settings.admin_addr, process.readiness, registry),
        rpc.serve(settings.addr, [register_destination(answers)], metrics=counted),
        rpc.serve(settings.policy_addr, register_policy(answers), metrics=counted),
        validator.listening(settings.validator_addr) if validator else nullcontext(),
    ):
        with tracing.exporting(DESTINATION_COMPONENT, settings.trace_collector):
            await process.run(
                fanout.run(),
                keeper.run(touched),
                listed(),
                leadership.run(),
                statuses.run(answers.listed),
                slice_leadership.run(),
                slices.run(answers.listed),
                *([validator.watch_certificate(settings.poll_interval)] if validator else []),
                *(follower.follow(source, condition) for source, condition in watches),
            )
        fanout.close()


def _validator(settings: DestinationSettings, metrics: Metrics) -> Serving | None:
    """None where there is no certificate to answer the API server with. Raises SettingsError."""
    if settings.tls_path is None:
        return None
    return Serving(Webhook(metrics).answer, settings.tls_path)
