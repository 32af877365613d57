"""Discovery: which groups, versions and resources are served. Pure, from the registry.

Two forms: the old one, a document per version, and the aggregated one kubectl asks for
(`apidiscovery.k8s.io/v2`), everything in one answer.
"""

import ipaddress
from collections.abc import Iterable

from sandbox.apiserver.kinds import Kind, Registry
from sandbox.apiserver.objects import Obj

GIT_VERSION = "v1.34.0"
VERSION: Obj = {
    "major": "1",
    "minor": "34",
    "emulationMajor": "1",
    "emulationMinor": "34",
    "minCompatibilityMajor": "1",
    "minCompatibilityMinor": "33",
    "gitVersion": GIT_VERSION,
    "gitCommit": "",
    "gitTreeState": "clean",
    "buildDate": "2025-08-27T00:00:00Z",
    "goVersion": "go1.24.6",
    "compiler": "gc",
    "platform": "linux/amd64",
}
"""What `/version` says: the Kubernetes whose behaviour is imitated."""

AGGREGATED_TYPE = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
_READ_WRITE = ("get", "patch", "update")
_SUBRESOURCE_VERBS: dict[str, tuple[str, ...]] = {
    "log": ("get",),
    "exec": ("create", "get"),
    "attach": ("create", "get"),
    "portforward": ("create", "get"),
    "proxy": ("create", "delete", "get", "patch", "update"),
    "eviction": ("create",),
    "binding": ("create",),
    "token": ("create",),
    "finalize": ("update",),
}
_RESPONSE_KINDS: dict[str, tuple[str, str, str]] = {
    "scale": ("autoscaling", "v1", "Scale"),
    "eviction": ("policy", "v1", "Eviction"),
    "binding": ("", "v1", "Binding"),
    "token": ("authentication.k8s.io", "v1", "TokenRequest"),
    "exec": ("", "v1", "PodExecOptions"),
    "attach": ("", "v1", "PodAttachOptions"),
    "portforward": ("", "v1", "PodPortForwardOptions"),
}


def response_kind(kind: Kind, subresource: str) -> tuple[str, str, str]:
    """(group, version, kind) of what a subresource speaks."""
    if subresource == "proxy":
        return ("", "v1", f"{kind.kind}ProxyOptions")
    return _RESPONSE_KINDS.get(subresource, (kind.group, kind.version, kind.kind))


def legacy_versions(address: str) -> Obj:
    """`/api`"""
    return {
        "kind": "APIVersions",
        "versions": ["v1"],
        "serverAddressByClientCIDRs": [
            {"clientCIDR": str(ipaddress.IPv4Network("0.0.0.0/0")), "serverAddress": address}
        ],
    }


def group_list(registry: Registry) -> Obj:
    """`/apis`"""
    groups = [_group(name, versions) for name, versions in registry.groups().items() if name]
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}


def group(registry: Registry, name: str) -> Obj | None:
    """`/apis/GROUP`; None when there is no such group."""
    versions = registry.groups().get(name)
    if not name or versions is None:
        return None
    return {"kind": "APIGroup", "apiVersion": "v1", **_group(name, versions)}


def _group(name: str, versions: list[str]) -> Obj:
    listed = [{"groupVersion": f"{name}/{version}", "version": version} for version in versions]
    return {"name": name, "versions": listed, "preferredVersion": listed[0]}


def resource_list(registry: Registry, group_name: str, version: str) -> Obj | None:
    """`/api/v1`, `/apis/GROUP/VERSION`; None when it is not served."""
    kinds = registry.in_version(group_name, version)
    if not kinds:
        return None
    resources: list[Obj] = []
    for kind in kinds:
        resources.append(_resource(kind))
        resources += [_subresource(kind, name) for name in sorted(kind.subresources)]
    api_version = f"{group_name}/{version}" if group_name else version
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": api_version,
        "resources": resources,
    }


_CUSTOM_VERBS = ("delete", "deletecollection", "get", "list", "patch", "create", "update", "watch")
"""The same verbs as everywhere, in the order in which the real server says them."""


def _resource(kind: Kind) -> Obj:
    entry: Obj = {
        "name": kind.plural,
        "singularName": kind.singular,
        "namespaced": kind.namespaced,
        "kind": kind.kind,
        "verbs": list(_CUSTOM_VERBS if kind.custom else kind.verbs),
    }
    if kind.short_names:
        entry["shortNames"] = list(kind.short_names)
    if kind.categories:
        entry["categories"] = list(kind.categories)
    return entry


def _subresource(kind: Kind, name: str) -> Obj:
    group_name, version, spoken = response_kind(kind, name)
    entry: Obj = {
        "name": f"{kind.plural}/{name}",
        "singularName": "",
        "namespaced": kind.namespaced,
        "kind": spoken,
        "verbs": list(_SUBRESOURCE_VERBS.get(name, _READ_WRITE)),
    }
    if (group_name, version) != (kind.group, kind.version):
        entry |= {"group": group_name, "version": version}
    return entry


def aggregated(registry: Registry, *, core: bool) -> Obj:
    """The aggregated form of `/api` (`core`) or `/apis`."""
    items = [
        {
            "metadata": {"name": name} if name else {},
            "versions": [
                _aggregated_version(version, registry.in_version(name, version))
                for version in versions
            ],
        }
        for name, versions in registry.groups().items()
        if (not name) is core
    ]
    return {
        "kind": "APIGroupDiscoveryList",
        "apiVersion": "apidiscovery.k8s.io/v2",
        "metadata": {},
        "items": items,
    }


def _aggregated_version(version: str, kinds: Iterable[Kind]) -> Obj:
    return {
        "version": version,
        "resources": [_aggregated_resource(kind) for kind in kinds],
        "freshness": "Current",
    }


def _aggregated_resource(kind: Kind) -> Obj:
    entry: Obj = {
        "resource": kind.plural,
        "responseKind": {"group": kind.group, "version": kind.version, "kind": kind.kind},
        "scope": "Namespaced" if kind.namespaced else "Cluster",
        "singularResource": kind.singular,
        "verbs": list(kind.verbs),
    }
    if kind.short_names:
        entry["shortNames"] = list(kind.short_names)
    if kind.categories:
        entry["categories"] = list(kind.categories)
    if kind.subresources:
        entry["subresources"] = [
            _aggregated_subresource(kind, one) for one in sorted(kind.subresources)
        ]
    return entry


def _aggregated_subresource(kind: Kind, name: str) -> Obj:
    group_name, version, spoken = response_kind(kind, name)
    return {
        "subresource": name,
        "responseKind": {"group": group_name, "version": version, "kind": spoken},
        "verbs": list(_SUBRESOURCE_VERBS.get(name, _READ_WRITE)),
    }
