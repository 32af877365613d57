"""What an answer needs from the outside: the namespace, the owner, the server's version, the values.

Namespaces and owners are asked for when they are needed instead of being watched: a pod is created
once, often right after its namespace was annotated, and must not be judged by what a watch saw before.
"""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import yaml

from kit.kube import errors
from kit.kube.client import Client
from kit.kube.objects import NAMESPACES, PODS, annotations, metadata
from proxy_injector import defaults
from proxy_injector.defaults import Installation, ValuesError
from proxy_injector.owners import INTERMEDIATE, OWNERS, Parent, controller_of
from weft.kubernetes_version import kubernetes_version

log = logging.getLogger(__name__)

REMEMBERED = 4096


class World(Protocol):
    """What the webhook asks."""

    @property
    def installation(self) -> Installation:
        """The values in force."""

    @property
    def native_available(self) -> bool:
        """Whether the API server has native sidecars."""

    async def namespace_annotations(self, name: str) -> Mapping[str, str]:
        """Raises KubeError."""

    async def parent(self, namespace: str, pod_metadata: Mapping[str, Any]) -> Parent:
        """Raises KubeError."""


class KubernetesWorld:
    """The world behind an API server and a mounted ConfigMap."""

    def __init__(self, client: Client, installation: Installation, native_available: bool) -> None:
        self._client = client
        self.installation = installation
        self.native_available = native_available
        self._parents: dict[str, Parent] = {}

    async def namespace_annotations(self, name: str) -> Mapping[str, str]:
        """Annotations of the namespace; none when it is gone. Raises KubeError."""
        try:
            return annotations(await self._client.get(NAMESPACES, name))
        except errors.NotFound:
            return {}

    async def parent(self, namespace: str, pod_metadata: Mapping[str, Any]) -> Parent:
        """The workload above the pod: a ReplicaSet's Deployment, a Job's CronJob. Raises KubeError."""
        owner = controller_of(pod_metadata)
        if owner is None:
            name = pod_metadata.get("name") or pod_metadata.get("generateName") or ""
            return Parent(PODS.kind, str(name).rstrip("-"))
        return await self.above(namespace, owner)

    async def above(self, namespace: str, owner: Parent) -> Parent:
        """The workload a pod's controller belongs to, or the controller itself. Raises KubeError."""
        if owner.kind not in INTERMEDIATE:
            return owner
        known = self._parents.get(owner.uid)
        if known is None:
            known = await self._look_above(namespace, owner)
            if len(self._parents) >= REMEMBERED:
                self._parents.pop(next(iter(self._parents)))
            if owner.uid:
                self._parents[owner.uid] = known
        return known

    async def _look_above(self, namespace: str, owner: Parent) -> Parent:
        try:
            found = await self._client.get(OWNERS[owner.kind], owner.name, namespace)
        except errors.NotFound:
            return owner
        return controller_of(metadata(found)) or owner


def read_installation(path: Path) -> Installation:
    """The installation's values. Raises ValuesError."""
    try:
        tree = yaml.safe_load(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ValuesError(f"cannot read the mesh's values from {path}: {error}") from error
    if not isinstance(tree, dict):
        raise ValuesError(f"the mesh's values in {path} are not keys and values")
    return defaults.read_installation(tree)


async def server_version(client: Client) -> tuple[int, int] | None:
    """The API server's (major, minor). Raises KubeError."""
    return kubernetes_version(await client.request("GET", "/version"))
