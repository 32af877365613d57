"""The destination service: endpoints, profiles and policy for all proxies."""

from typing import Any

from cli.manifests.meshed import deployment, resources
from cli.manifests.objects import (
    READ,
    Component,
    Rule,
    ServicePort,
    cluster_role,
    controller_container,
    role,
    service,
    service_account,
)
from cli.manifests.policies import (
    GATEWAY_GROUP,
    POLICIES,
    POLICY_GROUP,
    PROFILE_GROUP,
    PROFILES,
    ROUTES,
    WORKLOAD_GROUP,
    WORKLOADS,
)
from cli.manifests.validator import TLS_SECRET
from cli.manifests.values import Values
from weft import labels
from weft.names import DESTINATION_COMPONENT
from weft.ports import DESTINATION, POLICY, VALIDATOR

COMPONENT = Component("destination", DESTINATION_COMPONENT)
TLS_PATH = "/var/run/linkerd/tls"
STATUSES = ("egressnetworks", "httplocalratelimitpolicies", "httproutes")

RULES = (
    Rule(("",), ("namespaces", "nodes", "pods", "services"), READ),
    Rule(("discovery.k8s.io",), ("endpointslices",), (*READ, "create", "delete", "patch")),
    Rule(("apps",), ("replicasets",), READ),
    Rule(("batch",), ("jobs",), READ),
    Rule((PROFILE_GROUP,), PROFILES, READ),
    Rule((POLICY_GROUP,), POLICIES, READ),
    Rule((WORKLOAD_GROUP,), WORKLOADS, READ),
    Rule((POLICY_GROUP,), tuple(f"{one}/status" for one in STATUSES), ("patch",)),
    Rule((GATEWAY_GROUP,), ROUTES, READ),
    Rule((GATEWAY_GROUP,), tuple(f"{one}/status" for one in ROUTES), ("patch",)),
    Rule(("",), ("events",), ("create", "patch")),
)
"""Slices are written for ExternalWorkloads, in whatever namespace these are."""
LEADER_RULES = (Rule(("coordination.k8s.io",), ("leases",), ("create", "get", "patch")),)
"""One replica writes statuses, and one slices: those that hold the Leases."""


def render(values: Values) -> list[dict[str, Any]]:
    """Everything of the destination service but its RBAC."""
    grpc = ServicePort("grpc", DESTINATION, DESTINATION)
    policy = ServicePort("grpc", POLICY, POLICY)
    return [
        service(values, "weft-dst", COMPONENT, grpc),
        service(values, "weft-dst-headless", COMPONENT, grpc, headless=True),
        service(values, "weft-policy", COMPONENT, policy, headless=True),
        deployment(
            values,
            COMPONENT,
            container(values),
            volumes=({"name": "tls", "secret": {"secretName": TLS_SECRET}},),
            annotations={labels.OPAQUE_PORTS: str(VALIDATOR)},
        ),
    ]


def rbac(values: Values) -> list[dict[str, Any]]:
    """May read what discovery and policy are made of; writes statuses, slices, Leases and events."""
    return [
        service_account(values, COMPONENT),
        *cluster_role(values, COMPONENT, RULES),
        *role(values, COMPONENT, LEADER_RULES),
    ]


def container(values: Values) -> dict[str, Any]:
    """The service's container; discovery, policy and the policy validator are ports of one process."""
    return controller_container(
        values,
        COMPONENT,
        ports={"dest-grpc": DESTINATION, "policy-grpc": POLICY, "policy-https": VALIDATOR},
        settings=settings(values),
        mounts={"tls": TLS_PATH},
        resources=resources(values.destination.resources),
    )


def settings(values: Values) -> dict[str, str]:
    """What the proxies' defaults are, because discovery answers by them."""
    return {
        "ADDR": f"0.0.0.0:{DESTINATION}",
        "POLICY_ADDR": f"0.0.0.0:{POLICY}",
        "VALIDATOR_ADDR": f"0.0.0.0:{VALIDATOR}",
        "TLS_PATH": TLS_PATH,
        "DEFAULT_OPAQUE_PORTS": values.proxy.opaquePorts,
        "DEFAULT_INBOUND_POLICY": values.proxy.defaultInboundPolicy,
        "CLUSTER_NETWORKS": values.clusterNetworks,
        "ENABLE_IPV6": "false" if values.disableIPv6 else "true",
        "GLOBAL_EGRESS_NETWORK_NAMESPACE": values.egress.globalEgressNetworkNamespace,
        "UNREADY_GRACE": values.destination.unreadyGrace,
    }
