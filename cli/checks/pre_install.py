"""pre-kubernetes-setup: may this user install the mesh here, and is nothing in the way?"""

from collections.abc import Callable
from datetime import datetime, timedelta

from cli.checks.context import Context
from cli.checks.model import Category, Check
from cli.checks.problem import Problem
from cli.cluster.installed import ONE_FOR_ALL, installed_elsewhere
from cli.cluster.paths import ACCESS_REVIEWS, NAMESPACES, NODES, find, items

ALLOWED_SKEW = timedelta(minutes=5, seconds=10)
CLUSTER_WIDE = (
    ("", "namespaces"),
    ("rbac.authorization.k8s.io", "clusterroles"),
    ("rbac.authorization.k8s.io", "clusterrolebindings"),
    ("apiextensions.k8s.io", "customresourcedefinitions"),
    ("admissionregistration.k8s.io", "mutatingwebhookconfigurations"),
    ("admissionregistration.k8s.io", "validatingwebhookconfigurations"),
    ("apiregistration.k8s.io", "apiservices"),
)
RIGHTS_ADVICE = (
    "Use a kubeconfig, context or --as whose user may, usually a cluster administrator's."
)


def namespace_is_free(context: Context) -> None:
    """Nothing has the control plane's name yet."""
    if find(context.cluster, NAMESPACES, context.weft_namespace) is not None:
        raise Problem(f"namespace {context.weft_namespace} exists already")


def nothing_elsewhere(context: Context) -> None:
    """No other namespace has a control plane, whose cluster-wide objects this one would take over."""
    elsewhere = installed_elsewhere(context.cluster, context.weft_namespace)
    if elsewhere:
        raise Problem(
            f"a control plane is in namespace {', '.join(elsewhere)}. {ONE_FOR_ALL}",
            advice=f"Change it with `mesh upgrade -L {elsewhere[0]}`, or remove it first with `mesh uninstall -L {elsewhere[0]}`.",
        )


def can_create_cluster_wide(context: Context) -> None:
    """Namespaces, roles, definitions, webhooks, the tap API."""
    refused = [
        f"create {resource}" for group, resource in CLUSTER_WIDE
        if not may(context, "create", group, resource, None)
    ]  # fmt: skip
    if refused:
        raise Problem("not allowed: " + ", ".join(refused))


def can(verb: str, group: str, resource: str) -> Callable[[Context], None]:
    """A check that asks for one right in the control plane's namespace."""

    def verify(context: Context) -> None:
        if not may(context, verb, group, resource, context.weft_namespace):
            raise Problem(f"not allowed: {verb} {resource} in namespace {context.weft_namespace}")

    return verify


def may(context: Context, verb: str, group: str, resource: str, namespace: str | None) -> bool:
    """What the API server says of our own rights."""
    attributes = {"verb": verb, "group": group, "resource": resource}
    if namespace is not None:
        attributes["namespace"] = namespace
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": attributes},
    }
    answer = context.cluster.post(ACCESS_REVIEWS.path(), review)
    return bool((answer.get("status") or {}).get("allowed"))


def no_clock_skew(context: Context) -> None:
    """Nodes' heartbeats are near this host's time."""
    now = context.now()
    for node in items(context.cluster, NODES):
        for condition in (node.get("status") or {}).get("conditions") or []:
            beat = condition.get("lastHeartbeatTime")
            if condition.get("type") != "Ready" or not beat:
                continue
            difference = abs(now - datetime.fromisoformat(beat))
            if difference > ALLOWED_SKEW:
                raise Problem(
                    f"node {node['metadata']['name']}: its last heartbeat is {int(difference.total_seconds())} seconds "
                    "from this host's time"
                )


def _right(description: str, verb: str, group: str, resource: str) -> Check:
    return Check(description, "pre-k8s", RIGHTS_ADVICE, can(verb, group, resource))


CATEGORY = Category(
    "pre-kubernetes-setup",
    (
        Check(
            "control plane namespace does not already exist", "pre-ns",
            "If a control plane is there, run `mesh check` without --pre; to make room, delete the namespace or choose another with -L.",
            namespace_is_free,
        ),
        Check(
            "no other namespace has a control plane", "pre-elsewhere",
            "Change the control plane that is there with `mesh upgrade -L NAMESPACE`, or remove it first with `mesh uninstall -L NAMESPACE`.",
            nothing_elsewhere,
        ),
        Check("can create non-namespaced resources", "pre-k8s-cluster-k8s", RIGHTS_ADVICE, can_create_cluster_wide),
        _right("can create ServiceAccounts", "create", "", "serviceaccounts"),
        _right("can create Services", "create", "", "services"),
        _right("can create Deployments", "create", "apps", "deployments"),
        _right("can create ConfigMaps", "create", "", "configmaps"),
        _right("can create Secrets", "create", "", "secrets"),
        _right("can read Secrets", "get", "", "secrets"),
        Check(
            "no clock skew detected", "pre-k8s-clock-skew",
            "Synchronise clocks (NTP) on this host and the nodes: certificates are valid by the clock.",
            no_clock_skew, warning=True,
        ),
    ),
)  # fmt: skip
