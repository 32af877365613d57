"""The mesh itself: its parts, the proxies it has out there, and those that do not answer."""

from collections import Counter
from collections.abc import Iterable, Mapping

from web.pages import rows
from web.pages.components import Component
from web.stats.answer import Answer, answer
from web.stats.backend import Backend
from web.stats.inventory import Inventory, Pod
from web.stats.kinds import Kind
from web.stats.query import Query, Question, Ref


def queries(mesh: str) -> tuple[Query, ...]:
    return (Query(Ref(Kind.DEPLOYMENT, mesh)),)


async def control_plane(
    inventory: Inventory,
    backend: Backend,
    components: Iterable[Component],
    failing: Mapping[str, str],
) -> tuple[Answer, rows.Json]:
    """`failing`: why a proxy's metrics cannot be read, by `namespace/pod`. Raises BackendError."""
    found = await answer(
        Question(Kind.DEPLOYMENT.value, inventory.mesh, tcp=True), inventory, backend
    )
    meshed = [pod for pod in inventory.pods() if pod.meshed and not pod.is_done]
    versions = Counter(pod.proxy_version for pod in meshed)
    return found, {
        "components": [_component(one) for one in components],
        "rows": [rows.row(one) for one in found.rows],
        "proxies": [
            {"version": version, "pods": count} for version, count in sorted(versions.items())
        ],
        "failing": [{"pod": pod, "reason": why} for pod, why in sorted(failing.items())],
    }


def _component(found: Component) -> rows.Json:
    return {
        "name": found.name,
        "downSince": found.down_since,
        "consequence": found.consequence,
        "pods": [_pod(pod) for pod in found.pods],
    }


def _pod(pod: Pod) -> rows.Json:
    """Moments in epoch seconds."""
    return {
        "name": pod.key.name,
        "status": pod.status,
        "ready": pod.ready,
        "restarts": pod.restarts,
        "started": pod.started,
        "version": _version(pod.images),
        "proxyVersion": pod.proxy_version,
    }


def _version(images: tuple[str, ...]) -> str:
    """The tag of the first image that has one."""
    for image in images:
        name, colon, tag = image.partition("@")[0].rpartition(":")
        if colon and name and "/" not in tag:
            return tag
    return ""
