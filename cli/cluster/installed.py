"""The control plane as it is installed."""

from dataclasses import dataclass
from typing import Any

from cli.cluster.client import Cluster
from cli.cluster.errors import ClusterError, Forbidden
from cli.cluster.paths import CONFIG_MAPS, SERVICES, VERSION, find, items
from cli.failure import CommandError
from cli.render.yaml_text import YamlError, load_one
from weft import labels
from weft.kubernetes_version import kubernetes_version

CONFIG = "weft-config"
CONFIG_KEY = "values"


@dataclass(frozen=True, slots=True)
class Installed:
    """What ConfigMap `weft-config` says."""

    namespace: str
    values: dict[str, Any]

    @property
    def version(self) -> str:
        """The version that made the installation."""
        return str(self.values.get("version", ""))

    @property
    def trust_anchors(self) -> str:
        """PEM bundle."""
        return str(self.values.get("identityTrustAnchorsPEM", ""))


class BrokenConfig(ClusterError):
    """The ConfigMap is there and cannot be read."""


def read_installed(cluster: Cluster, namespace: str) -> Installed | None:
    """The installation in a namespace, or None. Raises ClusterError."""
    found = find(cluster, CONFIG_MAPS, CONFIG, namespace)
    if found is None:
        return None
    where = f"ConfigMap {namespace}/{CONFIG}"
    text = (found.get("data") or {}).get(CONFIG_KEY)
    if not isinstance(text, str):
        raise BrokenConfig(
            f"{where} has no key {CONFIG_KEY}", hint="Install the control plane anew."
        )
    try:
        values = load_one(text)
    except YamlError as error:
        raise BrokenConfig(f"{where}: {error}", hint="Install the control plane anew.") from None
    if not isinstance(values, dict):
        raise BrokenConfig(f"{where} holds no values", hint="Install the control plane anew.")
    return Installed(namespace, values)


def require_installed(cluster: Cluster, namespace: str, otherwise: str) -> Installed:
    """As `read_installed`, for commands that need one. `otherwise` is what to do where none is known in any other
    namespace. Raises CommandError as well."""
    found = read_installed(cluster, namespace)
    if found is None:
        raise CommandError(
            f"there is no control plane in namespace {namespace}",
            hint=where_instead(cluster, namespace) or otherwise,
        )
    return found


def installed_elsewhere(cluster: Cluster, namespace: str) -> list[str]:
    """Other namespaces that have a control plane, sorted. Raises ClusterError.

    Definitions, webhooks and the tap API have one name in a cluster, and serve one control plane.
    """
    found = items(cluster, CONFIG_MAPS, selector=labels.CONTROL_PLANE_NS_LABEL)
    places = {
        str(one["metadata"]["namespace"]) for one in found if one["metadata"]["name"] == CONFIG
    }
    return sorted(places - {namespace})


def where_instead(cluster: Cluster, namespace: str) -> str:
    """Advice for whom there is no control plane in a namespace; empty when no other is known.

    Who may not look everywhere is told nothing.
    """
    try:
        elsewhere = installed_elsewhere(cluster, namespace)
    except ClusterError:
        return ""
    if not elsewhere:
        return ""
    return f"There is one in namespace {elsewhere[0]}: name it with -L {elsewhere[0]}."


ONE_FOR_ALL = (
    "A cluster has one control plane: definitions, webhooks and the tap API exist once, "
    "and a second would take them over."
)


def server_version(cluster: Cluster) -> tuple[int, int] | None:
    """The API server's (major, minor), or None when it says nothing readable. Raises ClusterError."""
    return kubernetes_version(cluster.get(VERSION))


def api_server_ports(cluster: Cluster) -> list[int]:
    """The ports of Service `kubernetes` and those behind it, where a network plugin may lead a pod at once.

    Who may not read it is told none. Raises ClusterError.
    """
    try:
        service = find(cluster, SERVICES, "kubernetes", "default") or {}
    except Forbidden:
        return []
    ports = (service.get("spec") or {}).get("ports") or []
    numbers = {one.get(key) for one in ports for key in ("port", "targetPort")}
    return sorted(one for one in numbers if isinstance(one, int))
