"""As much of the Gateway API's definitions as routes of a mesh need: any fields, and a status."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.mesh.cluster import Cluster, Json

GROUP = "gateway.networking.k8s.io"
KINDS = {
    "HTTPRoute": "v1",
    "GRPCRoute": "v1",
    "TLSRoute": "v1alpha2",
    "TCPRoute": "v1alpha2",
}


def install(cluster: Cluster) -> bool:
    """The definitions that are not there; whether any was missing."""
    missing = [kind for kind in KINDS if not cluster.exists("crd", _name(kind))]
    cluster.apply(*(_definition(kind, KINDS[kind]) for kind in missing))
    for kind in missing:
        cluster.kubectl(
            "wait", f"crd/{_name(kind)}", "--for=condition=Established", "--timeout=30s"
        )
    return bool(missing)


def uninstall(cluster: Cluster) -> None:
    cluster.kubectl("delete", "crd", *map(_name, KINDS), "--ignore-not-found")


def _name(kind: str) -> str:
    return f"{kind.lower()}s.{GROUP}"


def _definition(kind: str, version: str) -> Json:
    plural = f"{kind.lower()}s"
    anything = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": f"{plural}.{GROUP}",
            "annotations": {"api-approved.kubernetes.io": "unapproved, a cut for tests"},
        },
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {"kind": kind, "plural": plural, "singular": kind.lower()},
            "versions": [
                {
                    "name": version,
                    "served": True,
                    "storage": True,
                    "subresources": {"status": {}},
                    "schema": {
                        "openAPIV3Schema": {
                            "type": "object",
                            "properties": {"spec": anything, "status": anything},
                        }
                    },
                }
            ],
        },
    }
