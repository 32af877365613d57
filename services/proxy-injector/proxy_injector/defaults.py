"""The installed mesh as the injector sees it: facts of the whole mesh, and the settings of a proxy
before any annotation speaks.

Both are read from the `values` of ConfigMap `weft-config`, which `mesh install` writes in full, so
no default is written twice: a missing key is an error that names it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Self

from weft.names import DESTINATION_COMPONENT, IDENTITY_COMPONENT, TrustDomain
from weft.ports import DESTINATION, IDENTITY, POLICY


class ValuesError(ValueError):
    """The installation's values lack a key or hold another type; the message names the key."""


@dataclass(frozen=True, slots=True)
class Mesh:
    """What every proxy of one mesh shares."""

    namespace: str
    """Of the control plane."""
    version: str
    """Of the control plane; stamped on injected pods as the creator's version."""
    trust_domain: str
    cluster_domain: str
    trust_anchors: str
    """PEM bundle."""
    cluster_networks: str
    """Networks separated by commas; look-ups are done for addresses inside them."""
    disable_ipv6: bool
    kube_api_ports: str
    """Ports a control-plane pod reaches the API server on, which its proxy leaves alone."""
    init_user: int
    """User id of the init container; it needs two capabilities, which other users cannot hold."""
    tap_identity: str
    """Identity that may tap proxies; empty while no tap is installed."""

    @property
    def identities(self) -> TrustDomain:
        """Builds the names of this mesh's workloads."""
        return TrustDomain(self.namespace, self.trust_domain)

    @property
    def anchors_sha256(self) -> str:
        """Fingerprint of the trust anchors, stamped on pods so that `mesh check` can find stale ones."""
        return sha256(self.trust_anchors.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class ControlPlane:
    """Where a proxy finds the control plane. A loopback address means plain text inside the pod."""

    identity: str
    destination: str
    policy: str

    @classmethod
    def services(cls, mesh: Mesh) -> Self:
        """By the headless Services, as every pod but the control plane's own does."""
        zone = f"{mesh.namespace}.svc.{mesh.cluster_domain}."
        return cls(
            identity=f"{IDENTITY_COMPONENT}-headless.{zone}:{IDENTITY}",
            destination=f"weft-dst-headless.{zone}:{DESTINATION}",
            policy=f"weft-policy.{zone}:{POLICY}",
        )

    @classmethod
    def seen_from(cls, component: str, mesh: Mesh) -> Self:
        """As a control-plane pod sees it: what runs beside the proxy is asked over loopback."""
        remote = cls.services(mesh)
        if component == IDENTITY_COMPONENT:
            return cls(f"localhost.:{IDENTITY}", remote.destination, remote.policy)
        if component == DESTINATION_COMPONENT:
            return cls(remote.identity, f"localhost.:{DESTINATION}", f"localhost.:{POLICY}")
        return remote


@dataclass(frozen=True, slots=True)
class Resources:
    """Kubernetes quantities; empty text leaves the entry out."""

    cpu_request: str = ""
    cpu_limit: str = ""
    memory_request: str = ""
    memory_limit: str = ""
    storage_request: str = ""
    storage_limit: str = ""


@dataclass(frozen=True, slots=True)
class Tracing:
    """Where a proxy's spans go, and what they say of their pod."""

    collector: str
    """host:port."""
    identity: str
    """What the collector must prove to be."""
    service: str
    attributes: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class ProxySettings:
    """The settings of one proxy, its init container and its debug container.

    Durations keep the spelling they were given (they were parsed when they were read), because the
    proxy's environment takes the same spelling.
    """

    image: str
    version: str
    pull_policy: str
    control_port: int
    admin_port: int
    inbound_port: int
    outbound_port: int
    skip_inbound_ports: str
    skip_outbound_ports: str
    skip_subnets: str
    opaque_ports: str
    """Numbers, ranges and names of container ports; names are resolved per pod."""
    pod_inbound_ports: str
    """Replaces the ports computed from the pod; empty computes them."""
    resources: Resources
    cpu_ratio_limit: str
    uid: int
    gid: int
    """Negative leaves the group to the image."""
    shutdown_endpoint: bool
    log_level: str
    log_format: str
    log_http_headers: str
    external_profiles: bool
    require_identity_ports: str
    hostname_labels: bool
    outbound_connect_timeout: str
    inbound_connect_timeout: str
    outbound_discovery_idle: str
    inbound_discovery_idle: str
    no_outbound_detect_timeout: bool
    no_inbound_detect_timeout: bool
    gateway: bool
    ingress: bool
    debug: bool
    debug_image: str
    debug_version: str
    debug_pull_policy: str
    close_wait_timeout: int
    """Seconds for net.netfilter.nf_conntrack_tcp_timeout_close_wait; 0 leaves the kernel's."""
    await_ready: bool
    """Whether the application starts only when the proxy is ready."""
    default_inbound_policy: str
    access_log: str
    shutdown_grace_period: str
    native_sidecar: bool
    """Use a native sidecar where the API server has them."""
    additional_env: tuple[str, ...]
    """EnvVar objects as canonical JSON, later ones replacing earlier ones of the same name."""
    wait_before_exit_seconds: int
    disable_tap: bool = False
    """Nobody may watch this proxy's requests."""
    tracing: Tracing | None = None
    """None: no spans are made."""


@dataclass(frozen=True, slots=True)
class Installation:
    """The values in force."""

    mesh: Mesh
    settings: ProxySettings
    excluded_namespaces: tuple[str, ...] = ()
    """Namespaces whose pods the API server never asks the webhook about."""


class Values:
    """Typed reading of nested values by dotted names. Every getter raises ValuesError."""

    def __init__(self, tree: Mapping[str, Any]) -> None:
        self._tree = tree

    def _get(self, name: str) -> Any:
        node: Any = self._tree
        for part in name.split("."):
            if not isinstance(node, Mapping) or part not in node:
                raise ValuesError(f"the mesh's values have no {name}: run `mesh install` anew")
            node = node[part]
        return node

    def text(self, name: str) -> str:
        """A string; null is empty."""
        value = self._get(name)
        if value is None:
            return ""
        if not isinstance(value, str):
            raise ValuesError(f"value {name} must be a string, not {value!r}")
        return value

    def number(self, name: str) -> int:
        """A whole number."""
        value = self._get(name)
        if not isinstance(value, int) or isinstance(value, bool):
            raise ValuesError(f"value {name} must be a whole number, not {value!r}")
        return value

    def flag(self, name: str) -> bool:
        """A boolean."""
        value = self._get(name)
        if not isinstance(value, bool):
            raise ValuesError(f"value {name} must be true or false, not {value!r}")
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of strings."""
        value = self._get(name)
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            raise ValuesError(f"value {name} must be a list of strings, not {value!r}")
        return tuple(value)

    def objects(self, name: str) -> tuple[str, ...]:
        """A list of objects, each as canonical JSON."""
        value = self._get(name)
        if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
            raise ValuesError(f"value {name} must be a list of objects, not {value!r}")
        return tuple(json.dumps(one, separators=(",", ":"), ensure_ascii=False) for one in value)


def read_installation(tree: Mapping[str, Any]) -> Installation:
    """All of it from the mesh's values. Raises ValuesError."""
    return Installation(
        mesh=read_mesh(tree),
        settings=read_proxy(tree),
        excluded_namespaces=Values(tree).texts("proxyInjector.excludedNamespaces"),
    )


def read_mesh(tree: Mapping[str, Any]) -> Mesh:
    """The facts of the mesh from its values. Raises ValuesError."""
    values = Values(tree)
    return Mesh(
        namespace=values.text("namespace"),
        version=values.text("version"),
        trust_domain=values.text("identityTrustDomain") or values.text("clusterDomain"),
        cluster_domain=values.text("clusterDomain"),
        trust_anchors=values.text("identityTrustAnchorsPEM"),
        cluster_networks=values.text("clusterNetworks"),
        disable_ipv6=values.flag("disableIPv6"),
        kube_api_ports=values.text("proxyInit.kubeAPIServerPorts"),
        init_user=values.number("proxyInit.runAsUser"),
        tap_identity=values.text("tap.identity"),
    )


def read_proxy(tree: Mapping[str, Any]) -> ProxySettings:
    """The settings of a proxy no annotation speaks for. Raises ValuesError."""
    values = Values(tree)
    registry = values.text("imageRegistry")
    version = values.text("imageVersion") or values.text("version")
    pull_policy = values.text("imagePullPolicy")
    return ProxySettings(
        image=values.text("proxy.image.name") or f"{registry}/proxy",
        version=values.text("proxy.image.version") or version,
        pull_policy=values.text("proxy.image.pullPolicy") or pull_policy,
        control_port=values.number("proxy.ports.control"),
        admin_port=values.number("proxy.ports.admin"),
        inbound_port=values.number("proxy.ports.inbound"),
        outbound_port=values.number("proxy.ports.outbound"),
        skip_inbound_ports=values.text("proxyInit.ignoreInboundPorts"),
        skip_outbound_ports=values.text("proxyInit.ignoreOutboundPorts"),
        skip_subnets=values.text("proxyInit.skipSubnets"),
        opaque_ports=values.text("proxy.opaquePorts"),
        pod_inbound_ports="",
        resources=Resources(
            cpu_request=values.text("proxy.resources.cpu.request"),
            cpu_limit=values.text("proxy.resources.cpu.limit"),
            memory_request=values.text("proxy.resources.memory.request"),
            memory_limit=values.text("proxy.resources.memory.limit"),
            storage_request=values.text("proxy.resources.ephemeral-storage.request"),
            storage_limit=values.text("proxy.resources.ephemeral-storage.limit"),
        ),
        cpu_ratio_limit=values.text("proxy.cpuRatioLimit"),
        uid=values.number("proxy.uid"),
        gid=values.number("proxy.gid"),
        shutdown_endpoint=values.flag("proxy.enableShutdownEndpoint"),
        log_level=values.text("proxy.logLevel"),
        log_format=values.text("proxy.logFormat"),
        log_http_headers=values.text("proxy.logHTTPHeaders"),
        external_profiles=values.flag("proxy.enableExternalProfiles"),
        require_identity_ports=values.text("proxy.requireIdentityOnInboundPorts"),
        hostname_labels=values.flag("proxy.metrics.hostnameLabels"),
        outbound_connect_timeout=values.text("proxy.outboundConnectTimeout"),
        inbound_connect_timeout=values.text("proxy.inboundConnectTimeout"),
        outbound_discovery_idle=values.text("proxy.outboundDiscoveryCacheUnusedTimeout"),
        inbound_discovery_idle=values.text("proxy.inboundDiscoveryCacheUnusedTimeout"),
        no_outbound_detect_timeout=values.flag("proxy.disableOutboundProtocolDetectTimeout"),
        no_inbound_detect_timeout=values.flag("proxy.disableInboundProtocolDetectTimeout"),
        gateway=values.flag("proxy.isGateway"),
        ingress=False,
        debug=False,
        debug_image=values.text("debugContainer.image.name") or f"{registry}/debug",
        debug_version=values.text("debugContainer.image.version") or version,
        debug_pull_policy=values.text("debugContainer.image.pullPolicy") or pull_policy,
        close_wait_timeout=values.number("proxyInit.closeWaitTimeoutSecs"),
        await_ready=values.flag("proxy.await"),
        default_inbound_policy=values.text("proxy.defaultInboundPolicy"),
        access_log=values.text("proxy.accessLog"),
        shutdown_grace_period=values.text("proxy.shutdownGracePeriod"),
        native_sidecar=values.flag("proxy.nativeSidecar"),
        additional_env=values.objects("proxy.additionalEnv"),
        wait_before_exit_seconds=values.number("proxy.waitBeforeExitSeconds"),
        tracing=_read_tracing(values),
    )


def _read_tracing(values: Values) -> Tracing | None:
    if not values.flag("proxy.tracing.enabled"):
        return None
    collector = "proxy.tracing.collector"
    account = values.text(f"{collector}.meshIdentity.serviceAccountName")
    namespace = values.text(f"{collector}.meshIdentity.namespace")
    control_plane = values.text("namespace")
    domain = values.text("identityTrustDomain") or values.text("clusterDomain")
    return Tracing(
        values.text(f"{collector}.endpoint"),
        f"{account}.{namespace}.serviceaccount.identity.{control_plane}.{domain}",
        values.text("proxy.tracing.traceServiceName"),
    )
