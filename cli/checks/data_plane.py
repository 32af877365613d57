"""weft-data-plane: the proxies of applications, and the pods that should have one and do not."""

from collections.abc import Iterator

from cli.checks.context import (
    PROXY,
    Context,
    Json,
    alive,
    pod_annotations,
    pod_labels,
    pod_name,
)
from cli.checks.model import Category, Check
from cli.checks.problem import Problem, Skipped
from cli.checks.proxies import have_version, healthy, report
from cli.cluster.paths import NAMESPACES, PODS, SERVICES, find, items
from proxy_injector.defaults import Values, ValuesError, read_installation
from proxy_injector.patch import opaque_service_ports
from proxy_injector.unmeshed.find import find_unmeshed
from weft import labels
from weft.ports import PortError

CONFIG_PREFIXES = ("config.linkerd.io/", "config.alpha.linkerd.io/")


def _pods(context: Context) -> list[Json]:
    return context.data_plane_pods()


def namespace_exists(context: Context) -> None:
    """The namespace given with -n."""
    if context.data_namespace is None:
        raise Skipped
    if find(context.cluster, NAMESPACES, context.data_namespace) is None:
        raise Problem(f"namespace {context.data_namespace} does not exist")


def pods_are_meshed(context: Context) -> None:
    """Every pod whose annotations ask for a proxy, and that can have one, has one."""
    found = [
        f"* {pod_name(pod)} has no {PROXY} container"
        for pod, against in _unmeshed(context)
        if not against
    ]
    if found:
        report(["pods that ask for a proxy run without one:", *found])


def pods_can_be_meshed(context: Context) -> None:
    """No pod asks for a proxy that it is never given."""
    found = [f"* {pod_name(pod)}: {against}" for pod, against in _unmeshed(context) if against]
    if found:
        report(["pods that ask for a proxy are not given one:", *found])


def _unmeshed(context: Context) -> Iterator[tuple[Json, str]]:
    """Pods that ask for a proxy and have none, each with what rules it out; nothing when it could have one."""
    namespaces = {one["metadata"]["name"]: one for one in context.list_once(NAMESPACES)}
    try:
        installed = read_installation(context.installed().values)
    except ValuesError as error:
        raise Problem(str(error)) from None
    for pod in context.list_once(PODS, context.data_namespace):
        namespace = namespaces.get(pod["metadata"].get("namespace"), {"metadata": {}})
        found = find_unmeshed(pod, namespace, installed) if alive(pod) else None
        if found is not None:
            yield pod, found.against


def proxies_ready(context: Context) -> None:
    """There are proxies, and all are ready."""
    if not _pods(context):
        raise Skipped
    healthy(_pods)(context)


def anchors_match(context: Context) -> None:
    """Proxies were started with the installation's trust anchors."""
    from hashlib import sha256

    wanted = sha256(context.installed().trust_anchors.encode()).hexdigest()
    found = [
        f"* {pod_name(pod)}"
        for pod in _pods(context)
        if pod_annotations(pod).get(labels.TRUST_ROOT_SHA256) not in (None, wanted)
    ]
    if found:
        report(["some proxies trust other anchors than the control plane:", *found])


def pod_labels_right(context: Context) -> None:
    """No setting is written as a label, where it has no effect."""
    found = [
        f"* {pod_name(pod)}: {name} is a label and should be an annotation"
        for pod in _pods(context)
        for name in pod_labels(pod)
        if name == labels.INJECT or name.startswith(CONFIG_PREFIXES)
    ]
    report(["some labels should be annotations:", *found] if found else [])


def opaque_ports_annotated(context: Context) -> None:
    """Services say what their pods say about opaque ports.

    A client's proxy learns of opaque ports from the Service it calls; the server's from its pod.
    """
    by_namespace: dict[str, list[Json]] = {}
    found = []
    for pod in _pods(context):
        if wrong := _unreadable("pod", pod):
            found.append(wrong)
        elif labels.OPAQUE_PORTS in pod_annotations(pod):
            by_namespace.setdefault(str(pod["metadata"].get("namespace")), []).append(pod)
    try:
        default = Values(context.installed().values).text("proxy.opaquePorts")
    except ValuesError as error:
        raise Problem(str(error)) from None
    for namespace, pods in sorted(by_namespace.items()):
        for service in items(context.cluster, SERVICES, namespace):
            found += _disagreements(service, pods, default)
    report(found)


def _disagreements(service: Json, pods: list[Json], default: str) -> list[str]:
    selector = (service.get("spec") or {}).get("selector") or {}
    chosen = [pod for pod in pods if selector and selector.items() <= pod_labels(pod).items()]
    if not chosen:
        return []
    if wrong := _unreadable("service", service):
        return [wrong]
    listed = pod_annotations(chosen[0])[labels.OPAQUE_PORTS]
    wanted = set(filter(None, opaque_service_ports(service["spec"], listed).split(",")))
    said = pod_annotations(service).get(labels.OPAQUE_PORTS, default)
    stated = set(filter(None, opaque_service_ports(service["spec"], said).split(",")))
    missing = sorted(wanted - stated, key=int)
    if not missing:
        return []
    return [
        f"* service {pod_name(service)} should have {labels.OPAQUE_PORTS}: {','.join(missing)}, "
        f"as pod {pod_name(chosen[0])} has"
    ]


def _unreadable(kind: str, thing: Json) -> str:
    """What is wrong with the object's own list of opaque ports; empty when it can be read, or there is none."""
    try:
        opaque_service_ports({}, pod_annotations(thing).get(labels.OPAQUE_PORTS, ""))
    except PortError as error:
        return f"* {kind} {pod_name(thing)}: {labels.OPAQUE_PORTS}: {error}"
    return ""


CATEGORY = Category(
    "weft-data-plane",
    (
        Check("data plane namespace exists", "l5d-data-plane-exists", "Correct -n, or create the namespace.", namespace_exists, fatal=True),
        Check("data plane pods are meshed", "l5d-data-plane-meshed", "They were created while the webhook was away or before the annotation: restart them with `kubectl rollout restart`, or let the injector do it: `proxyInjector.unmeshedPods: restart`.", pods_are_meshed),
        Check("data plane pods can be meshed", "l5d-data-plane-can-be-meshed", "Remove what is named, or say `linkerd.io/inject: disabled` where no proxy is wanted.", pods_can_be_meshed, warning=True),
        Check("data plane proxies are ready", "l5d-data-plane-ready", "Read the proxy's log: `kubectl logs POD -c linkerd-proxy`.", proxies_ready, retry=True),
        Check("data plane proxies certificate match CA", "l5d-identity-data-plane-proxies-certs-match-ca", "Restart them with `kubectl rollout restart`.", anchors_match, warning=True),
        Check("data plane is up-to-date", "l5d-data-plane-version", "Restart the pods with `kubectl rollout restart`.", have_version(_pods, of_cli=False), warning=True),
        Check("data plane and cli versions match", "l5d-data-plane-cli-version", "Restart the pods, or install the `mesh` of their version.", have_version(_pods, of_cli=True), warning=True),
        Check("data plane pod labels are configured correctly", "l5d-data-plane-pod-labels", "Write them as annotations of the pod template.", pod_labels_right, warning=True),
        Check("opaque ports are properly annotated", "linkerd-opaque-ports-definition", "Annotate the Service like its pods.", opaque_ports_annotated, warning=True),
    ),
)  # fmt: skip
