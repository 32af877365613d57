"""Evidence from the API server, and from the proxies through port-forwards.

The workload's own proxies say everything they know. The other side is found in what they count (whom
they sent requests, who sent them some) and among the meshed pods of the workload's namespace; those
are asked for their faults only.
"""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from cli.certificates import CertificateError
from cli.checks.context import (
    PROXY,
    Context,
    alive,
    not_ready,
    pod_annotations,
    pod_labels,
    pod_name,
    proxies_and_containers,
)
from cli.checks.identity import anchors_in_time, issuer_in_time, issuer_issued
from cli.checks.problem import Problem
from cli.cluster.admin_ports import AdminPort, Answered, ask_all, proxy_port
from cli.cluster.client import Json, RestCluster
from cli.cluster.errors import ClusterError, Forbidden
from cli.cluster.paths import NAMESPACES, PODS, SERVICES, Resource, find, items
from cli.cluster.workloads import is_ready, owner_of, pods_of
from cli.diagnosis.evidence import IDENTITY, Evidence, Fault, Pod, Proxy, Service
from cli.resources import short_name
from proxy_injector.decide import decide
from proxy_injector.pod import MalformedObject
from weft import labels
from weft.metrics import CONTROL_IDENTITY_CERT_EXPIRATION, CONTROL_IDENTITY_CERT_REFRESH
from weft.names import short_identity

MOST_OTHERS = 100
"""Pods of the other side that are asked at most."""
_HASH = "pod-template-hash"
_FAR_POD = re.compile(r'\bdst_namespace="([^"]*)"[^}]*\bdst_pod="([^"]*)"')
_FAR_CLIENT = re.compile(r'\bclient_id="([^"]*)"')


def gather(
    cluster: RestCluster, weft_namespace: str, namespace: str, kind: str, name: str
) -> Evidence:
    """What is known of a workload. Raises ClusterError."""
    ours = pods_of(cluster, namespace, kind, name)
    around = _everywhere(cluster, PODS, namespace)
    annotations = _annotations(cluster, {str(one["metadata"]["namespace"]) for one in ours})
    ports = {_key(pod): port for pod in ours if (port := proxy_port(pod)) is not None}
    told, counted = _ask_ours(cluster, list(ports.values()))
    keys = {_key(one) for one in ours}
    others = [one for one in around if _key(one) not in keys and alive(one)]
    near = list(_near(others, namespace, "\n".join(counted)))
    heard = _ask_others(cluster, near[:MOST_OTHERS])
    return Evidence(
        now=datetime.now(UTC),
        said=f"{kind}/{name}",
        namespace=namespace,
        pods=tuple(_pod(one, told.get(_key(one)), annotations) for one in ours),
        others=tuple(_pod(one, heard.get(_key(one)), {}) for one in others),
        services=tuple(_services(_everywhere(cluster, SERVICES, namespace), around)),
        identity_troubles=tuple(_identity_troubles(cluster, weft_namespace))
        if any(map(_lacks_certificate, told.values()))
        else (),
        not_asked=max(0, len(near) - MOST_OTHERS),
    )


def _key(pod: Json) -> tuple[str, str]:
    return str(pod["metadata"]["namespace"]), str(pod["metadata"]["name"])


def _everywhere(cluster: RestCluster, resource: Resource, namespace: str) -> list[Json]:
    """Of all namespaces; of one for who may not see more."""
    try:
        return items(cluster, resource)
    except Forbidden:
        return items(cluster, resource, namespace)


def _annotations(cluster: RestCluster, namespaces: Iterable[str]) -> dict[str, dict[str, str]]:
    found = {}
    for name in namespaces:
        try:
            namespace = find(cluster, NAMESPACES, name)
        except Forbidden:
            namespace = None
        found[name] = pod_annotations(namespace) if namespace is not None else {}
    return found


# --- proxies --------------------------------------------------------------------------------

_Key = tuple[str, str]


def _ask_ours(
    cluster: RestCluster, ports: Sequence[AdminPort]
) -> tuple[dict[_Key, Proxy], list[str]]:
    """What each proxy said, and the text of everything they count."""
    paths = ("/ready", "/errors", "/metrics")
    answers = ask_all(cluster, [(port, path) for port in ports for path in paths])
    told, counted = {}, []
    for index, port in enumerate(ports):
        ready, faults, metrics = answers[3 * index : 3 * index + 3]
        told[port.namespace, port.pod] = _proxy(ready, faults, metrics)
        counted.append(metrics.body.decode("utf-8", "replace"))
    return told, counted


def _ask_others(cluster: RestCluster, pods: Iterable[Json]) -> dict[_Key, Proxy]:
    ports = [port for pod in pods if (port := proxy_port(pod)) is not None]
    answers = ask_all(cluster, [(port, "/errors") for port in ports])
    return {
        (one.port.namespace, one.port.pod): Proxy(problem=one.problem, faults=read_faults(one))
        for one in answers
    }


def _proxy(ready: Answered, faults: Answered, metrics: Answered) -> Proxy:
    if problem := ready.problem or faults.problem:
        return Proxy(problem=problem)
    text = metrics.body.decode("utf-8", "replace")
    return Proxy(
        ready=ready.status == 200,
        certificate_refreshed=_moment(text, CONTROL_IDENTITY_CERT_REFRESH.name),
        certificate_expires=_moment(text, CONTROL_IDENTITY_CERT_EXPIRATION.name),
        faults=read_faults(faults),
    )


def read_faults(answered: Answered) -> tuple[Fault, ...]:
    """The entries of `/errors`; those that cannot be read are passed over, as other versions' may be."""
    try:
        entries = json.loads(answered.body) if answered.status == 200 else []
    except ValueError:
        entries = []
    return tuple(_faults(entries if isinstance(entries, list) else []))


def _faults(entries: Iterable[Any]) -> Iterator[Fault]:
    for one in entries:
        try:
            at = datetime.fromisoformat(str(one["time"]))
            yield Fault(
                at=at,
                side=str(one["side"]),
                peer=str(one.get("peer") or ""),
                route=str(one.get("route") or ""),
                endpoint=str(one.get("endpoint") or ""),
                number=int(one["number"]),
                name=str(one["error"]),
                cause=str(one.get("cause") or one["error"]),
                first=datetime.fromisoformat(str(one["first"])) if "first" in one else at,
                count=int(one.get("count", 1)),
            )
        except (KeyError, TypeError, ValueError, AttributeError):
            continue


def _moment(text: str, metric: str) -> datetime | None:
    """A gauge of seconds since the epoch; None while it is not set."""
    found = re.search(rf"^{metric}(?:{{[^}}]*}})? ([0-9.e+]+)$", text, re.MULTILINE)
    seconds = float(found[1]) if found else 0.0
    return datetime.fromtimestamp(seconds, UTC) if seconds else None


def _near(others: Iterable[Json], namespace: str, counted: str) -> Iterator[Json]:
    """Meshed pods that talk to the workload, or may: the certain ones first."""
    named = set(_FAR_POD.findall(counted))
    clients = set(_clients(counted))
    rest = []
    for pod in others:
        if proxy_port(pod) is None:
            continue
        account = str((pod.get("spec") or {}).get("serviceAccountName") or "default")
        if _key(pod) in named or (_key(pod)[0], account) in clients:
            yield pod
        elif _key(pod)[0] == namespace:
            rest.append(pod)
    yield from rest


def _clients(counted: str) -> Iterator[tuple[str, str]]:
    """Namespace and service account of everybody whose identity was seen."""
    for text in set(_FAR_CLIENT.findall(counted)):
        account, dot, namespace = short_identity(text).rpartition(".")
        if dot:
            yield namespace, account


# --- pods and Services ----------------------------------------------------------------------


def _pod(pod: Json, proxy: Proxy | None, annotations: dict[str, dict[str, str]]) -> Pod:
    namespace, name = _key(pod)
    because, advice = "", ""
    if proxy_port(pod) is None:
        because, advice = _why_unmeshed(pod, annotations.get(namespace, {}))
    elif proxy is None:
        proxy = Proxy()
    return Pod(
        namespace=namespace,
        name=name,
        workload=workload_of(pod),
        ip=str((pod.get("status") or {}).get("podIP") or ""),
        proxy=proxy,
        unmeshed_because=because,
        unmeshed_advice=advice,
        troubles=tuple(_troubles(pod)),
        ports=frozenset(_ports(pod)),
        labels=pod_labels(pod),
    )


def workload_of(pod: Json) -> str:
    """`deploy/web` of a Deployment's pod, by the name its ReplicaSet has from it."""
    owner = owner_of(pod)
    if owner is None:
        return f"po/{pod['metadata']['name']}"
    kind, name = owner
    suffix = f"-{pod_labels(pod).get(_HASH, '')}"
    if kind == "replicaset" and len(suffix) > 1 and name.endswith(suffix):
        kind, name = "deployment", name.removesuffix(suffix)
    return f"{short_name(kind)}/{name}"


def _troubles(pod: Json) -> Iterator[str]:
    """Of the application's containers; the proxy is judged by what it says itself."""
    if not alive(pod):
        return
    here = f"pod/{pod_name(pod)} "
    for container in proxies_and_containers(pod):
        if container["name"] != PROXY:
            for sentence in not_ready(pod, only=container["name"]):
                yield sentence.removeprefix(here)


def _ports(pod: Json) -> Iterator[int]:
    for container in proxies_and_containers(pod):
        if container["name"] != PROXY:
            for one in container.get("ports") or []:
                yield int(one["containerPort"])


def _why_unmeshed(pod: Json, inherited: dict[str, str]) -> tuple[str, str]:
    """The reason, and what to do."""
    try:
        decision = decide(pod.get("spec") or {}, pod_annotations(pod), inherited)
    except MalformedObject as error:
        return str(error), ""
    if decision.inject:
        return (
            "its annotations ask for a proxy, and it was created without one",
            "Restart it: `kubectl rollout restart`. If that does not help, `mesh check` looks at the injector.",
        )
    return (
        "; ".join(reason.sentence for reason in decision.reasons),
        f"To mesh it, annotate it `{labels.INJECT}: {labels.INJECT_ENABLED}` and restart it, or use `mesh inject`.",
    )


def _services(services: Iterable[Json], pods: Sequence[Json]) -> Iterator[Service]:
    for one in services:
        spec, metadata = one.get("spec") or {}, one["metadata"]
        selector = {str(key): str(value) for key, value in (spec.get("selector") or {}).items()}
        selected = [
            pod
            for pod in pods
            if selector
            and alive(pod)
            and pod["metadata"]["namespace"] == metadata["namespace"]
            and selector.items() <= pod_labels(pod).items()
        ]
        yield Service(
            namespace=str(metadata["namespace"]),
            name=str(metadata["name"]),
            ips=frozenset(
                ip
                for ip in (spec.get("clusterIP"), *(spec.get("clusterIPs") or []))
                if ip and ip != "None"
            ),
            ports={
                int(port["port"]): str(port.get("targetPort") or port["port"])
                for port in spec.get("ports") or []
            },
            selector=selector,
            pods=len(selected),
            ready=sum(map(is_ready, selected)),
        )


def _identity_troubles(cluster: RestCluster, weft_namespace: str) -> Iterator[str]:
    """Sentences without a full stop; what may not be read is not judged."""
    context = Context(lambda: cluster, weft_namespace, None, "", lambda: datetime.now(UTC))
    for check in (issuer_in_time, anchors_in_time, issuer_issued):
        try:
            check(context)
        except Problem as problem:
            yield str(problem).splitlines()[0]
        except (ClusterError, CertificateError):
            continue
    try:
        found = context.component_pods("identity")
    except ClusterError:
        return
    if not found:
        yield f"The identity service in namespace {weft_namespace} has no pods"
    elif not any(map(is_ready, found)):
        yield f"No pod of the identity service in namespace {weft_namespace} is ready"


def _lacks_certificate(proxy: Proxy) -> bool:
    return not proxy.problem and (
        proxy.certificate_expires is None or any(one.side == IDENTITY for one in proxy.faults)
    )
