"""The environment of one proxy: settings in, `LINKERD2_PROXY_*` out, in a fixed order.

The names and their meaning are linkerd2-proxy's, so that either proxy runs with either injector.
Variables with a leading underscore are for the kubelet alone, which expands `$(_pod_name)` in later ones.
"""

import json
from collections.abc import Iterator

from proxy_injector.defaults import ControlPlane, Mesh, ProxySettings, Tracing
from proxy_injector.pod import Json
from weft.cpu import MAX_CORES
from weft.names import DESTINATION_COMPONENT, IDENTITY_COMPONENT
from weft.quantities import QuantityError, parse_quantity, whole

PREFIX = "LINKERD2_PROXY_"
END_ENTITY_DIR = "/var/run/linkerd/identity/end-entity"
TOKEN_DIR = "/var/run/secrets/tokens"  # noqa: S105 (where the kubelet writes it)
TOKEN_NAME = "linkerd-identity-token"  # noqa: S105
NO_TIMEOUT = "365d"
HEADERS_UNLOGGED = ",[{headers}]=off,[{request}]=off"
PROXY_CONTAINER = "linkerd-proxy"


def proxy_environment(
    mesh: Mesh,
    settings: ProxySettings,
    control_plane: ControlPlane,
    *,
    inbound_ports: str,
    opaque_ports: str,
) -> list[Json]:
    """EnvVar objects for the proxy container.

    `inbound_ports` and `opaque_ports` are numbers and ranges: names of container ports are resolved.
    """
    variables = [*_kubelet()]
    variables += [{"name": PREFIX + name, "value": value} for name, value in _process(settings)]
    variables += [
        {"name": PREFIX + name, "value": value}
        for name, value in _control(mesh, settings, control_plane)
    ]
    variables += [
        {"name": PREFIX + name, "value": value} for name, value in _listeners(mesh, settings)
    ]
    variables.append(_from_field(PREFIX + "INBOUND_IPS", "status.podIPs"))
    variables += [
        {"name": PREFIX + name, "value": value}
        for name, value in _traffic(mesh, settings, inbound_ports, opaque_ports)
    ]
    variables += [_from_field("_pod_sa", "spec.serviceAccountName")]
    variables += [{"name": "_l5d_ns", "value": mesh.namespace}]
    variables += [{"name": "_l5d_trustdomain", "value": mesh.trust_domain}]
    variables += [
        {"name": PREFIX + name, "value": value} for name, value in _identity(mesh, control_plane)
    ]
    variables += [
        {"name": PREFIX + name, "value": value} for name, value in _tracing(settings.tracing)
    ]
    return _with_additional(variables, settings.additional_env)


def whole_cores(quantity: str) -> int:
    """A CPU quantity rounded up to whole cores, as many as a proxy takes; 1 for text that is none or empty."""
    try:
        return min(max(1, whole(parse_quantity(quantity))), MAX_CORES)
    except QuantityError:
        return 1


def _from_field(name: str, path: str) -> Json:
    return {"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}}


def _kubelet() -> Iterator[Json]:
    yield _from_field("_pod_name", "metadata.name")
    yield _from_field("_pod_ns", "metadata.namespace")
    yield _from_field("_pod_uid", "metadata.uid")
    yield _from_field("_pod_ip", "status.podIP")
    yield _from_field("_pod_nodeName", "spec.nodeName")
    yield {"name": "_pod_containerName", "value": PROXY_CONTAINER}


def _process(settings: ProxySettings) -> Iterator[tuple[str, str]]:
    yield "CORES", str(whole_cores(settings.resources.cpu_limit))
    if settings.cpu_ratio_limit:
        yield "CORES_MAX_RATIO", settings.cpu_ratio_limit
    if settings.ingress:
        yield "INGRESS_MODE", "true"
    yield "SHUTDOWN_ENDPOINT_ENABLED", _flag(settings.shutdown_endpoint)
    unlogged = "" if settings.log_http_headers == "insecure" else HEADERS_UNLOGGED
    yield "LOG", settings.log_level + unlogged
    yield "LOG_FORMAT", settings.log_format
    if settings.access_log:
        yield "ACCESS_LOG", settings.access_log
    if settings.shutdown_grace_period:
        yield "SHUTDOWN_GRACE_PERIOD", settings.shutdown_grace_period


def _control(
    mesh: Mesh, settings: ProxySettings, control_plane: ControlPlane
) -> Iterator[tuple[str, str]]:
    yield "DESTINATION_SVC_ADDR", control_plane.destination
    yield "DESTINATION_PROFILE_NETWORKS", mesh.cluster_networks
    yield "POLICY_SVC_ADDR", control_plane.policy
    yield "POLICY_WORKLOAD", _json({"ns": "$(_pod_ns)", "pod": "$(_pod_name)"})
    yield "INBOUND_DEFAULT_POLICY", settings.default_inbound_policy
    yield "POLICY_CLUSTER_NETWORKS", mesh.cluster_networks
    yield "CONTROL_STREAM_INITIAL_TIMEOUT", "3s"
    yield "CONTROL_STREAM_IDLE_TIMEOUT", "5m"
    yield "CONTROL_STREAM_LIFETIME", "1h"
    yield "INBOUND_CONNECT_TIMEOUT", settings.inbound_connect_timeout
    yield "OUTBOUND_CONNECT_TIMEOUT", settings.outbound_connect_timeout
    yield "OUTBOUND_DISCOVERY_IDLE_TIMEOUT", settings.outbound_discovery_idle
    yield "INBOUND_DISCOVERY_IDLE_TIMEOUT", settings.inbound_discovery_idle
    if settings.no_outbound_detect_timeout:
        yield "OUTBOUND_DETECT_TIMEOUT", NO_TIMEOUT
    if settings.no_inbound_detect_timeout:
        yield "INBOUND_DETECT_TIMEOUT", NO_TIMEOUT


def _listeners(mesh: Mesh, settings: ProxySettings) -> Iterator[tuple[str, str]]:
    everywhere = "0.0.0.0" if mesh.disable_ipv6 else "[::]"  # noqa: S104 (a pod's own address)
    yield "CONTROL_LISTEN_ADDR", f"{everywhere}:{settings.control_port}"
    yield "ADMIN_LISTEN_ADDR", f"{everywhere}:{settings.admin_port}"
    yield "OUTBOUND_LISTEN_ADDR", f"127.0.0.1:{settings.outbound_port}"
    loopbacks = ["127.0.0.1"] if mesh.disable_ipv6 else ["127.0.0.1", "[::1]"]
    yield "OUTBOUND_LISTEN_ADDRS", ",".join(f"{ip}:{settings.outbound_port}" for ip in loopbacks)
    yield "INBOUND_LISTEN_ADDR", f"{everywhere}:{settings.inbound_port}"


def _traffic(
    mesh: Mesh, settings: ProxySettings, inbound_ports: str, opaque_ports: str
) -> Iterator[tuple[str, str]]:
    yield "INBOUND_PORTS", inbound_ports
    services = f"svc.{mesh.cluster_domain}."
    if settings.gateway:
        yield "INBOUND_GATEWAY_SUFFIXES", services
    yield "DESTINATION_PROFILE_SUFFIXES", "." if settings.external_profiles else services
    yield "INBOUND_ACCEPT_KEEPALIVE", "10s"
    yield "OUTBOUND_CONNECT_KEEPALIVE", "10s"
    yield "INBOUND_ACCEPT_USER_TIMEOUT", "30s"
    yield "OUTBOUND_CONNECT_USER_TIMEOUT", "30s"
    for side in ("INBOUND", "OUTBOUND"):
        yield f"{side}_SERVER_HTTP2_KEEP_ALIVE_INTERVAL", "10s"
        yield f"{side}_SERVER_HTTP2_KEEP_ALIVE_TIMEOUT", "3s"
    if opaque_ports:
        yield "INBOUND_PORTS_DISABLE_PROTOCOL_DETECTION", opaque_ports
    if settings.require_identity_ports:
        yield "INBOUND_PORTS_REQUIRE_IDENTITY", settings.require_identity_ports
    if settings.hostname_labels:
        yield "OUTBOUND_METRICS_HOSTNAME_LABELS", "true"
    if mesh.tap_identity and not settings.disable_tap:
        yield "TAP_SVC_NAME", mesh.tap_identity
    yield (
        "DESTINATION_CONTEXT",
        _json({"ns": "$(_pod_ns)", "nodeName": "$(_pod_nodeName)", "pod": "$(_pod_name)"}),
    )


def _identity(mesh: Mesh, control_plane: ControlPlane) -> Iterator[tuple[str, str]]:
    identities = mesh.identities
    suffix = f"serviceaccount.identity.{mesh.namespace}.{mesh.trust_domain}"
    yield "IDENTITY_DIR", END_ENTITY_DIR
    yield "IDENTITY_TRUST_ANCHORS", mesh.trust_anchors
    yield "IDENTITY_TOKEN_FILE", f"{TOKEN_DIR}/{TOKEN_NAME}"
    yield "IDENTITY_SVC_ADDR", control_plane.identity
    yield "IDENTITY_LOCAL_NAME", f"$(_pod_sa).$(_pod_ns).{suffix}"
    yield "IDENTITY_SVC_NAME", identities.component(IDENTITY_COMPONENT)
    yield "DESTINATION_SVC_NAME", identities.component(DESTINATION_COMPONENT)
    yield "POLICY_SVC_NAME", identities.component(DESTINATION_COMPONENT)


_POD_ATTRIBUTES = (
    ("k8s.pod.name", "$(_pod_name)"),
    ("k8s.pod.uid", "$(_pod_uid)"),
    ("k8s.pod.ip", "$(_pod_ip)"),
    ("k8s.namespace.name", "$(_pod_ns)"),
    ("k8s.node.name", "$(_pod_nodeName)"),
    ("k8s.container.name", "$(_pod_containerName)"),
)


def _tracing(tracing: Tracing | None) -> Iterator[tuple[str, str]]:
    if tracing is None:
        return
    yield "TRACE_COLLECTOR_SVC_ADDR", tracing.collector
    yield "TRACE_COLLECTOR_SVC_NAME", tracing.identity
    yield "TRACE_SERVICE_NAME", tracing.service
    attributes = (*_POD_ATTRIBUTES, *tracing.attributes)
    yield "TRACE_EXTRA_ATTRIBUTES", "\n".join(f"{name}={value}" for name, value in attributes)


def _with_additional(variables: list[Json], additional: tuple[str, ...]) -> list[Json]:
    """Later ones replace earlier ones in place, so that `$(...)` keeps what it may refer to."""
    places = {variable["name"]: index for index, variable in enumerate(variables)}
    for text in additional:
        variable = json.loads(text)
        if variable["name"] in places:
            variables[places[variable["name"]]] = variable
        else:
            places[variable["name"]] = len(variables)
            variables.append(variable)
    return variables


def _flag(value: bool) -> str:
    return "true" if value else "false"


def _json(value: Json) -> str:
    return json.dumps(value, separators=(",", ":"))
