"""Objects that are there for as long as a test needs them."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tests.mesh.workloads import NAMESPACE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.mesh.cluster import Cluster, Json


def policy(kind: str, version: str, name: str, *, home: str = NAMESPACE, **spec: Any) -> Json:
    """An object of `policy.linkerd.io`."""
    return {
        "apiVersion": f"policy.linkerd.io/{version}",
        "kind": kind,
        "metadata": {"name": name, "namespace": home},
        "spec": spec,
    }


@contextmanager
def applied(cluster: Cluster, *objects: Json) -> Iterator[None]:
    """Deletes them at the end."""
    cluster.apply(*objects)
    try:
        yield
    finally:
        for one in objects:
            group, versioned, _ = one["apiVersion"].partition("/")
            kind, about = f"{one['kind']}.{group}" if versioned else one["kind"], one["metadata"]
            cluster.kubectl("delete", kind, about["name"], "-n", about["namespace"])
