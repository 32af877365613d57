"""kubernetes-api and kubernetes-version: can we talk to the cluster, and is it new enough?"""

from cli.checks.context import Context
from cli.checks.model import Category, Check
from cli.checks.problem import Problem
from cli.cluster.installed import server_version
from cli.cluster.paths import VERSION

MINIMUM = (1, 31)


def can_initialize(context: Context) -> None:
    """A kubeconfig or service account is usable."""
    _ = context.cluster


def can_query(context: Context) -> None:
    """The API server answers."""
    context.cluster.get(VERSION)


def minimum_version(context: Context) -> None:
    """The API server is as new as the mesh needs."""
    found = server_version(context.cluster)
    if found is None:
        raise Problem("the API server does not say its version")
    if found < MINIMUM:
        raise Problem(
            f"Kubernetes is {found[0]}.{found[1]}, and {MINIMUM[0]}.{MINIMUM[1]} or newer is needed"
        )


API = Category(
    "kubernetes-api",
    (
        Check(
            "can initialize the client", "k8s-api",
            "Start a cluster on this host with `mesh sandbox up`, or name yours with --kubeconfig or $KUBECONFIG.",
            can_initialize, fatal=True,
        ),
        Check(
            "can query the Kubernetes API", "k8s-api",
            "See that the cluster runs and that this host reaches it: `kubectl cluster-info` asks the same.",
            can_query, fatal=True,
        ),
    ),
)  # fmt: skip

VERSION_CATEGORY = Category(
    "kubernetes-version",
    (
        Check(
            "is running the minimum Kubernetes API version", "k8s-version",
            "Upgrade the cluster.", minimum_version,
        ),
    ),
)  # fmt: skip
