"""Whether a pod that is to end, as a Job's is, will: a classic sidecar keeps on running beside it.

A native sidecar is stopped by the kubelet when the pod's own containers are over. The proxy also ends when
it is asked to by `POST /shutdown`, where that is enabled. Nobody asks a debug container.
"""

from collections.abc import Mapping
from typing import Any

from proxy_injector.defaults import ProxySettings
from weft import labels

RUN_TO_AN_END = ("Never", "OnFailure")
"""`restartPolicy` of pods that are to end; a Job allows no other."""
ANSWER = (
    f'use native sidecars ({labels.PROXY_ENABLE_NATIVE_SIDECAR}: "true", from Kubernetes 1.29 on)'
)
PROXY_STAYS = (
    "the pod will not end by itself, because its proxy is no native sidecar and goes on running: "
    f'{ANSWER}, or set {labels.PROXY_ADMIN_SHUTDOWN}: "enabled" and POST /shutdown to the admin port at the end'
)
DEBUG_STAYS = (
    "the pod will not end by itself, because its debug container is no native sidecar and goes on running: "
    f"{ANSWER}, or take away {labels.ENABLE_DEBUG_SIDECAR}"
)


def never_ends(spec: Mapping[str, Any], settings: ProxySettings, *, native: bool) -> str:
    """Why a pod with this spec and a sidecar of this kind never ends, and what helps; empty when it ends, or
    is to run for ever."""
    if native or spec.get("restartPolicy") not in RUN_TO_AN_END:
        return ""
    if settings.debug:
        return DEBUG_STAYS
    return "" if settings.shutdown_endpoint else PROXY_STAYS
