"""All pods and namespaces as the watches told them, each judged once, and again when its namespace or the
installation changes. Of objects only what the judgement reads is kept."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from kit.kube.objects import Key, Object, annotations, key, labels, mapping, metadata, spec, status
from proxy_injector.decide import has_sidecar
from proxy_injector.defaults import Installation
from proxy_injector.owners import controller_of
from proxy_injector.pod import MalformedObject
from proxy_injector.unmeshed.find import Unmeshed, find_unmeshed, never_sent
from proxy_injector.unmeshed.plan import Pod

KEPT_OF_METADATA = ("name", "namespace", "uid", "labels", "annotations", "ownerReferences")
KEPT_OF_CONTAINERS = (
    *("name", "image", "ports", "restartPolicy"),
    *("livenessProbe", "readinessProbe", "startupProbe"),
)
OVER = ("Succeeded", "Failed")


class Picture:
    """Follows the watches."""

    def __init__(self, installed: Installation) -> None:
        self._installed = installed
        self._namespaces: dict[str, Object] = {}
        self._pods: dict[Key, Pod] = {}
        self._without: dict[Key, Object] = {}
        """Pods that have no sidecar, as far as they are judged by."""

    def pods(self) -> Iterator[Pod]:
        """All that are neither over nor being deleted."""
        return iter(self._pods.values())

    def install(self, installed: Installation) -> bool:
        """Judges by other values of the installation; whether they are others."""
        if installed == self._installed:
            return False
        self._installed = installed
        self._judge(list(self._without))
        return True

    def put_namespace(self, obj: Object) -> None:
        """A namespace that is there now, new or changed."""
        name = key(obj).name
        kept = {
            "metadata": {
                "name": name,
                "labels": dict(labels(obj)),
                "annotations": dict(annotations(obj)),
            }
        }
        if self._namespaces.get(name) != kept:
            self._namespaces[name] = kept
            self._judge([one for one in self._without if one.namespace == name])

    def remove_namespace(self, at: Key) -> None:
        """A namespace that is gone."""
        self._namespaces.pop(at.name, None)

    def put_pod(self, obj: Object) -> None:
        """A pod that is there now, new or changed."""
        at = key(obj)
        meta, state = metadata(obj), status(obj)
        if state.get("phase") in OVER or meta.get("deletionTimestamp"):
            self.remove_pod(at)
            return
        try:
            sidecar = has_sidecar(spec(obj))
            owner = controller_of(meta)
        except MalformedObject:
            return
        if sidecar:
            self._without.pop(at, None)
        else:
            self._without[at] = _trimmed(obj)
        pod = Pod(at.namespace, at.name, str(meta.get("uid") or ""), owner, _is_ready(state))
        self._pods[at] = _found(pod, self._unmeshed(at))

    def remove_pod(self, at: Key) -> None:
        """A pod that is gone."""
        self._pods.pop(at, None)
        self._without.pop(at, None)

    def _judge(self, places: list[Key]) -> None:
        for at in places:
            self._pods[at] = _found(self._pods[at], self._unmeshed(at))

    def _unmeshed(self, at: Key) -> Unmeshed | None:
        """None also where the namespace is not known yet, is the mesh's own, or is one whose pods the webhook
        is not asked about: somebody wants it so."""
        namespace = self._namespaces.get(at.namespace)
        pod = self._without.get(at)
        if pod is None or namespace is None or at.namespace == self._installed.mesh.namespace:
            return None
        if never_sent(namespace, self._installed):
            return None
        return find_unmeshed(pod, namespace, self._installed)


def _found(pod: Pod, found: Unmeshed | None) -> Pod:
    return replace(pod, unmeshed=found is not None, against=found.against if found else "")


def _trimmed(obj: Object) -> Object:
    meta, described = metadata(obj), spec(obj)
    return {
        "metadata": {name: meta[name] for name in KEPT_OF_METADATA if name in meta},
        "spec": {
            "hostNetwork": described.get("hostNetwork"),
            **{
                name: [_container(one) for one in described.get(name) or []]
                for name in ("containers", "initContainers")
            },
        },
    }


def _container(raw: Mapping[str, Any]) -> Object:
    return {name: raw[name] for name in KEPT_OF_CONTAINERS if name in raw}


def _is_ready(state: Mapping[str, Any]) -> bool:
    return any(
        mapping(one).get("type") == "Ready" and mapping(one).get("status") == "True"
        for one in state.get("conditions") or []
    )
