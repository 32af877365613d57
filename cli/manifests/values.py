"""Every value of an installation: its default, its type, and what it does.

Names are those of Linkerd's chart wherever it has the same value, so that values files carry over.
What `mesh install` stores in ConfigMap `weft-config` is this tree in full, without private keys.
"""
# ruff: noqa: N815 (the names are those of values files)

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from weft import labels
from weft.addresses import parse_networks
from weft.durations import parse_duration, parse_go_duration
from weft.names import is_dns_label, is_dns_name
from weft.ports import ADMIN, CONTROL, DEFAULT_OPAQUE, INBOUND, MAX_PORT, OUTBOUND, parse_port_set
from weft.version import VERSION


def _networks(text: str) -> str:
    parse_networks(text)
    return text


def _ports(text: str) -> str:
    parse_port_set(text)
    return text


def _duration(text: str) -> str:
    if text:
        parse_duration(text)
    return text


def _go_duration(text: str) -> str:
    parse_go_duration(text)
    return text


def _quantity(text: str) -> str:
    if text and not re.fullmatch(r"[0-9]+(\.[0-9]+)?([numkMGTPE]|[KMGTPE]i)?", text):
        raise ValueError(f'{text!r} is not a quantity: allowed are forms like "100m" and "64Mi"')
    return text


def _domain(text: str) -> str:
    if not is_dns_name(text):
        raise ValueError(f"{text!r} is not a domain: allowed are names like cluster.local")
    return text


def _namespace(text: str) -> str:
    if not is_dns_label(text):
        raise ValueError(f"{text!r} is not a namespace: allowed are a-z, 0-9 and '-'")
    return text


NetworkList = Annotated[str, AfterValidator(_networks)]
PortList = Annotated[str, AfterValidator(_ports)]
Duration = Annotated[str, AfterValidator(_duration)]
"""One number with one unit, as the proxy's environment takes it; empty keeps the proxy's default."""
GoDuration = Annotated[str, AfterValidator(_go_duration)]
Quantity = Annotated[str, AfterValidator(_quantity)]
Domain = Annotated[str, AfterValidator(_domain)]
Port = Annotated[int, Field(ge=1, le=MAX_PORT)]
UserId = Annotated[int, Field(ge=0, le=2**31 - 1)]
PullPolicy = Literal["Always", "IfNotPresent", "Never"]
InboundPolicy = Literal[labels.DEFAULT_POLICIES]  # type: ignore[valid-type]


class Section(BaseModel):
    """A group of values: unknown keys are errors, strings are not numbers."""

    model_config = ConfigDict(extra="forbid", strict=True, populate_by_name=True, frozen=True)


class Image(Section):
    """Where an image comes from. Empty entries follow imageRegistry, imageVersion, imagePullPolicy."""

    name: str = ""
    version: str = ""
    pullPolicy: PullPolicy | Literal[""] = ""


class Ports(Section):
    """The proxy's own ports."""

    admin: Port = ADMIN
    control: Port = CONTROL
    inbound: Port = INBOUND
    outbound: Port = OUTBOUND


class Amount(Section):
    """Request and limit of one resource; empty leaves it out."""

    request: Quantity = ""
    limit: Quantity = ""


class Resources(Section):
    """What a container asks for and may use."""

    cpu: Amount = Amount()
    memory: Amount = Amount()
    ephemeral_storage: Amount = Field(default=Amount(), alias="ephemeral-storage")


class ProxyMetrics(Section):
    """Labels that cost series."""

    hostnameLabels: bool = False


class Proxy(Section):
    """The sidecar's defaults; `config.linkerd.io/*` annotations override them per namespace and pod."""

    image: Image = Image()
    ports: Ports = Ports()
    logLevel: str = "warn,linkerd=info,hickory=error"
    logFormat: Literal["plain", "json"] = "plain"
    logHTTPHeaders: Literal["off", "insecure"] = "off"
    opaquePorts: PortList = DEFAULT_OPAQUE
    resources: Resources = Resources()
    cpuRatioLimit: str = ""
    uid: Annotated[int, Field(ge=1, le=2**31 - 1)] = 2102
    gid: int = -1
    await_: bool = Field(default=True, alias="await")
    nativeSidecar: bool = True
    defaultInboundPolicy: InboundPolicy = "all-unauthenticated"
    inboundConnectTimeout: Duration = "100ms"
    outboundConnectTimeout: Duration = "1000ms"
    outboundDiscoveryCacheUnusedTimeout: Duration = "5s"
    inboundDiscoveryCacheUnusedTimeout: Duration = "90s"
    disableOutboundProtocolDetectTimeout: bool = False
    disableInboundProtocolDetectTimeout: bool = False
    requireIdentityOnInboundPorts: PortList = ""
    enableExternalProfiles: bool = False
    enableShutdownEndpoint: bool = False
    shutdownGracePeriod: Duration = ""
    waitBeforeExitSeconds: Annotated[int, Field(ge=0, le=3600)] = 0
    accessLog: Literal["", "apache", "json"] = ""
    isGateway: bool = False
    metrics: ProxyMetrics = ProxyMetrics()
    additionalEnv: list[dict[str, Any]] = []


class ProxyInit(Section):
    """The container that redirects a pod's traffic to its proxy."""

    ignoreInboundPorts: PortList = "4567,4568"
    ignoreOutboundPorts: PortList = "4567,4568"
    skipSubnets: NetworkList = ""
    kubeAPIServerPorts: PortList = "443,6443"
    runAsUser: UserId = 0
    closeWaitTimeoutSecs: Annotated[int, Field(ge=0)] = 0


class IssuerTls(Section):
    """The issuer's certificate as given; its key goes to the Secret alone and is never stored here."""

    crtPEM: str = ""


class Issuer(Section):
    """How workload certificates are made."""

    scheme: Literal["linkerd.io/tls", "kubernetes.io/tls"] = "linkerd.io/tls"
    issuanceLifetime: GoDuration = "24h"
    clockSkewAllowance: GoDuration = "20s"
    tls: IssuerTls = IssuerTls()


class Identity(Section):
    """The identity service."""

    issuer: Issuer = Issuer()
    resources: Resources = Resources()


class Component(Section):
    """A control-plane component with nothing of its own but resources."""

    resources: Resources = Resources()


class ProxyInjector(Section):
    """The webhook that injects proxies."""

    timeoutSeconds: Annotated[int, Field(ge=1, le=30)] = 10
    excludedNamespaces: list[str] = ["kube-system", "cert-manager"]
    resources: Resources = Resources()


class DebugContainer(Section):
    """The container that `config.linkerd.io/enable-debug-sidecar` adds."""

    image: Image = Image(name="cr.l5d.io/linkerd/debug", version="edge-26.8.3")


class Tap(Section):
    """Who may tap proxies."""

    identity: str = ""


class Values(Section):
    """The whole tree."""

    namespace: Annotated[str, AfterValidator(_namespace)] = "weft"
    """Where the control plane lives. Set it with -L, so that every command agrees."""
    version: str = VERSION
    """The version that makes these manifests; not to be set."""
    imageRegistry: str = "localhost/weft"
    """Prefix of the images whose name is not set."""
    imageVersion: str = ""
    """Tag of the images whose version is not set; empty is this command's version."""
    imagePullPolicy: PullPolicy = "IfNotPresent"
    clusterDomain: Domain = "cluster.local"
    identityTrustDomain: str = ""
    """Last part of every identity; empty is the cluster domain."""
    identityTrustAnchorsPEM: str = ""
    clusterNetworks: NetworkList = "10.0.0.0/8,100.64.0.0/10,172.16.0.0/12,192.168.0.0/16,fd00::/8"
    disableIPv6: bool = True
    controllerReplicas: Annotated[int, Field(ge=1, le=100)] = 1
    controllerLogLevel: Literal["debug", "info", "warn", "error"] = "info"
    controllerLogFormat: Literal["plain", "json"] = "plain"
    controllerUID: Annotated[int, Field(ge=1)] = 2103
    nodeSelector: dict[str, str] = {"kubernetes.io/os": "linux"}
    priorityClassName: str = ""
    commonLabels: dict[str, str] = {}
    webhookFailurePolicy: Literal["Ignore", "Fail"] = "Ignore"
    identity: Identity = Identity()
    destination: Component = Component()
    proxyInjector: ProxyInjector = ProxyInjector()
    web: Component = Component()
    proxy: Proxy = Proxy()
    proxyInit: ProxyInit = ProxyInit()
    debugContainer: DebugContainer = DebugContainer()
    tap: Tap = Tap()

    @property
    def trust_domain(self) -> str:
        """The trust domain in force."""
        return self.identityTrustDomain or self.clusterDomain

    def tree(self) -> dict[str, Any]:
        """As nested plain values, by the names users write."""
        return self.model_dump(by_alias=True)

    def image(self, component: str) -> str:
        """The image of a control-plane component, with its tag."""
        return f"{self.imageRegistry}/{component}:{self.imageVersion or self.version}"
