"""What is added to a pod: the proxy, the init container that redirects traffic to it, the volumes
they need, and the labels and annotations that say so.

Container and volume names are Linkerd's, because dashboards, policies and `kubectl logs -c` use them.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from proxy_injector.defaults import ControlPlane, Mesh, ProxySettings, Resources
from proxy_injector.environment import (
    END_ENTITY_DIR,
    PROXY_CONTAINER,
    TOKEN_DIR,
    TOKEN_NAME,
    proxy_environment,
)
from proxy_injector.listening import Listening, listening
from proxy_injector.pod import Json, container_ports, inbound_ports
from weft import labels
from weft.names import TOKEN_AUDIENCE
from weft.ports import PortSet, parse_port_set
from weft.readiness import LISTENING

INIT_CONTAINER = "linkerd-init"
DEBUG_CONTAINER = "linkerd-debug"
DEBUG_CAPABILITIES = ("NET_ADMIN", "NET_RAW", "SETGID", "SETUID")
XTABLES_LOCK = "linkerd-proxy-init-xtables-lock"
END_ENTITY_VOLUME = "linkerd-identity-end-entity"
TOKEN_VOLUME = "linkerd-identity-token"  # noqa: S105
TOKEN_SECONDS = 86_400
PYTHON = "/usr/bin/python3"
READY_WAIT_SECONDS = 120
"""How long an application waits for its proxy before the pod is restarted."""

UNREADY_SECONDS = 30
"""By Kubernetes' defaults: three failures, ten seconds apart."""

NATIVE_SINCE = (1, 29)
"""The first Kubernetes version whose API server keeps `restartPolicy` of init containers by default."""


@dataclass(frozen=True, slots=True)
class Owner:
    """The workload a pod belongs to, as labels and metrics name it."""

    kind: str
    """Lower case: `deployment`, `job`; `pod` for a pod nobody owns."""
    name: str


@dataclass(frozen=True, slots=True)
class Sidecar:
    """Everything that injection adds to one pod."""

    init: Json
    proxy: Json
    debug: Json | None
    volumes: tuple[Json, ...]
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    native: bool
    await_ready: bool


def build(
    mesh: Mesh,
    settings: ProxySettings,
    spec: Mapping[str, Any],
    *,
    control_plane: ControlPlane,
    namespace: str,
    owner: Owner,
    created_by: str,
    native_available: bool,
) -> Sidecar:
    """The sidecar of a pod with this spec.

    `namespace` may be empty when it is not known (a manifest without one): the label is left out.
    `created_by` says who injects, with its version.
    """
    native = settings.native_sidecar and native_available
    settings = _owned(settings, owner)
    return Sidecar(
        init=init_container(mesh, settings),
        proxy=proxy_container(mesh, settings, spec, control_plane, native=native),
        debug=debug_container(settings, native=native) if settings.debug else None,
        volumes=volumes(),
        labels=pod_labels(mesh, namespace, owner),
        annotations={
            labels.CREATED_BY: created_by,
            labels.PROXY_VERSION_STAMP: settings.version,
            labels.TRUST_ROOT_SHA256: mesh.anchors_sha256,
        },
        native=native,
        await_ready=settings.await_ready,
    )


def _owned(settings: ProxySettings, owner: Owner) -> ProxySettings:
    """Spans tell whose pod they come from."""
    if settings.tracing is None or owner.kind not in labels.OWNER_KINDS:
        return settings
    attributes = ((f"k8s.{owner.kind}.name", owner.name), *settings.tracing.attributes)
    return replace(settings, tracing=replace(settings.tracing, attributes=attributes))


def supports_native(version: tuple[int, int] | None) -> bool:
    """Whether an API server of this (major, minor) has native sidecars; unknown counts as not."""
    return version is not None and version >= NATIVE_SINCE


def pod_labels(mesh: Mesh, namespace: str, owner: Owner) -> dict[str, str]:
    """Labels that select meshed pods by control plane, namespace and owner."""
    found = {labels.CONTROL_PLANE_NS_LABEL: mesh.namespace}
    if owner.kind in labels.OWNER_KINDS:
        # A label's value is no longer than this, and ends with a letter or digit; a name may be cut anywhere.
        found[labels.OWNER_LABEL_PREFIX + owner.kind] = owner.name[:63].rstrip("-.")
    if namespace:
        found[labels.WORKLOAD_NS_LABEL] = namespace
    return found


def volumes() -> tuple[Json, ...]:
    """The lock file of iptables, the proxy's keys (in memory only) and its bound token."""
    token = {
        "serviceAccountToken": {
            "path": TOKEN_NAME,
            "expirationSeconds": TOKEN_SECONDS,
            "audience": TOKEN_AUDIENCE,
        }
    }
    return (
        {"name": XTABLES_LOCK, "emptyDir": {}},
        {"name": END_ENTITY_VOLUME, "emptyDir": {"medium": "Memory"}},
        {"name": TOKEN_VOLUME, "projected": {"sources": [token]}},
    )


# -- containers ---------------------------------------------------------------------------------


def init_container(mesh: Mesh, settings: ProxySettings) -> Json:
    """Redirects the pod's TCP to the proxy, then ends. Holds two capabilities and nothing else."""
    return {
        "name": INIT_CONTAINER,
        "image": f"{settings.image}:{settings.version}",
        "imagePullPolicy": settings.pull_policy,
        "command": [PYTHON, "-m", "proxy.redirect"],
        "args": redirect_arguments(mesh, settings),
        "resources": quantities(settings.resources),
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"add": ["NET_ADMIN", "NET_RAW"], "drop": ["ALL"]},
            "privileged": False,
            "readOnlyRootFilesystem": True,
            "runAsNonRoot": mesh.init_user != 0,
            "runAsUser": mesh.init_user,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": [{"name": XTABLES_LOCK, "mountPath": "/run"}],
    }


def redirect_arguments(mesh: Mesh, settings: ProxySettings) -> list[str]:
    """The flags of linkerd2-proxy-init, which `proxy.redirect` shares."""
    own = f"{settings.control_port},{settings.admin_port}"
    inbound = ",".join(filter(None, (own, settings.skip_inbound_ports)))
    arguments = []
    if mesh.disable_ipv6:
        arguments.append("--ipv6=false")
    arguments += ["--incoming-proxy-port", str(settings.inbound_port)]
    arguments += ["--outgoing-proxy-port", str(settings.outbound_port)]
    arguments += ["--proxy-uid", str(settings.uid)]
    if settings.gid >= 0:
        arguments += ["--proxy-gid", str(settings.gid)]
    arguments += ["--inbound-ports-to-ignore", inbound]
    if settings.skip_outbound_ports:
        arguments += ["--outbound-ports-to-ignore", settings.skip_outbound_ports]
    if settings.skip_subnets:
        arguments += ["--subnets-to-ignore", settings.skip_subnets]
    if settings.close_wait_timeout:
        arguments += ["--timeout-close-wait-secs", str(settings.close_wait_timeout)]
    return arguments


def proxy_container(
    mesh: Mesh,
    settings: ProxySettings,
    spec: Mapping[str, Any],
    control_plane: ControlPlane,
    *,
    native: bool,
) -> Json:
    """The proxy: no capabilities, no root, nothing writable but its keys in memory."""
    ports = settings.pod_inbound_ports or ",".join(map(str, inbound_ports(spec)))
    container: Json = {
        "name": PROXY_CONTAINER,
        "image": f"{settings.image}:{settings.version}",
        "imagePullPolicy": settings.pull_policy,
        "env": proxy_environment(
            mesh,
            settings,
            control_plane,
            inbound_ports=ports,
            opaque_ports=resolve_ports(settings.opaque_ports, named_ports(spec)),
        ),
        "ports": [
            {"containerPort": settings.inbound_port, "name": "linkerd-proxy"},
            {"containerPort": settings.admin_port, "name": "linkerd-admin"},
        ],
        "livenessProbe": probe(settings, "/live", initialDelaySeconds=10),
        "readinessProbe": readiness_probe(settings, listening(spec, parse_port_set(ports))),
        "resources": quantities(settings.resources),
        "securityContext": proxy_security(settings),
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": [
            {"name": END_ENTITY_VOLUME, "mountPath": END_ENTITY_DIR},
            {"name": TOKEN_VOLUME, "mountPath": TOKEN_DIR},
        ],
    }
    if native:
        container["restartPolicy"] = "Always"
        if settings.await_ready:
            container["startupProbe"] = probe(
                settings, "/ready", periodSeconds=1, failureThreshold=READY_WAIT_SECONDS
            )
    lifecycle = hooks(settings, native=native)
    if lifecycle:
        container["lifecycle"] = lifecycle
    return container


def probe(settings: ProxySettings, path: str, **timing: int) -> Json:
    """An HTTP probe of the admin port; one second is plenty for a loopback answer."""
    return {
        "httpGet": {"path": path, "port": settings.admin_port},
        "timeoutSeconds": 1,
        **timing,
    }


def readiness_probe(settings: ProxySettings, asked: Listening) -> Json:
    """Asks for the application as well where the kubelet's own probes cannot, as often as they would.

    A pod that was ready is so until this has failed for as long as without: a proxy that is short of CPU may be
    late for a second, and a `tcpSocket` probe never was.
    """
    if not asked.ports:
        return probe(settings, "/ready", initialDelaySeconds=2)
    return probe(
        settings,
        LISTENING + ",".join(map(str, asked.ports)),
        initialDelaySeconds=2,
        periodSeconds=asked.period_seconds,
        failureThreshold=math.ceil(UNREADY_SECONDS / asked.period_seconds),
    )


def hooks(settings: ProxySettings, *, native: bool) -> Json:
    """A classic sidecar holds back the containers after it, and stops after them, by hooks.

    A native one needs neither: the kubelet waits for its startup probe and stops it last. Only an
    explicit wait before exit is kept in both, by the interpreter: the image has no `sleep`.
    """
    found: Json = {}
    if settings.await_ready and not native:
        wait = [PYTHON, "-m", "proxy.await_ready", f"--timeout={READY_WAIT_SECONDS}s"]
        found["postStart"] = {"exec": {"command": [*wait, f"--port={settings.admin_port}"]}}
    if settings.wait_before_exit_seconds:
        pause = [PYTHON, "-c", f"import time; time.sleep({settings.wait_before_exit_seconds})"]
        found["preStop"] = {"exec": {"command": pause}}
    return found


def proxy_security(settings: ProxySettings) -> Json:
    """Satisfies the restricted Pod Security level."""
    context: Json = {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
        "runAsNonRoot": True,
        "runAsUser": settings.uid,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    if settings.gid >= 0:
        context["runAsGroup"] = settings.gid
    return context


def debug_container(settings: ProxySettings, *, native: bool) -> Json:
    """A container with network tools, for `kubectl exec`; its log is a line for each packet.

    Root, because packets, firewall rules and connections are shown to nobody else, with the
    capabilities for that, and those with which tcpdump becomes another user once it listens. The pod's
    own security context, such as `runAsNonRoot`, does not reach it.

    A native sidecar where the proxy is one: it does not keep a pod that would otherwise be over.
    """
    container: Json = {
        "name": DEBUG_CONTAINER,
        "image": f"{settings.debug_image}:{settings.debug_version}",
        "imagePullPolicy": settings.debug_pull_policy,
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"add": list(DEBUG_CAPABILITIES), "drop": ["ALL"]},
            "runAsNonRoot": False,
            "runAsUser": 0,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "terminationMessagePolicy": "FallbackToLogsOnError",
    }
    if native:
        container["restartPolicy"] = "Always"
    return container


def quantities(resources: Resources) -> Json:
    """The `resources` of a container; entries without a quantity are left out."""
    requests = {
        "cpu": resources.cpu_request,
        "memory": resources.memory_request,
        "ephemeral-storage": resources.storage_request,
    }
    limits = {
        "cpu": resources.cpu_limit,
        "memory": resources.memory_limit,
        "ephemeral-storage": resources.storage_limit,
    }
    found = {
        "limits": {name: amount for name, amount in limits.items() if amount},
        "requests": {name: amount for name, amount in requests.items() if amount},
    }
    return {kind: amounts for kind, amounts in found.items() if amounts}


# -- opaque ports -------------------------------------------------------------------------------


def named_ports(spec: Mapping[str, Any]) -> dict[str, int]:
    """Container ports by name."""
    return {name: number for name, number, _ in container_ports(spec) if name}


def resolve_ports(text: str, named: Mapping[str, int]) -> str:
    """Numbers and ranges of a list that may hold port names; names nobody bears are left out,
    because a namespace's list speaks for pods that differ."""
    parts = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        if part[0].isdigit() and part.replace("-", "").isdigit():
            parts.append(part)
        elif part in named:
            parts.append(str(named[part]))
    return ",".join(parts)


def opaque_among(text: str, ports: Iterable[tuple[str, int]]) -> str:
    """Those of an object's own ports (name or "", number) that the list makes opaque, ascending.

    One number may have several names, as that of DNS has one for each protocol.
    """
    own = list(ports)
    listed: PortSet = parse_port_set(
        resolve_ports(text, {name: number for name, number in own if name})
    )
    return ",".join(
        str(number) for number in sorted({number for _, number in own}) if number in listed
    )
