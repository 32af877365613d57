"""Where control-plane pods run, and how many of them may be missing at a time."""

from cli.manifests.objects import Component, Json, metadata
from cli.manifests.values import Values
from weft import labels

HOST = "kubernetes.io/hostname"
ZONE = "topology.kubernetes.io/zone"


def topology_spread(component: Component) -> list[Json]:
    """Even over zones and nodes where there are several; a wish, so that one node is enough."""
    return [
        {
            "maxSkew": 1,
            "topologyKey": key,
            "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": _pods(component),
        }
        for key in (ZONE, HOST)
    ]


def anti_affinity(component: Component) -> Json:
    """Never two pods of a component on one node, and preferably not in one zone."""
    return {
        "podAntiAffinity": {
            "preferredDuringSchedulingIgnoredDuringExecution": [
                {
                    "weight": 100,
                    "podAffinityTerm": {"labelSelector": _pods(component), "topologyKey": ZONE},
                }
            ],
            "requiredDuringSchedulingIgnoredDuringExecution": [
                {"labelSelector": _pods(component), "topologyKey": HOST}
            ],
        }
    }


def disruption_budget(values: Values, component: Component) -> Json:
    """What draining nodes may take of a component at once."""
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": metadata(values, component.workload, component=component),
        "spec": {
            "maxUnavailable": values.controller.podDisruptionBudget.maxUnavailable,
            "selector": _pods(component),
        },
    }


def _pods(component: Component) -> Json:
    return {"matchLabels": {labels.CONTROL_PLANE_COMPONENT_LABEL: component.name}}
