"""Questions about proxies that are asked of the control plane's and of applications' alike."""

from collections.abc import Callable

from cli.checks.context import PROXY, Context, Json, not_ready, pod_annotations, pod_name
from cli.checks.problem import Problem
from weft import labels
from weft.version import VERSION

Pods = Callable[[Context], list[Json]]
SHOWN = 10


def healthy(pods: Pods) -> Callable[[Context], None]:
    """Every proxy container is ready."""

    def verify(context: Context) -> None:
        report([sentence for pod in pods(context) for sentence in not_ready(pod, only=PROXY)])

    return verify


def have_version(pods: Pods, *, of_cli: bool) -> Callable[[Context], None]:
    """Every proxy has the expected version, or this command's."""

    def verify(context: Context) -> None:
        wanted = VERSION if of_cli else context.expected_version
        found = []
        for pod in pods(context):
            stamp = pod_annotations(pod).get(labels.PROXY_VERSION_STAMP, "unknown")
            if stamp != wanted:
                found.append(f"{pod_name(pod)} ({stamp})")
        if found:
            head = f"some proxies do not run version {wanted}:"
            report([head, *(f"* {one}" for one in found)])

    return verify


def report(lines: list[str]) -> None:
    """Raises Problem with the first lines, if there are any."""
    if lines:
        more = [f"and {len(lines) - SHOWN} more"] if len(lines) > SHOWN else []
        raise Problem("\n".join(lines[:SHOWN] + more))
