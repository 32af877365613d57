"""What can go wrong between the CLI and a cluster.

::

    ClusterError
    ├── NoCluster      no usable kubeconfig
    ├── NoContext      the kubeconfig does not have the chosen context
    ├── Unreachable    the API server gave no answer
    └── ApiError       the API server answered with an error; has `status`
        ├── Forbidden  401, 403
        └── NotFound   404
"""

from collections.abc import Sequence

from cli.failure import CommandError

NO_CLUSTER_HINT = (
    "Start one on this host with `mesh sandbox up`, or name yours with --kubeconfig or $KUBECONFIG."
)


class ClusterError(CommandError):
    """Anything that kept the CLI from an answer of the Kubernetes API."""


class NoCluster(ClusterError):
    """Nothing says where a cluster is."""

    def __init__(self, message: str) -> None:
        super().__init__(message, hint=NO_CLUSTER_HINT)


class NoContext(ClusterError):
    """The kubeconfig has no context of the chosen name."""

    def __init__(self, name: str, path: str, known: Sequence[str]) -> None:
        super().__init__(
            f"there is no context {name} in the kubeconfig {path}",
            hint=f"It has: {', '.join(known)}.",
        )


class Unreachable(ClusterError):
    """The API server did not answer."""

    def __init__(self, server: str, why: str) -> None:
        super().__init__(
            f"cannot reach the Kubernetes API at {server}: {why}",
            hint="Is the cluster running? `kubectl cluster-info` asks the same; `mesh sandbox status` for the sandbox.",
        )


class ApiError(ClusterError):
    """An answer that is an error."""

    def __init__(self, status: int, message: str, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.status = status


class Forbidden(ApiError):
    """Who we are may not do this."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(
            status, message, hint="Use a kubeconfig, context or --as with more rights."
        )


class NotFound(ApiError):
    """There is no such object, or no such kind of object."""


def from_answer(status: int, message: str) -> ApiError:
    """The error of an HTTP status and the message of its `Status` object."""
    if status == 404:
        return NotFound(status, message)
    if status in (401, 403):
        return Forbidden(status, message)
    return ApiError(status, message)
