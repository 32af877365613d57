"""The proxy's configuration: Linkerd's environment contract, `LINKERD2_PROXY_*`.

Every variable of the contract is either read here or listed in `NOT_YET` with what happens
instead. A value that cannot be used stops the start: `SettingsError` names the variable and says
what is allowed, and the process exits with code 64, as Linkerd's does.

Durations are seconds as floats throughout.
"""

from __future__ import annotations

import ipaddress
import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

from proxy.environment import PREFIX, Environment, SettingsError
from proxy.stack.backoff import Backoff
from proxy.telemetry import resource
from weft import log_filter
from weft.cpu import MAX_CORES
from weft.labels import DEFAULT_POLICIES
from weft.names import is_dns_name, is_spiffe_id

if TYPE_CHECKING:
    from collections.abc import Mapping

    from weft.addresses import IPNetwork, SocketAddress
    from weft.ports import PortSet

FORMATS = ("apache", "json")
"""Of the access log."""

__all__ = ["EXIT_CODE", "NOT_YET", "Settings", "SettingsError"]

MAX_SOCKET_PATH = 107
"""Bytes; the kernel takes no more."""

EXIT_CODE = 64
"""What the process exits with when a setting cannot be used (EX_USAGE)."""

NOT_YET: dict[str, str] = {
    "DESTINATION_PROFILE_INITIAL_TIMEOUT": "The inbound side does not look up profiles.",
    "INBOUND_METRICS_AUTHORITY_LABELS": "Inbound metrics carry no authority.",
    "INBOUND_PORTS_REQUIRE_IDENTITY": "The policy controller decides; Linkerd ignores it as well.",
    "INBOUND_PORTS_REQUIRE_TLS": "The policy controller decides; Linkerd ignores it as well.",
    "DNS_MIN_TTL": "Names of the control plane are resolved anew for every connection.",
    "DNS_MAX_TTL": "Names of the control plane are resolved anew for every connection.",
    "HTTP2_INITIAL_STREAM_WINDOW_SIZE": "Windows have fixed sizes.",
    "HTTP2_INITIAL_CONNECTION_WINDOW_SIZE": "Windows have fixed sizes.",
    "INBOUND_SERVER_HTTP2_ADAPTIVE_FLOW_CONTROL": "Windows have fixed sizes.",
    "OUTBOUND_SERVER_HTTP2_ADAPTIVE_FLOW_CONTROL": "Windows have fixed sizes.",
}
"""Variables of the contract that are understood but have no effect, with what happens instead."""


# --- values ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SocketOptions:
    """None leaves the kernel's default."""

    keepalive: float | None = None
    """Seconds of silence before TCP asks whether the peer is still there."""
    user_timeout: float | None = None
    """Seconds unacknowledged data may stay so before the kernel gives the connection up."""


@dataclass(frozen=True, slots=True)
class ConnectSettings:
    timeout: float
    """Seconds a connection may take to be made."""
    backoff: Backoff
    """Between attempts at an endpoint that cannot be reached."""
    socket: SocketOptions


@dataclass(frozen=True, slots=True)
class PoolSettings:
    """HTTP/1 connections kept for another request."""

    max_idle_per_endpoint: int
    idle_timeout: float


@dataclass(frozen=True, slots=True)
class QueueSettings:
    capacity: int
    """Requests that may wait; more are refused at once."""
    failfast_timeout: float
    """Seconds without anything ready after which all that wait fail at once."""


@dataclass(frozen=True, slots=True)
class BoundSettings:
    """What clients may take before they are turned away. These bounds are Weft's own."""

    max_connections: int = 10_000
    """Open at once; more are closed as they come."""
    max_header_size: int = 65_536
    """Bytes of an HTTP/1 request's head; more is answered with 431."""
    header_timeout: float = 30.0
    """Seconds a begun HTTP/1 request head may take; more is answered with 408."""
    body_timeout: float = 300.0
    """Seconds of silence in the middle of an HTTP/1 request's body; more is answered with 408."""


@dataclass(frozen=True, slots=True)
class Http2Settings:
    """What the server side tells HTTP/2 clients; None keeps the proxy's own default."""

    max_concurrent_streams: int | None = None
    max_frame_size: int | None = None
    max_header_list_size: int | None = None
    max_pending_accept_reset_streams: int | None = None
    max_send_buf_size: int | None = None
    max_control_frames: int | None = None
    """Frames that move nothing (PING, SETTINGS, PRIORITY, tiny windows) in ten seconds."""
    initial_stream_window_size: int | None = None
    initial_connection_window_size: int | None = None
    keep_alive_interval: float | None = None
    """Seconds between PINGs on a silent connection."""
    keep_alive_timeout: float | None = None
    """Seconds a PING may stay unanswered before the connection is closed."""


@dataclass(frozen=True, slots=True)
class DirectionSettings:
    """What inbound and outbound have in common."""

    listen: tuple[SocketAddress, ...]
    backlog: int | None
    """Connections the kernel queues before they are accepted; None is the kernel's default."""
    accept: SocketOptions
    connect: ConnectSettings
    detect_timeout: float
    """Seconds to wait for the first bytes of a connection."""
    pool: PoolSettings
    http_queue: QueueSettings
    http2: Http2Settings
    max_in_flight: int
    """Requests at once; more are refused with 503."""
    discovery_idle_timeout: float
    """Seconds an unused look-up is kept."""
    bounds: BoundSettings

    def shared_by(self, processes: int) -> Self:
        """For each of so many processes: what all of them may take holds for them together."""
        connections = max(1, self.bounds.max_connections // processes)
        return replace(
            self,
            max_in_flight=max(1, self.max_in_flight // processes),
            bounds=replace(self.bounds, max_connections=connections),
        )


@dataclass(frozen=True, slots=True)
class InboundSettings(DirectionSettings):
    ports: tuple[int, ...]
    """Ports whose policy is asked for at start."""
    opaque_ports: PortSet
    """Opaque while only the default policy is known."""
    default_policy: str
    cluster_networks: tuple[IPNetwork, ...]
    allowed_ips: frozenset[str]
    """Destination addresses inbound connections may have; empty means any."""
    access_log: str | None = None
    """`apache` or `json`: a line on standard error for every request; None for no such log."""
    gateway_suffixes: tuple[str, ...] = ()
    """Names below them are forwarded to for other clusters' clients, without dots at the ends; none: the
    proxy is no gateway."""


@dataclass(frozen=True, slots=True)
class OutboundSettings(DirectionSettings):
    tcp_queue: QueueSettings
    disable_informational_headers: bool
    """Leave `l5d-proxy-error` and its like out of responses to the application, whichever proxy answered."""
    ingress: bool = False
    """Requests may say where they go, by `l5d-dst-override`."""
    hostname_labels: bool = False
    """Metrics of routes tell requests apart by the host name they ask for."""


@dataclass(frozen=True, slots=True)
class ControlAddress:
    """One service of the control plane."""

    host: str
    port: int
    name: str | None
    """Identity the server must prove; None over loopback, where connections are plaintext."""

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        return _is_loopback(self.host)


@dataclass(frozen=True, slots=True)
class IdentityServiceSettings:
    """A certificate is asked for with a service account's token."""

    address: ControlAddress
    token_file: str
    directory: str
    """May hold `key.p8` and `csr.der` made by someone else; otherwise both are made in memory."""
    min_refresh: float
    max_refresh: float


@dataclass(frozen=True, slots=True)
class WorkloadApiSettings:
    """A SPIRE agent of this machine says who the proxy is, and brings certificate and key."""

    socket: str
    """Path of its Unix socket."""


@dataclass(frozen=True, slots=True)
class IdentitySettings:
    local_name: str
    """Who this proxy is: a DNS name, or a SPIFFE ID if an agent says so."""
    server_name: str
    """What clients ask for by SNI when they mean this proxy: a DNS name."""
    trust_anchors: str
    """PEM."""
    source: IdentityServiceSettings | WorkloadApiSettings


@dataclass(frozen=True, slots=True)
class DestinationSettings:
    address: ControlAddress
    context: str
    """Sent along with every look-up, as it is."""
    networks: tuple[IPNetwork, ...] | None
    """Addresses outside are forwarded without a look-up; None looks up every address."""
    suffixes: tuple[str, ...]
    """Names that a request gives as its destination (ingress mode) are looked up if they end so;
    without dots at the ends, an empty one takes all. Names a gateway serves are looked up as well."""


@dataclass(frozen=True, slots=True)
class PolicySettings:
    address: ControlAddress
    workload: str
    """Sent along with every look-up, as it is."""


@dataclass(frozen=True, slots=True)
class StreamLimits:
    """Bounds on each stream from the control plane, in seconds; None means no bound."""

    initial: float | None = None
    """Until the first message."""
    idle: float | None = None
    """Between messages."""
    lifetime: float | None = None
    """Until the stream is opened anew."""


@dataclass(frozen=True, slots=True)
class AdminSettings:
    listen: SocketAddress
    shutdown_enabled: bool
    """Whether POST /shutdown works."""
    metrics_retain_idle: float
    """Seconds a series stays after its last change."""


@dataclass(frozen=True, slots=True)
class TapSettings:
    listen: SocketAddress
    client_identity: str
    """Whoever proves it may watch requests; nobody else may."""


@dataclass(frozen=True, slots=True)
class TraceSettings:
    """Where spans go, and what they say of this pod."""

    collector: ControlAddress
    labels_file: str | None
    """The pod's labels, as the kubelet writes them; read at the start."""
    service: str | None
    extra: str
    """Lines of `key=value`."""
    standard: str
    """What OTEL_RESOURCE_ATTRIBUTES says: a list of `key=value`."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything the environment says."""

    log: str
    log_format: str
    shutdown_grace_period: float
    """Seconds connections may take to finish after SIGTERM; 0 closes them at once."""
    admin: AdminSettings
    inbound: InboundSettings
    outbound: OutboundSettings
    identity: IdentitySettings
    destination: DestinationSettings
    policy: PolicySettings
    control_streams: StreamLimits
    cores: int = 1
    """Processes that carry traffic, each on a core of its own."""
    tap: TapSettings | None = None
    """None: the control port is not opened."""
    memory_limit: int | None = None
    """Bytes above which new work is turned away; 0 for no ceiling, None for that of the container."""
    trace: TraceSettings | None = None
    """None: no spans are made."""
    warnings: tuple[str, ...] = ()
    """Variables that are set and have no effect, one sentence each; to be logged."""

    @classmethod
    def from_environment(cls, variables: Mapping[str, str]) -> Settings:
        """Read the contract. Raises SettingsError for the first variable that cannot be used."""
        env = Environment(variables)
        if env.is_set("IDENTITY_DISABLED"):
            raise SettingsError(PREFIX + "IDENTITY_DISABLED", "identity cannot be disabled")
        return cls(
            log=env.parsed("LOG", "warn,linkerd=info", log_filter.check),
            log_format=env.one_of(
                "LOG_FORMAT", ("plain", "json", "PLAIN", "JSON"), "plain"
            ).lower(),
            shutdown_grace_period=env.duration("SHUTDOWN_GRACE_PERIOD", 120.0),
            admin=_admin(env),
            inbound=_inbound(env),
            outbound=_outbound(env),
            identity=_identity(env),
            destination=DestinationSettings(
                address=_control(env, "DESTINATION"),
                context=env.text("DESTINATION_CONTEXT", ""),
                networks=env.optional_networks("DESTINATION_PROFILE_NETWORKS"),
                suffixes=env.suffixes("DESTINATION_PROFILE_SUFFIXES", "svc.cluster.local."),
            ),
            policy=PolicySettings(
                address=_control(env, "POLICY"), workload=env.required("POLICY_WORKLOAD")
            ),
            control_streams=_stream_limits(env),
            cores=_cores(env, len(os.sched_getaffinity(0))),
            tap=_tap(env),
            memory_limit=env.optional_size("MEMORY_LIMIT"),
            trace=_trace(env, variables.get("OTEL_RESOURCE_ATTRIBUTES", "")),
            warnings=_warnings(env),
        )


# --- sections -------------------------------------------------------------------------------


def _cores(env: Environment, cpus: int) -> int:
    """A share of the host's CPUs if one is given, else `CORES`; held within the bounds."""
    least = env.whole("CORES_MIN", 1, minimum=1, maximum=MAX_CORES)
    most = env.whole("CORES_MAX", MAX_CORES, minimum=1, maximum=MAX_CORES)
    if least > most:
        raise SettingsError(PREFIX + "CORES_MIN", f"{least} is more than CORES_MAX, {most}")
    wanted = env.whole("CORES", 1, minimum=1, maximum=MAX_CORES)
    share = env.optional_share("CORES_MAX_RATIO")
    if share is not None:
        wanted = round(share * cpus)
    return min(max(wanted, least), most)


def _admin(env: Environment) -> AdminSettings:
    return AdminSettings(
        listen=env.address("ADMIN_LISTEN_ADDR", "127.0.0.1:4191"),
        shutdown_enabled=env.flag("SHUTDOWN_ENDPOINT_ENABLED", False),
        metrics_retain_idle=env.duration("METRICS_RETAIN_IDLE", 600.0),
    )


def _tap(env: Environment) -> TapSettings | None:
    listen = env.address("CONTROL_LISTEN_ADDR", "0.0.0.0:4190")
    client = env.optional_text("TAP_SVC_NAME")
    if client is None:
        return None
    name = client.lower().rstrip(".")
    if not is_dns_name(name):
        raise SettingsError(PREFIX + "TAP_SVC_NAME", f"{client!r} is not a DNS name")
    return TapSettings(listen, name)


def _trace(env: Environment, standard: str) -> TraceSettings | None:
    if not env.is_set("TRACE_COLLECTOR_SVC_ADDR"):
        return None
    found = TraceSettings(
        _control(env, "TRACE_COLLECTOR"),
        env.optional_text("TRACE_ATTRIBUTES_PATH"),
        env.optional_text("TRACE_SERVICE_NAME"),
        env.text("TRACE_EXTRA_ATTRIBUTES", ""),
        standard,
    )
    for name, extra, standard_text in (
        (PREFIX + "TRACE_EXTRA_ATTRIBUTES", found.extra, ""),
        ("OTEL_RESOURCE_ATTRIBUTES", "", found.standard),
    ):
        try:
            resource.attributes(None, "", extra, standard_text)
        except ValueError as error:
            raise SettingsError(name, str(error)) from error
    return found


def _inbound(env: Environment) -> InboundSettings:
    policy = env.one_of("INBOUND_DEFAULT_POLICY", DEFAULT_POLICIES, "all-unauthenticated")
    networks = env.networks("POLICY_CLUSTER_NETWORKS")
    if policy.startswith("cluster-") and not networks:
        raise SettingsError(
            PREFIX + "POLICY_CLUSTER_NETWORKS",
            f"is required because INBOUND_DEFAULT_POLICY is {policy}",
        )
    return InboundSettings(
        listen=(env.address("INBOUND_LISTEN_ADDR", "0.0.0.0:4143"),),
        backlog=env.optional_whole("INBOUND_TCP_LISTEN_BACKLOG", minimum=1),
        accept=_socket(env, "INBOUND_ACCEPT"),
        connect=_connect(env, "INBOUND", timeout=0.3, max_backoff=10.0),
        detect_timeout=env.duration("INBOUND_DETECT_TIMEOUT", 10.0),
        pool=PoolSettings(
            env.whole("MAX_IDLE_CONNS_PER_ENDPOINT", 10_000),
            env.duration("INBOUND_HTTP1_CONNECTION_POOL_IDLE_TIMEOUT", 3.0),
        ),
        http_queue=_queue(env, "INBOUND_HTTP", failfast=1.0),
        http2=_http2(env, "INBOUND"),
        max_in_flight=env.whole("INBOUND_MAX_IN_FLIGHT", 100_000, minimum=1),
        discovery_idle_timeout=env.duration("INBOUND_DISCOVERY_IDLE_TIMEOUT", 90.0),
        bounds=_bounds(env, "INBOUND"),
        ports=tuple(env.ports("INBOUND_PORTS")),
        opaque_ports=env.ports("INBOUND_PORTS_DISABLE_PROTOCOL_DETECTION"),
        default_policy=policy,
        cluster_networks=networks,
        allowed_ips=env.ips("INBOUND_IPS"),
        access_log=env.one_of("ACCESS_LOG", ("", *FORMATS), "") or None,
        gateway_suffixes=env.suffixes("INBOUND_GATEWAY_SUFFIXES", ""),
    )


def _outbound(env: Environment) -> OutboundSettings:
    ingress = env.flag("INGRESS_MODE", False)
    single = env.address("OUTBOUND_LISTEN_ADDR", "127.0.0.1:4140")
    listen = env.addresses("OUTBOUND_LISTEN_ADDRS", (single,))
    if len(listen) > 2:
        raise SettingsError(
            PREFIX + "OUTBOUND_LISTEN_ADDRS", "allowed are one address, or one of each IP version"
        )
    return OutboundSettings(
        listen=listen,
        backlog=env.optional_whole("OUTBOUND_TCP_LISTEN_BACKLOG", minimum=1),
        accept=_socket(env, "OUTBOUND_ACCEPT"),
        connect=_connect(env, "OUTBOUND", timeout=1.0, max_backoff=60.0),
        detect_timeout=env.duration("OUTBOUND_DETECT_TIMEOUT", 10.0),
        pool=PoolSettings(
            env.whole("OUTBOUND_MAX_IDLE_CONNS_PER_ENDPOINT", 10_000),
            env.duration("OUTBOUND_HTTP1_CONNECTION_POOL_IDLE_TIMEOUT", 3.0),
        ),
        http_queue=_queue(env, "OUTBOUND_HTTP", failfast=3.0),
        http2=_http2(env, "OUTBOUND"),
        max_in_flight=env.whole("OUTBOUND_MAX_IN_FLIGHT", 100_000, minimum=1),
        discovery_idle_timeout=env.duration("OUTBOUND_DISCOVERY_IDLE_TIMEOUT", 5.0),
        bounds=_bounds(env, "OUTBOUND"),
        tcp_queue=_queue(env, "OUTBOUND_TCP", failfast=3.0),
        disable_informational_headers=env.flag("OUTBOUND_DISABLE_INFORMATIONAL_HEADERS", ingress),
        ingress=ingress,
        hostname_labels=env.flag("OUTBOUND_METRICS_HOSTNAME_LABELS", False),
    )


def _identity(env: Environment) -> IdentitySettings:
    anchors = env.required("IDENTITY_TRUST_ANCHORS")
    if "-----BEGIN CERTIFICATE-----" not in anchors:
        raise SettingsError(
            PREFIX + "IDENTITY_TRUST_ANCHORS", "holds no certificate: allowed is a PEM bundle"
        )
    for variable in ("IDENTITY_SPIRE_WORKLOAD_API_ADDRESS", "IDENTITY_SPIRE_SOCKET"):
        if env.is_set(variable):
            return _identity_of_agent(
                env, anchors, WorkloadApiSettings(_socket_path(env, variable))
            )
    name = _local_name(env)
    return IdentitySettings(name, name, anchors, _identity_service(env))


def _identity_of_agent(
    env: Environment, anchors: str, source: WorkloadApiSettings
) -> IdentitySettings:
    if env.is_set("IDENTITY_LOCAL_NAME"):
        raise SettingsError(
            PREFIX + "IDENTITY_LOCAL_NAME",
            "must not be set where a SPIRE agent says who the proxy is: IDENTITY_SERVER_ID and"
            " IDENTITY_SERVER_NAME take its place",
        )
    identity = env.required("IDENTITY_SERVER_ID")
    if not is_spiffe_id(identity):
        raise SettingsError(
            PREFIX + "IDENTITY_SERVER_ID",
            f"{identity!r} is not a SPIFFE ID: the form is spiffe://TRUST-DOMAIN/PATH",
        )
    return IdentitySettings(identity, _dns_name(env, "IDENTITY_SERVER_NAME"), anchors, source)


def _local_name(env: Environment) -> str:
    """The local name; server ID and server name may take its place if they are the same."""
    if env.is_set("IDENTITY_LOCAL_NAME") or not env.is_set("IDENTITY_SERVER_ID"):
        return _dns_name(env, "IDENTITY_LOCAL_NAME")
    if is_spiffe_id(env.text("IDENTITY_SERVER_ID", "")):
        raise SettingsError(
            PREFIX + "IDENTITY_SERVER_ID",
            "is a SPIFFE ID, which only a SPIRE agent gives: set IDENTITY_SPIRE_WORKLOAD_API_ADDRESS",
        )
    identity = _dns_name(env, "IDENTITY_SERVER_ID")
    if identity != _dns_name(env, "IDENTITY_SERVER_NAME"):
        raise SettingsError(
            PREFIX + "IDENTITY_SERVER_NAME",
            f"must be the same as IDENTITY_SERVER_ID, {identity}, without a SPIRE agent",
        )
    return identity


def _dns_name(env: Environment, variable: str) -> str:
    name = env.required(variable).lower().rstrip(".")
    if not is_dns_name(name):
        raise SettingsError(PREFIX + variable, f"{name!r} is not a DNS name")
    return name


def _socket_path(env: Environment, variable: str) -> str:
    raw = env.required(variable)
    path = raw.removeprefix("unix:")
    if path.startswith("//"):
        path = path.removeprefix("//")
    if not path.startswith("/") or path.endswith("/") or len(os.fsencode(path)) > MAX_SOCKET_PATH:
        raise SettingsError(
            PREFIX + variable,
            f"{raw!r} is no Unix socket: the form is unix:///path/to/agent.sock, with a path of at most"
            f" {MAX_SOCKET_PATH} bytes",
        )
    return path


def _identity_service(env: Environment) -> IdentityServiceSettings:
    minimum = env.duration("IDENTITY_MIN_REFRESH", 10.0)
    maximum = env.duration("IDENTITY_MAX_REFRESH", 86_400.0)
    if minimum > maximum:
        raise SettingsError(
            PREFIX + "IDENTITY_MIN_REFRESH", f"{minimum:g}s is more than MAX_REFRESH, {maximum:g}s"
        )
    return IdentityServiceSettings(
        address=_control(env, "IDENTITY"),
        token_file=env.required("IDENTITY_TOKEN_FILE"),
        directory=env.required("IDENTITY_DIR"),
        min_refresh=minimum,
        max_refresh=maximum,
    )


def _control(env: Environment, service: str) -> ControlAddress:
    host, port = env.host_port(f"{service}_SVC_ADDR")
    if _is_loopback(host):
        return ControlAddress(host, port, None)
    return ControlAddress(host, port, env.required(f"{service}_SVC_NAME").lower().rstrip("."))


def _stream_limits(env: Environment) -> StreamLimits:
    limits = StreamLimits(
        env.optional_duration("CONTROL_STREAM_INITIAL_TIMEOUT"),
        env.optional_duration("CONTROL_STREAM_IDLE_TIMEOUT"),
        env.optional_duration("CONTROL_STREAM_LIFETIME"),
    )
    given = [one for one in (limits.initial, limits.idle, limits.lifetime) if one is not None]
    if given != sorted(given):
        raise SettingsError(
            PREFIX + "CONTROL_STREAM_INITIAL_TIMEOUT",
            "must not exceed CONTROL_STREAM_IDLE_TIMEOUT, nor that CONTROL_STREAM_LIFETIME",
        )
    return limits


def _socket(env: Environment, prefix: str) -> SocketOptions:
    return SocketOptions(
        env.optional_duration(f"{prefix}_KEEPALIVE"),
        env.optional_duration(f"{prefix}_USER_TIMEOUT"),
    )


def _connect(
    env: Environment, direction: str, *, timeout: float, max_backoff: float
) -> ConnectSettings:
    prefix = f"{direction}_CONNECT"
    minimum = env.duration(f"{prefix}_EXP_BACKOFF_MIN", 0.1)
    maximum = env.duration(f"{prefix}_EXP_BACKOFF_MAX", max_backoff)
    if not 0 < minimum <= maximum:
        raise SettingsError(
            f"{PREFIX}{prefix}_EXP_BACKOFF_MIN",
            f"must be more than 0 and not more than EXP_BACKOFF_MAX, {maximum:g}s",
        )
    return ConnectSettings(
        env.duration(f"{prefix}_TIMEOUT", timeout),
        Backoff(minimum, maximum, env.share(f"{prefix}_EXP_BACKOFF_JITTER", 0.1)),
        _socket(env, prefix),
    )


def _queue(env: Environment, prefix: str, *, failfast: float) -> QueueSettings:
    return QueueSettings(
        env.whole(f"{prefix}_QUEUE_CAPACITY", 10_000, minimum=1),
        env.duration(f"{prefix}_FAILFAST_TIMEOUT", failfast),
    )


def _bounds(env: Environment, direction: str) -> BoundSettings:
    default = BoundSettings()
    return BoundSettings(
        env.whole(f"{direction}_MAX_CONNECTIONS", default.max_connections, minimum=1),
        env.whole(f"{direction}_HTTP1_MAX_HEADER_SIZE", default.max_header_size, minimum=8192),
        env.duration(f"{direction}_HTTP1_HEADER_TIMEOUT", default.header_timeout),
        env.duration(f"{direction}_HTTP1_BODY_TIMEOUT", default.body_timeout),
    )


def _http2(env: Environment, direction: str) -> Http2Settings:
    prefix = f"{direction}_SERVER_HTTP2"
    return Http2Settings(
        max_concurrent_streams=env.optional_whole(f"{prefix}_MAX_CONCURRENT_STREAMS", minimum=1),
        max_frame_size=env.optional_whole(f"{prefix}_MAX_FRAME_SIZE", minimum=16_384),
        max_header_list_size=env.optional_whole(f"{prefix}_MAX_HEADER_LIST_SIZE", minimum=1),
        max_pending_accept_reset_streams=env.optional_whole(
            f"{prefix}_MAX_PENDING_ACCEPT_RESET_STREAMS"
        ),
        max_send_buf_size=env.optional_whole(f"{prefix}_MAX_SEND_BUF_SIZE", minimum=1),
        max_control_frames=env.optional_whole(f"{prefix}_MAX_CONTROL_FRAMES", minimum=1),
        initial_stream_window_size=env.optional_whole(
            f"{prefix}_INITIAL_STREAM_WINDOW_SIZE", minimum=1
        ),
        initial_connection_window_size=env.optional_whole(
            f"{prefix}_INITIAL_CONNECTION_WINDOW_SIZE", minimum=65_535
        ),
        keep_alive_interval=env.optional_duration(f"{prefix}_KEEP_ALIVE_INTERVAL"),
        keep_alive_timeout=env.optional_duration(f"{prefix}_KEEP_ALIVE_TIMEOUT"),
    )


def _is_loopback(host: str) -> bool:
    if host.lower().rstrip(".") == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


# --- what has no effect ---------------------------------------------------------------------

_DIRECTION = (
    "TCP_LISTEN_BACKLOG",
    "DETECT_TIMEOUT",
    "CONNECT_TIMEOUT",
    "CONNECT_EXP_BACKOFF_MIN",
    "CONNECT_EXP_BACKOFF_MAX",
    "CONNECT_EXP_BACKOFF_JITTER",
    "ACCEPT_KEEPALIVE",
    "ACCEPT_USER_TIMEOUT",
    "CONNECT_KEEPALIVE",
    "CONNECT_USER_TIMEOUT",
    "HTTP_QUEUE_CAPACITY",
    "HTTP_FAILFAST_TIMEOUT",
    "HTTP1_CONNECTION_POOL_IDLE_TIMEOUT",
    "MAX_IN_FLIGHT",
    "DISCOVERY_IDLE_TIMEOUT",
    "SERVER_HTTP2_MAX_CONCURRENT_STREAMS",
    "SERVER_HTTP2_MAX_FRAME_SIZE",
    "SERVER_HTTP2_MAX_HEADER_LIST_SIZE",
    "SERVER_HTTP2_MAX_PENDING_ACCEPT_RESET_STREAMS",
    "SERVER_HTTP2_MAX_SEND_BUF_SIZE",
    "SERVER_HTTP2_INITIAL_STREAM_WINDOW_SIZE",
    "SERVER_HTTP2_INITIAL_CONNECTION_WINDOW_SIZE",
    "SERVER_HTTP2_KEEP_ALIVE_INTERVAL",
    "SERVER_HTTP2_KEEP_ALIVE_TIMEOUT",
    # These are Weft's own.
    "SERVER_HTTP2_MAX_CONTROL_FRAMES",
    "MAX_CONNECTIONS",
    "HTTP1_MAX_HEADER_SIZE",
    "HTTP1_HEADER_TIMEOUT",
    "HTTP1_BODY_TIMEOUT",
)

HONOURED = frozenset(
    {f"{direction}_{name}" for direction in ("INBOUND", "OUTBOUND") for name in _DIRECTION}
    | {f"{service}_SVC_ADDR" for service in ("IDENTITY", "DESTINATION", "POLICY")}
    | {f"{service}_SVC_NAME" for service in ("IDENTITY", "DESTINATION", "POLICY")}
    | {
        "LOG",
        "LOG_FORMAT",
        "ACCESS_LOG",
        "CORES",
        "CORES_MIN",
        "CORES_MAX",
        "CORES_MAX_RATIO",
        "SHUTDOWN_GRACE_PERIOD",
        "SHUTDOWN_ENDPOINT_ENABLED",
        "ADMIN_LISTEN_ADDR",
        "CONTROL_LISTEN_ADDR",
        "TAP_SVC_NAME",
        "METRICS_RETAIN_IDLE",
        "INBOUND_LISTEN_ADDR",
        "OUTBOUND_LISTEN_ADDR",
        "OUTBOUND_LISTEN_ADDRS",
        "INBOUND_PORTS",
        "INBOUND_PORTS_DISABLE_PROTOCOL_DETECTION",
        "INBOUND_DEFAULT_POLICY",
        "INBOUND_IPS",
        "INBOUND_GATEWAY_SUFFIXES",
        "POLICY_CLUSTER_NETWORKS",
        "POLICY_WORKLOAD",
        "MAX_IDLE_CONNS_PER_ENDPOINT",
        "OUTBOUND_MAX_IDLE_CONNS_PER_ENDPOINT",
        "OUTBOUND_TCP_QUEUE_CAPACITY",
        "OUTBOUND_TCP_FAILFAST_TIMEOUT",
        "OUTBOUND_DISABLE_INFORMATIONAL_HEADERS",
        "INGRESS_MODE",
        "OUTBOUND_METRICS_HOSTNAME_LABELS",
        "DESTINATION_CONTEXT",
        "DESTINATION_PROFILE_NETWORKS",
        "DESTINATION_PROFILE_SUFFIXES",
        "IDENTITY_DIR",
        "IDENTITY_TRUST_ANCHORS",
        "IDENTITY_TOKEN_FILE",
        "IDENTITY_LOCAL_NAME",
        "IDENTITY_SERVER_ID",
        "IDENTITY_SERVER_NAME",
        "IDENTITY_SPIRE_WORKLOAD_API_ADDRESS",
        "IDENTITY_SPIRE_SOCKET",
        "IDENTITY_MIN_REFRESH",
        "IDENTITY_MAX_REFRESH",
        "CONTROL_STREAM_INITIAL_TIMEOUT",
        "CONTROL_STREAM_IDLE_TIMEOUT",
        "CONTROL_STREAM_LIFETIME",
        "MEMORY_LIMIT",
        "TRACE_COLLECTOR_SVC_ADDR",
        "TRACE_COLLECTOR_SVC_NAME",
        "TRACE_ATTRIBUTES_PATH",
        "TRACE_SERVICE_NAME",
        "TRACE_EXTRA_ATTRIBUTES",
    }
)
"""Variables read above, without the prefix."""


def _warnings(env: Environment) -> tuple[str, ...]:
    sentences = []
    for name in env.names():
        if name in NOT_YET:
            sentences.append(f"{PREFIX}{name} has no effect: {NOT_YET[name]}")
        elif name not in HONOURED:
            sentences.append(f"{PREFIX}{name} is not a known setting and has no effect")
    return tuple(sentences)
