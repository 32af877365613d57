"""web: the stats API, and the embedded collector behind it that scrapes the proxies."""

from typing import Any

from cli.manifests.meshed import deployment, resources
from cli.manifests.objects import (
    READ,
    Component,
    Rule,
    ServicePort,
    cluster_role,
    controller_container,
    said,
    service,
    service_account,
)
from cli.manifests.values import Values
from weft.names import WEB_COMPONENT
from weft.ports import WEB

COMPONENT = Component("web", WEB_COMPONENT)
RULES = (
    Rule(("",), ("namespaces", "pods", "replicationcontrollers", "services"), READ),
    Rule(("apps",), ("daemonsets", "deployments", "replicasets", "statefulsets"), READ),
    Rule(("batch",), ("cronjobs", "jobs"), READ),
    Rule(
        ("policy.linkerd.io",),
        ("authorizationpolicies", "httproutes", "serverauthorizations", "servers"),
        READ,
    ),
    Rule(("gateway.networking.k8s.io",), ("grpcroutes", "httproutes"), READ),
)


def render(values: Values) -> list[dict[str, Any]]:
    """Everything of web but its RBAC."""
    return [
        service(values, COMPONENT.workload, COMPONENT, ServicePort("http", WEB, WEB)),
        deployment(values, COMPONENT, container(values)),
    ]


def rbac(values: Values) -> list[dict[str, Any]]:
    """May read workloads, pods and policy; writes nothing."""
    return [service_account(values, COMPONENT), *cluster_role(values, COMPONENT, RULES)]


def container(values: Values) -> dict[str, Any]:
    """The web container."""
    prometheus = {
        "PROMETHEUS_URL": values.prometheusUrl,
        "PROMETHEUS_LABELS": values.prometheusLabels,
    }
    return controller_container(
        values,
        COMPONENT,
        ports={"http": WEB},
        settings={"ADDR": f"0.0.0.0:{WEB}", **said(prometheus)},
        mounts={},
        resources=resources(values.web.resources),
    )
