"""Lists: selectors, pages, versions, tables, metadata alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.kubernetes_api.api import METADATA_ONLY, TABLE
from tests.kubernetes_api.samples import config_map, deployment, job, pod, service, workload

if TYPE_CHECKING:
    from tests.kubernetes_api.api import Api
    from tests.mesh.cluster import Cluster

TIERS = {"a": {"tier": "front", "x": "1"}, "b": {"tier": "back"}, "c": {"tier": "front"}, "d": {}}

LABELS = (
    "tier=front", "tier==front", "tier!=front", "tier", "!tier", "tier in (front,back)",
    "tier in (front)", "tier notin (front)", "tier=front,x=1", "tier=front,!x", "x>0", "x<1", "tier=",
    "tier in ()", "tier in", "a b", "=", "tier=a b", "/a=b", ",",
)  # fmt: skip


@pytest.mark.parametrize("selector", LABELS)
def test_by_labels(api: Api, selector: str) -> None:
    for name, labels in TIERS.items():
        api.quietly("POST", "configmaps", config_map(name, labels=labels))
    answer = api.quietly("GET", "configmaps", query={"labelSelector": selector})
    if answer.code == 200:
        said = [name for name in answer.names if name != "kube-root-ca.crt"]
    else:
        said = answer.body["reason"]
    api.transcript.note(selector, answer.code, said)


FIELDS = (
    ("configmaps", "metadata.name=a"), ("configmaps", "metadata.name!=a"), ("configmaps", "data.a=1"),
    ("pods", "status.phase=Pending"), ("pods", "status.phase!=Pending"), ("pods", "spec.nodeName="),
    ("pods", "spec.restartPolicy=Always"), ("pods", "spec.serviceAccountName=default"),
    ("pods", "metadata.name=a,status.phase=Pending"), ("pods", "spec.containers=x"), ("pods", "status.podIP="),
    ("pods", "spec.hostNetwork=false"), ("pods", "spec.schedulerName=default-scheduler"),
    ("secrets", "type=Opaque"), ("secrets", "type!=Opaque"), ("deployments", "metadata.name=a"),
    ("deployments", "status.replicas=0"), ("services", "spec.clusterIP=None"), ("services", "spec.type=ClusterIP"),
    ("configmaps", "metadata.name"),
)  # fmt: skip


@pytest.mark.parametrize(("plural", "selector"), FIELDS)
def test_by_fields(api: Api, plural: str, selector: str) -> None:
    api.quietly("POST", "pods", pod("a"))
    api.quietly("POST", "pods", pod("b"))
    for plain in ("configmaps", "secrets"):
        api.quietly("POST", plain, config_map("a"))
    api.quietly("POST", "services", service("a", clusterIP="None"))
    answer = api.quietly("GET", plural, query={"fieldSelector": selector})
    if answer.code == 200:
        said = [name for name in answer.names if name != "kube-root-ca.crt"]
    else:
        said = answer.body
    api.transcript.note(f"{plural} {selector}", answer.code, said)


def test_events_by_fields(api: Api) -> None:
    for name, kind in (("one", "Pod"), ("two", "Node")):
        about = {"kind": kind, "name": name, "namespace": api.namespace}
        made = api.quietly(
            "POST", "events", {"metadata": {"name": name}, "involvedObject": about, "reason": kind}
        )
        assert made.code == 201, made.body
    for selector in (
        "involvedObject.kind=Pod",
        "involvedObject.name=two",
        "reason=Node",
        "type=Normal",
        "reason!=Node",
    ):
        answer = api.quietly("GET", "events", query={"fieldSelector": selector})
        api.transcript.note(selector, answer.code, answer.names)


def test_pages(api: Api) -> None:
    for number in range(5):
        api.quietly("POST", "configmaps", config_map(f"m{number}", labels={"paged": "yes"}))
    query = {"limit": "2", "labelSelector": "paged=yes"}
    names, versions = [], set()
    for _ in range(3):
        page = api.quietly("GET", "configmaps", query=query)
        names.append(page.names)
        versions.add(page.version)
        query["continue"] = page.body["metadata"].get("continue", "")
    assert names == [["m0", "m1"], ["m2", "m3"], ["m4"]]
    assert query["continue"] == ""
    assert len(versions) == 1, "pages are of one moment"


def test_pages_tell_how_many_remain(api: Api) -> None:
    for number in range(4):
        api.quietly("POST", "secrets", config_map(f"m{number}"))
    for query in ({"limit": "1"}, {"limit": "4"}, {"limit": "9"}, {"limit": "0"}):
        meta = api.quietly("GET", "secrets", query=query).body["metadata"]
        api.transcript.note(str(query), None, [meta.get("remainingItemCount"), "continue" in meta])


def test_a_page_shows_its_own_moment(api: Api) -> None:
    for number in range(3):
        api.quietly("POST", "secrets", config_map(f"m{number}"))
    first = api.quietly("GET", "secrets", query={"limit": "1"})
    api.quietly("POST", "secrets", config_map("m1a"))
    api.quietly("DELETE", "secrets/m2")
    rest = api.quietly("GET", "secrets", query={"continue": first.body["metadata"]["continue"]})
    assert rest.names == ["m1", "m2"]
    assert rest.version == first.version


def test_versions_of_lists(api: Api) -> None:
    made = api.quietly("POST", "secrets", config_map("one"))
    api.quietly("POST", "secrets", config_map("two"))
    exact = {"resourceVersion": made.version, "resourceVersionMatch": "Exact"}
    for query in (
        {"resourceVersion": "0"},
        {"resourceVersion": made.version},
        {"resourceVersion": made.version, "resourceVersionMatch": "NotOlderThan"},
        exact,
    ):
        found = api.quietly("GET", "secrets", query=query)
        api.transcript.note(query.get("resourceVersionMatch", "any"), found.code, found.names)
    for query in (
        {"resourceVersionMatch": "Exact"},
        {"resourceVersion": "0", "resourceVersionMatch": "Exact"},
        {"resourceVersion": "x"},
        {"resourceVersion": "1", "resourceVersionMatch": "Roughly"},
        {"continue": "nonsense"},
        {"limit": "many"},
        {"resourceVersion": "5", "continue": "x"},
    ):
        found = api.quietly("GET", "secrets", query=query)
        api.transcript.note(str(query), found.code, found.body.get("reason"))


TABLES = {
    "pods": pod("one", schedulerName="nobody"),
    "deployments": deployment(paused=True, replicas=0),
    "replicasets": workload("web", replicas=0),
    "statefulsets": workload("web", replicas=0, serviceName="web"),
    "daemonsets": workload("web"),
    "jobs": job(suspend=True),
    "services": service(),
    "configmaps": config_map("one", a="1"),
    "secrets": config_map("one", a="MQ=="),
    "serviceaccounts": {"metadata": {"name": "one"}},
    "endpointslices": {"metadata": {"name": "one"}, "addressType": "IPv4", "endpoints": [{"addresses": ["10.1.2.3"]}], "ports": [{"port": 80}]},
    "networkpolicies": {"metadata": {"name": "one"}, "spec": {"podSelector": {"matchLabels": {"a": "b"}}}},
    "ingresses": {"metadata": {"name": "one"}, "spec": {"rules": [{"host": "x.example", "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": {"service": {"name": "web", "port": {"number": 80}}}}]}}]}},
    "poddisruptionbudgets": {"metadata": {"name": "one"}, "spec": {"minAvailable": 1, "selector": {"matchLabels": {"a": "b"}}}},
    "cronjobs": {"metadata": {"name": "one"}, "spec": {"schedule": "0 0 1 1 *", "suspend": True, "jobTemplate": {"spec": job()["spec"]}}},
    "roles": {"metadata": {"name": "one"}, "rules": []},
    "rolebindings": {"metadata": {"name": "one"}, "roleRef": {"kind": "Role", "name": "r", "apiGroup": "rbac.authorization.k8s.io"}},
    "leases": {"metadata": {"name": "one"}, "spec": {"holderIdentity": "me"}},
}  # fmt: skip


@pytest.mark.parametrize("plural", TABLES)
def test_tables_of(api: Api, cluster: Cluster, plural: str) -> None:
    made = api.quietly("POST", plural, TABLES[plural])
    assert made.code == 201, made.body
    path = f"{plural}/{made.body['metadata']['name']}"
    if plural == "jobs":
        _await_suspension(api, cluster, path)
    found = api.quietly("GET", path, accept=TABLE)
    columns = [
        {name: one[name] for name in ("name", "type", "format", "priority")}
        for one in found.body["columnDefinitions"]
    ]
    (row,) = found.body["rows"]
    api.transcript.note(
        f"GET {plural} as a table",
        found.code,
        {"columns": columns, "cells": row["cells"], "object": row["object"]["kind"]},
    )


def _await_suspension(api: Api, cluster: Cluster, path: str) -> None:
    """A controller says it, soon."""
    cluster.terminal.wait_until(
        "the job says that it is suspended",
        lambda: bool(api.quietly("GET", path).body["status"].get("conditions")),
        seconds=30,
        every=0.1,
    )


def test_metadata_alone(api: Api) -> None:
    api.quietly("POST", "configmaps", config_map("one", labels={"a": "b"}, data="1"))
    api.get("configmaps/one", accept=METADATA_ONLY)
    api.get("configmaps/one", accept="text/html")
    api.get("configmaps/one", accept="application/json;as=Poem;v=v1;g=meta.k8s.io")
    found = api.quietly(
        "GET", "configmaps", accept=METADATA_ONLY.replace("Metadata;", "MetadataList;")
    )
    api.transcript.note("list", found.code, [found.body["kind"], sorted(found.body["items"][0])])
