"""The values that `--ha` sets, before the user's own: a control plane that outlives a node.

Three pods of each component on three nodes, replaced one by one, with room reserved for them; and a
webhook that would rather create no pod than one without a proxy.
"""

from typing import Any

SOURCE = "--ha"


def _resources(memory: str, limit: str) -> dict[str, Any]:
    return {"cpu": {"request": "100m"}, "memory": {"request": memory, "limit": limit}}


TREE: dict[str, Any] = {
    "highAvailability": True,
    "controllerReplicas": 3,
    "enablePodAntiAffinity": True,
    "enablePodDisruptionBudget": True,
    "deploymentStrategy": {"rollingUpdate": {"maxUnavailable": 1, "maxSurge": "25%"}},
    "webhookFailurePolicy": "Fail",
    "proxy": {"resources": _resources("50Mi", "250Mi")},
    "identity": {"resources": _resources("100Mi", "250Mi")},
    "destination": {"resources": _resources("100Mi", "500Mi")},
    "proxyInjector": {"resources": _resources("100Mi", "250Mi")},
    "web": {"resources": _resources("100Mi", "500Mi")},
    "tap": {"resources": _resources("100Mi", "250Mi")},
}
