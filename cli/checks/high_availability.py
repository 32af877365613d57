"""weft-ha-checks: does an installation that is meant to outlive a node do so?"""

from cli.checks.context import COMPONENTS, Context
from cli.checks.model import Category, Check
from cli.checks.problem import Problem, Skipped
from cli.cluster.paths import DEPLOYMENTS, find


def multiple_replicas(context: Context) -> None:
    """Every component has more than one pod available. Does not apply unless the values say so."""
    if context.installed().values.get("highAvailability") is not True:
        raise Skipped
    found = []
    for name in COMPONENTS.values():
        deployment = find(context.cluster, DEPLOYMENTS, name, context.weft_namespace) or {}
        available = (deployment.get("status") or {}).get("availableReplicas") or 0
        if available <= 1:
            found.append(f"not enough replicas available for {name}: {available}")
    if found:
        raise Problem("\n".join(found))


CATEGORY = Category(
    "weft-ha-checks",
    (
        Check(
            "multiple replicas of control plane pods", "l5d-control-plane-replicas",
            "Give the cluster nodes for them, or look why the pods do not start: `kubectl -n weft get pods -o wide`.",
            multiple_replicas, retry=True, warning=True,
        ),
    ),
)  # fmt: skip
