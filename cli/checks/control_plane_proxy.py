"""weft-control-plane-proxy: the proxies of the control plane's own pods."""

from cli.checks.context import PROXY, Context, Json, proxies_and_containers
from cli.checks.model import Category, Check
from cli.checks.proxies import have_version, healthy, report


def _pods(context: Context) -> list[Json]:
    return context.control_plane_pods()


def every_pod_has_one(context: Context) -> None:
    """No control-plane pod runs without a proxy; the proxies are ready."""
    report(
        [
            f"pod/{pod['metadata']['name']} has no {PROXY} container"
            for pod in _pods(context)
            if all(one["name"] != PROXY for one in proxies_and_containers(pod))
        ]
    )
    healthy(_pods)(context)


CATEGORY = Category(
    "weft-control-plane-proxy",
    (
        Check("control plane proxies are healthy", "l5d-cp-proxy-healthy", "Read the proxy's log: `kubectl -n weft logs POD -c linkerd-proxy`.", every_pod_has_one, retry=True),
        Check("control plane proxies are up-to-date", "l5d-cp-proxy-version", "Restart the control plane: `kubectl -n weft rollout restart deploy`.", have_version(_pods, of_cli=False), warning=True),
        Check("control plane proxies and cli versions match", "l5d-cp-proxy-cli-version", "Install the `mesh` of the control plane's version.", have_version(_pods, of_cli=True), warning=True),
    ),
)  # fmt: skip
