"""A cluster that answers from a dictionary of paths, and helpers that fill it."""

from typing import Any

from cli.checks.context import COMPONENTS
from cli.cluster.errors import NotFound
from cli.manifests.credentials import Credentials
from cli.manifests.install import control_plane, definitions, with_anchors
from cli.manifests.values import Values
from weft import labels

Json = dict[str, Any]
PREFIXES = {"v1": "/api/v1"}
CLUSTER_WIDE = {
    "Namespace", "Node", "ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition", "MutatingWebhookConfiguration",
    "ValidatingWebhookConfiguration", "APIService",
}  # fmt: skip
PLURALS = {
    f"{kind}WebhookConfiguration": f"{kind.lower()}webhookconfigurations"
    for kind in ("Mutating", "Validating")
}


class FakeCluster:
    """Objects by path; collections are the paths below."""

    def __init__(self) -> None:
        self.objects: dict[str, Json] = {
            "/version": {"major": "1", "minor": "34", "gitVersion": "v1.34.0"}
        }
        self.refused: set[tuple[str, str]] = set()
        """(verb, resource) that access reviews refuse."""
        self.asked: list[str] = []

    def get(self, path: str, **query: str) -> Json:
        self.asked.append(path)
        if path in self.objects:
            return self.objects[path]
        collection = path.rpartition("/")[2]
        if collection.islower() and not path.endswith(".io") and collection.endswith("s"):
            return {"items": self._below(path, collection, query.get("labelSelector", ""))}
        raise NotFound(404, f"{path} not found")

    def _below(self, path: str, collection: str, selector: str) -> list[Json]:
        prefix = path.split("/namespaces/")[0].removesuffix(f"/{collection}")
        return [
            found
            for at, found in self.objects.items()
            if at.startswith(f"{prefix}/")
            and at.split("/")[-2] == collection
            and (at.startswith(f"{path}/") or "/namespaces/" not in path)
            and _selects(selector, found["metadata"].get("labels") or {})
        ]

    def post(self, path: str, body: Json) -> Json:
        self.asked.append(path)
        attributes = body["spec"]["resourceAttributes"]
        return {
            "status": {"allowed": (attributes["verb"], attributes["resource"]) not in self.refused}
        }

    def put(self, manifest: Json) -> Json:
        """Stores an object where the API server would."""
        version, kind, metadata = manifest["apiVersion"], manifest["kind"], manifest["metadata"]
        self.objects[where(version, kind, metadata.get("namespace"), metadata["name"])] = manifest
        return manifest

    def remove(self, kind: str, name: str) -> None:
        """Forgets objects of a kind and name."""
        for path, found in list(self.objects.items()):
            if found.get("kind") == kind and found["metadata"]["name"] == name:
                del self.objects[path]


def _selects(selector: str, labels: Json) -> bool:
    """`name=value` and `name` alone, separated by commas."""
    terms = [one.partition("=") for one in selector.split(",") if one]
    return all(
        name in labels and (not equals or labels[name] == value) for name, equals, value in terms
    )


def where(version: str, kind: str, namespace: str | None, name: str) -> str:
    prefix = PREFIXES.get(version, f"/apis/{version}")
    plural = kind.lower() + ("ies" if kind.endswith("y") else "s")
    place = f"/namespaces/{namespace}" if namespace and kind not in CLUSTER_WIDE else ""
    return f"{prefix}{place}/{plural}/{name}"


def install(cluster: FakeCluster, credentials: Credentials, **values: Any) -> Values:
    """A healthy installation, its pods running."""
    stored = with_anchors(Values(**values), credentials)
    for manifest in [*definitions(stored), *control_plane(stored, credentials)]:
        cluster.put(manifest)
        if manifest["kind"] == "Deployment":
            manifest["status"] = {"readyReplicas": 1}
            template = manifest["spec"]["template"]
            cluster.put(running_pod(template, f"{manifest['metadata']['name']}-1", "weft"))
    return stored


def running_pod(template: Json, name: str, namespace: str) -> Json:
    """A pod of a template with every container ready."""
    spec = template["spec"]
    native = [one for one in spec.get("initContainers", []) if one.get("restartPolicy") == "Always"]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {**template["metadata"], "name": name, "namespace": namespace},
        "spec": spec,
        "status": {
            "phase": "Running",
            "podIP": "10.244.0.9",
            "initContainerStatuses": [{"name": one["name"], "ready": True} for one in native],
            "containerStatuses": [
                {"name": one["name"], "ready": True} for one in spec["containers"]
            ],
        },
    }


def meshed_pod(name: str, version: str, namespace: str = "shop", **annotations: str) -> Json:
    """An application's pod with a proxy."""
    template = {
        "metadata": {
            "labels": {labels.CONTROL_PLANE_NS_LABEL: "weft", "app": "web"},
            "annotations": {labels.PROXY_VERSION_STAMP: version, **annotations},
        },
        "spec": {
            "initContainers": [{"name": "linkerd-proxy", "restartPolicy": "Always"}],
            "containers": [{"name": "web"}],
        },
    }
    return running_pod(template, name, namespace)


def pod_of(cluster: FakeCluster, component: str) -> Json:
    """The pod of a component."""
    return cluster.objects[f"/api/v1/namespaces/weft/pods/{COMPONENTS[component]}-1"]
