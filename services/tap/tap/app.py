"""The tap service put together, in the order in which it comes up."""

from prometheus_client import REGISTRY, CollectorRegistry

from kit import admin, tracing
from kit.kube.client import Client
from kit.lifecycle import Process
from kit.rpc.client import channel
from tap import redact, serving
from tap.access import AccessReview
from tap.cluster import Cluster
from tap.describe import Describer
from tap.metrics import Metrics
from tap.server import Face, application
from tap.settings import TapSettings
from tap.sources import Sources
from tap.streams import Dial, Streams
from weft.names import TAP_COMPONENT


async def serve(
    process: Process,
    settings: TapSettings,
    client: Client,
    registry: CollectorRegistry = REGISTRY,
    dial: Dial = channel,
) -> None:
    """Runs until the process is asked to stop. The caller owns `client`."""
    trust = serving.Trust(settings.tls_path)
    cluster = Cluster()
    sources = Sources(client, cluster, process.readiness)
    policy = redact.policy(
        settings.redacted_headers, settings.redacted_parameters, settings.redacted_paths
    )
    face = Face(
        cluster=cluster,
        streams=Streams(Describer(cluster, policy), dial=dial),
        identities=settings.identities,
        reviewer=AccessReview(client),
        front_proxy=lambda: trust.current,
        readiness=process.readiness,
        metrics=Metrics(registry),
        max_rps=settings.max_rps,
        max_viewers=settings.max_viewers,
        redaction=policy,
    )
    async with (
        admin.serve(settings.admin_addr, process.readiness, registry),
        serving.serve(application(face), settings.addr, trust.context),
    ):
        with tracing.exporting(TAP_COMPONENT, settings.trace_collector):
            await process.run(sources.run(), serving.follow(trust, client))
