"""What the destination service counts."""

from functools import partial

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge

from destination.fanout import Fanout
from destination.index import Index


class Metrics:
    def __init__(
        self, index: Index, fanout: Fanout, registry: CollectorRegistry = REGISTRY
    ) -> None:
        objects = Gauge(
            "destination_cache_objects", "Objects held, by kind.", ["kind"], registry=registry
        )
        for table in vars(index).values():
            objects.labels(table.name).set_function(partial(len, table))
        Gauge(
            "destination_views", "Distinct answers kept up to date.", registry=registry
        ).set_function(lambda: len(fanout))
        Gauge(
            "destination_subscribers", "Streams that wait for changes.", registry=registry
        ).set_function(lambda: fanout.subscribers)
        self.changes = Counter(
            "destination_object_changes_total",
            "Changes of objects that touched a fact.",
            ["kind"],
            registry=registry,
        )
        self.graces = Counter(
            "destination_services_kept_total",
            "Times a Service lost its last ready endpoint, and those ready until just now were kept.",
            registry=registry,
        )
        self.unreadable = Counter(
            "destination_objects_unreadable_total",
            "Objects that could not be understood; what was known of them stays.",
            ["kind"],
            registry=registry,
        )
        self.status_patches = Counter(
            "destination_status_patches_total",
            "Statuses of routes, EgressNetworks and rate limits written, by result.",
            ["result"],
            registry=registry,
        )
        self.slice_writes = Counter(
            "destination_slice_writes_total",
            "EndpointSlices of ExternalWorkloads written, by result: created, updated, deleted or failed.",
            ["result"],
            registry=registry,
        )
        self.reviews = Counter(
            "destination_admission_reviews_total",
            "Resources that the API server asked about, by result: allowed, refused, malformed or failed.",
            ["kind", "result"],
            registry=registry,
        )
