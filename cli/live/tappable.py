"""Which pods can be tapped, by what their proxies were started with. Pure."""

from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Any

from cli.checks.context import (
    PROXY,
    alive,
    pod_annotations,
    pod_name,
    proxies_and_containers,
)
from weft import labels

Json = Mapping[str, Any]
CLIENT = "LINKERD2_PROXY_TAP_SVC_NAME"
"""The variable that says whom a proxy lets watch."""
_YES = ("true", "enabled")


class Tap(Enum):
    """In Linkerd's words."""

    ENABLED = "Pods with tap enabled:"
    DISABLED = "Pods with tap disabled:"
    MISSING = "Pods missing tap configuration (restart these pods to enable tap):"


def sorted_out(
    pods: Iterable[dict[str, Any]], namespaces: Mapping[str, Json]
) -> dict[Tap, list[str]]:
    """Names of meshed pods, in order, by what becomes of a tap. `namespaces` are annotations by name."""
    found: dict[Tap, list[str]] = {kind: [] for kind in Tap}
    for pod in pods:
        proxy = _proxy(pod)
        if proxy is not None and alive(pod):
            around = namespaces.get(pod["metadata"].get("namespace", ""), {})
            found[_state(pod, proxy, around)].append(pod_name(pod))
    return {kind: sorted(names) for kind, names in found.items() if names}


def _state(pod: dict[str, Any], proxy: Json, namespace: Json) -> Tap:
    own = pod_annotations(pod)
    if _says_no(own):
        return Tap.DISABLED
    if any(one.get("name") == CLIENT and one.get("value") for one in proxy.get("env") or ()):
        return Tap.ENABLED
    return Tap.DISABLED if labels.DISABLE_TAP not in own and _says_no(namespace) else Tap.MISSING


def _says_no(annotations: Json) -> bool:
    return str(annotations.get(labels.DISABLE_TAP, "")).lower() in _YES


def _proxy(pod: dict[str, Any]) -> Json | None:
    return next((one for one in proxies_and_containers(pod) if one["name"] == PROXY), None)
