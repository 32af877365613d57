"""Every value of an installation: its default, its type, and what it does.

Names are those of Linkerd's chart wherever it has the same value, so that values files carry over.
What `mesh install` stores in ConfigMap `weft-config` is this tree in full, without private keys.
The sentence under a value is its line in docs/reference/values.md and in the chart's schema.
"""
# ruff: noqa: N815 (the names are those of values files)

import re
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, WithJsonSchema, model_validator

from cli.manifests import accepted
from proxy_injector.unmeshed.plan import Choice
from weft import labels, log_filter, ports, redaction
from weft.addresses import parse_networks
from weft.conntrack import LONGEST_CLOSE_WAIT
from weft.cpu import check_cpu_ratio
from weft.durations import parse_duration, parse_go_duration
from weft.images import is_image_name, is_image_tag
from weft.label_text import NAME as LABEL_NAME
from weft.matchers import parse_matchers
from weft.names import is_dns_label, is_dns_name
from weft.ports import ADMIN, CONTROL, DEFAULT_OPAQUE, INBOUND, MAX_PORT, OUTBOUND, parse_port_set
from weft.quantities import check_amount, parse_quantity
from weft.urls import parse_http_url
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


def _optional_url(text: str) -> str:
    return parse_http_url(text) if text else text


def _metric_labels(text: str) -> str:
    parse_matchers(text)
    return text


def _quantity(text: str) -> str:
    return check_amount(text) if text else text


def _share(amount: int | str) -> int | str:
    if isinstance(amount, str) and not re.fullmatch(r"(100|[1-9]?[0-9])%", amount):
        raise ValueError(f"{amount!r} is neither a number of pods nor a share such as 25%")
    if isinstance(amount, int) and not 0 <= amount < 2**31:
        raise ValueError("a number of pods is not negative, and below 2147483648")
    return amount


def _cpu_ratio(text: str) -> str:
    return check_cpu_ratio(text) if text else text


def _domain(text: str) -> str:
    if not is_dns_name(text):
        raise ValueError(f"{text!r} is not a domain: allowed are names like cluster.local")
    return text


def _optional_domain(text: str) -> str:
    return _domain(text) if text else text


def _image_name(text: str) -> str:
    if text and not is_image_name(text):
        raise ValueError(f"{text!r} is not the name of an image: allowed is a name without a tag")
    return text


def _image_tag(text: str) -> str:
    if text and not is_image_tag(text):
        raise ValueError(
            f"{text!r} is not a tag: allowed are up to 128 letters, digits, '.', '_' and '-'"
        )
    return text


def _object_name(text: str) -> str:
    if not is_dns_name(text):
        raise ValueError(
            f"{text!r} is not the name of an object: allowed are up to 253 of a-z, 0-9, '-' and '.'"
        )
    return text


def _optional_object_name(text: str) -> str:
    return _object_name(text) if text else text


def _namespace(text: str) -> str:
    if not is_dns_label(text):
        raise ValueError(f"{text!r} is not a namespace: allowed are a-z, 0-9 and '-'")
    return text


_DNS_LABEL = "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_DNS_NAME = rf"{_DNS_LABEL}(\.{_DNS_LABEL})*"


def _text(form: str, **more: Any) -> dict[str, Any]:
    """In the chart's schema, by which helm checks values: the whole text has this form."""
    return {"type": "string", "pattern": f"^{form}$", **more}


NetworkList = Annotated[str, AfterValidator(_networks)]
PortList = Annotated[str, AfterValidator(_ports)]
Duration = Annotated[str, AfterValidator(_duration)]
"""One number with one unit, as the proxy's environment takes it; empty keeps the proxy's default."""
GoDuration = Annotated[str, AfterValidator(_go_duration)]
Quantity = Annotated[str, AfterValidator(_quantity)]
Share = Annotated[int | str, AfterValidator(_share)]
Domain = Annotated[str, AfterValidator(_domain)]
OptionalDomain = Annotated[str, AfterValidator(_optional_domain)]
LogFilter = Annotated[str, AfterValidator(log_filter.check)]
CpuRatio = Annotated[str, AfterValidator(_cpu_ratio)]
ObjectName = Annotated[
    str, AfterValidator(_object_name), WithJsonSchema(_text(_DNS_NAME, maxLength=253))
]
OptionalObjectName = Annotated[
    str,
    AfterValidator(_optional_object_name),
    WithJsonSchema(_text(f"({_DNS_NAME})?", maxLength=253)),
]
ImageName = Annotated[str, AfterValidator(_image_name)]
ImageTag = Annotated[str, AfterValidator(_image_tag)]
"""Of both, empty is what the sentence under the value says."""
ObjectLabels = Annotated[
    dict[str, str],
    AfterValidator(accepted.labels),
    Field(
        json_schema_extra={
            "patternProperties": {f"^({_DNS_NAME}/)?{LABEL_NAME}$": _text(f"({LABEL_NAME})?")},
            "additionalProperties": False,
        }
    ),
]
ExcludedNamespace = Annotated[str, AfterValidator(_namespace), WithJsonSchema(_text(_DNS_LABEL))]
Registry = Annotated[
    str,
    AfterValidator(accepted.registry),
    WithJsonSchema(_text("[A-Za-z0-9][A-Za-z0-9._:-]*(/[A-Za-z0-9._:-]+)*")),
]
CertifiedName = Annotated[
    str,
    AfterValidator(accepted.identity),
    WithJsonSchema(_text("([A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?[.]?)?", maxLength=254)),
]
PathList = Annotated[
    str,
    AfterValidator(accepted.paths),
    WithJsonSchema(_text(" *(/[^,]*)?( *, *(/[^,]*)?)*")),
]
OptionalURL = Annotated[str, AfterValidator(_optional_url)]
MetricLabels = Annotated[str, AfterValidator(_metric_labels)]
Port = Annotated[int, Field(ge=1, le=MAX_PORT)]
MAX_ID = 2**31 - 1
"""Of users and groups, as the API server takes them."""
UserId = Annotated[int, Field(ge=0, le=MAX_ID)]
OwnUserId = Annotated[int, Field(ge=1, le=MAX_ID)]
PullPolicy = Literal["Always", "IfNotPresent", "Never"]
InboundPolicy = Literal[labels.DEFAULT_POLICIES]  # type: ignore[valid-type]


PRIVATE = "keyPEM"
"""The last name of every value that is a private key."""


class Section(BaseModel):
    """A group of values: unknown keys are errors, strings are not numbers."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        populate_by_name=True,
        frozen=True,
        use_attribute_docstrings=True,
    )


class Image(Section):
    """Where an image comes from."""

    name: ImageName = ""
    """Full name without a tag; empty is the image of that part under imageRegistry."""
    version: ImageTag = ""
    """Tag; empty is imageVersion."""
    pullPolicy: PullPolicy | Literal[""] = ""
    """When nodes pull it; empty is imagePullPolicy."""


class PullSecret(Section):
    """A Secret in the control plane's namespace, as a pod names one."""

    name: ObjectName
    """Its name."""

    @model_validator(mode="before")
    @classmethod
    def _named(cls, given: Any) -> Any:
        """Many charts take bare names here, Linkerd's does not."""
        if isinstance(given, str):
            raise ValueError("a Secret is written {name: SECRET}")
        return given


def _told_apart(secrets: list[PullSecret]) -> list[PullSecret]:
    """The API server keeps them by name: a server-side apply of two alike fails."""
    names = [one.name for one in secrets]
    twice = next((one for one in names if names.count(one) > 1), None)
    if twice is not None:
        raise ValueError(f"Secret {twice!r} is named twice")
    return secrets


PullSecrets = Annotated[
    list[PullSecret], AfterValidator(_told_apart), Field(json_schema_extra={"uniqueItems": True})
]


class Ports(Section):
    """The proxy's own ports."""

    admin: Port = ADMIN
    """Metrics and probes."""
    control: Port = CONTROL
    """Tap."""
    inbound: Port = INBOUND
    """Where a pod's incoming TCP is redirected."""
    outbound: Port = OUTBOUND
    """Where a pod's outgoing TCP is redirected."""

    @model_validator(mode="after")
    def _differ(self) -> Self:
        taken: dict[int, str] = {}
        for name in type(self).model_fields:
            port = getattr(self, name)
            if port in taken:
                raise ValueError(
                    f"{taken[port]} and {name} are both {port}: allowed are four ports that differ"
                )
            if port in ports.CONTROL_PLANE:
                raise ValueError(
                    f"{name} is {port}, on which a control-plane component listens beside its proxy: "
                    f"taken are {', '.join(map(str, ports.CONTROL_PLANE))}"
                )
            taken[port] = name
        return self


class Amount(Section):
    """Request and limit of one resource."""

    request: Quantity = ""
    """What the scheduler reserves; empty asks for nothing."""
    limit: Quantity = ""
    """What the container may use at most; empty sets no limit."""

    @model_validator(mode="after")
    def _enough(self) -> Self:
        both = self.request and self.limit
        if both and parse_quantity(self.request) > parse_quantity(self.limit):
            raise ValueError(f"the request, {self.request}, is above the limit, {self.limit}")
        return self


class Resources(Section):
    """What a container asks for and may use."""

    cpu: Amount = Amount()
    """Such as 100m."""
    memory: Amount = Amount()
    """Such as 64Mi; a container that exceeds its limit is killed."""
    ephemeral_storage: Amount = Field(default=Amount(), alias="ephemeral-storage")
    """Space on the node's disk."""


class ProxyMetrics(Section):
    """Labels that cost series."""

    hostnameLabels: bool = False
    """Outbound route metrics per host name; every name costs series in every proxy: at most 100 for each destination."""


class MeshIdentity(Section):
    """Whose identity the collector's pods have."""

    serviceAccountName: str = ""
    """Their service account."""
    namespace: str = ""
    """The service account's namespace."""


class Collector(Section):
    """A collector of spans, a pod of the mesh."""

    endpoint: str = ""
    """Host and port of its OTLP over gRPC, such as collector.tracing.svc.cluster.local:4317."""
    meshIdentity: MeshIdentity = MeshIdentity()
    """Whose identity the collector's pods have."""


class Tracing(Section):
    """Spans of requests."""

    enabled: bool = False
    """Proxies make spans of requests that are sampled, and send them to the collector."""
    collector: Collector = Collector()
    """Where spans go."""
    traceServiceName: str = "linkerd-proxy"
    """Attribute service.name of spans."""

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if not self.enabled:
            return self
        accepted.collector(self.collector.endpoint)
        identity = self.collector.meshIdentity
        for name, fits in (("serviceAccountName", is_dns_name), ("namespace", is_dns_label)):
            if not fits(getattr(identity, name)):
                raise ValueError(f"enabled needs collector.meshIdentity.{name}")
        return self


class Endpoint(Section):
    """A collector of spans."""

    endpoint: str = ""
    """Host and port of its OTLP over gRPC."""


class ControllerTracing(Section):
    """Spans of the control plane's own work."""

    enabled: bool = False
    """Control-plane components send spans to the collector, through their proxies."""
    collector: Endpoint = Endpoint()
    """Where spans go."""

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.enabled:
            accepted.collector(self.collector.endpoint)
        return self


class Proxy(Section):
    """The sidecar's defaults; `config.linkerd.io/*` annotations override them per namespace and pod."""

    image: Image = Image()
    """The image of proxy and init container."""
    ports: Ports = Ports()
    """The proxy's own ports."""
    logLevel: LogFilter = "warn,linkerd=info,hickory=error"
    """Log directives, the most specific target winning."""
    logFormat: Literal["plain", "json"] = "plain"
    """The form of a log line."""
    logHTTPHeaders: Literal["off", "insecure"] = "off"
    """`insecure` lets debug logs show headers, credentials among them."""
    opaquePorts: PortList = DEFAULT_OPAQUE
    """Ports whose traffic is carried as TCP without looking for HTTP, for protocols where the server speaks first."""
    resources: Resources = Resources()
    """Of proxy and init container."""
    cpuRatioLimit: CpuRatio = ""
    """Cores the proxy may use as a share of the node's, such as 0.5; empty follows resources.cpu.limit."""
    uid: OwnUserId = 2102
    """The proxy's user; what it sends is not redirected to it again, so no application may have the same."""
    gid: Annotated[int, Field(le=MAX_ID)] = -1
    """The proxy's group; negative leaves it to the image."""
    await_: bool = Field(
        default=True,
        alias="await",
        description="The application starts only when its proxy is ready.",
    )
    nativeSidecar: bool = True
    """The proxy is an init container that keeps running, so that jobs end and other init containers have the network."""
    defaultInboundPolicy: InboundPolicy = "all-unauthenticated"
    """Who may connect to a port no Server resource describes."""
    inboundConnectTimeout: Duration = "100ms"
    """How long connecting to the application may take."""
    outboundConnectTimeout: Duration = "1000ms"
    """How long connecting to another pod may take before another endpoint is tried."""
    outboundDiscoveryCacheUnusedTimeout: Duration = "5s"
    """How long a destination nobody asks for is watched on."""
    inboundDiscoveryCacheUnusedTimeout: Duration = "90s"
    """How long the policy of a port nobody connects to is watched on."""
    disableOutboundProtocolDetectTimeout: bool = False
    """Waits for a client's first bytes for ever instead of 10 s."""
    disableInboundProtocolDetectTimeout: bool = False
    """Waits for a peer's first bytes for ever instead of 10 s."""
    requireIdentityOnInboundPorts: PortList = ""
    """Ports that refuse connections without mTLS."""
    enableExternalProfiles: bool = False
    """ServiceProfiles also apply to names outside the cluster."""
    enableShutdownEndpoint: bool = False
    """POST /shutdown on the admin port ends the proxy."""
    shutdownGracePeriod: Duration = ""
    """How long open connections may go on after the proxy was told to end; empty is the proxy's own 2 minutes."""
    waitBeforeExitSeconds: Annotated[int, Field(ge=0, le=3600)] = 0
    """Waits this long before the proxy is told to end."""
    accessLog: Literal["", "apache", "json"] = ""
    """One line on the proxy's stderr per request; empty is none."""
    isGateway: bool = False
    """The proxy forwards requests for other clusters."""
    metrics: ProxyMetrics = ProxyMetrics()
    """Labels that cost series."""
    tracing: Tracing = Tracing()
    """Spans of requests."""
    additionalEnv: Annotated[list[dict[str, Any]], AfterValidator(accepted.variables)] = []
    """EnvVar objects added to the proxy's environment, replacing those of the same name."""


class ProxyInit(Section):
    """The container that redirects a pod's traffic to its proxy."""

    ignoreInboundPorts: PortList = "4567,4568"
    """Ports on which connections to the pod bypass the proxy."""
    ignoreOutboundPorts: PortList = "4567,4568"
    """Ports to which connections from the pod bypass the proxy."""
    skipSubnets: NetworkList = ""
    """Peers in these networks bypass the proxy."""
    kubeAPIServerPorts: PortList = "443,6443"
    """Ports of the API server, which control-plane pods reach without their proxy. `mesh install` adds those of Service `kubernetes`."""
    runAsUser: UserId = 0
    """The init container's user; 0 holds NET_ADMIN and NET_RAW, which other users hold only with file capabilities."""
    closeWaitTimeoutSecs: Annotated[int, Field(ge=0, le=LONGEST_CLOSE_WAIT)] = 0
    """Sets nf_conntrack_tcp_timeout_close_wait in the pod's network namespace; 0 leaves the kernel's."""


class IssuerTls(Section):
    """The issuer as PEM."""

    crtPEM: str = ""
    """Its certificate, intermediates after it."""
    keyPEM: str = ""
    """Its key, ECDSA P-256. Goes into Secret weft-identity-issuer alone and is stored nowhere else."""


class Issuer(Section):
    """How workload certificates are made."""

    scheme: Literal["linkerd.io/tls", "kubernetes.io/tls"] = "linkerd.io/tls"
    """`kubernetes.io/tls`: somebody else, such as cert-manager, keeps Secret weft-identity-issuer."""
    issuanceLifetime: Annotated[GoDuration, AfterValidator(accepted.lifetime)] = "24h"
    """How long a workload's certificate is valid; proxies renew after 70 % of it."""
    clockSkewAllowance: GoDuration = "20s"
    """Certificates are valid this much earlier and longer, for clocks that disagree."""
    tls: IssuerTls = IssuerTls()
    """The issuer as PEM, unless somebody else keeps it."""


class Identity(Section):
    """The identity service."""

    issuer: Issuer = Issuer()
    """How workload certificates are made."""
    resources: Resources = Resources()
    """Of its container."""


class Component(Section):
    """A control-plane component with nothing of its own but resources."""

    resources: Resources = Resources()
    """Of its container."""


class Destination(Component):
    """Discovery and policy."""

    unreadyGrace: GoDuration = "30s"
    """Where no endpoint of a Service is ready, those ready so long ago at most are used on; 0s: never, as Linkerd."""


class Serving(Section):
    """The certificate with which a component answers the API server."""

    caBundle: str = ""
    """Authority of crtPEM, as PEM."""
    crtPEM: str = ""
    """Its serving certificate; empty makes one, or keeps the installed one."""
    keyPEM: str = ""
    """The certificate's key. Goes into a Secret alone."""


class ProxyInjector(Serving):
    """The webhook that injects proxies."""

    timeoutSeconds: Annotated[int, Field(ge=1, le=30)] = 10
    """How long the API server waits for it before webhookFailurePolicy applies."""
    excludedNamespaces: list[ExcludedNamespace] = ["kube-system", "cert-manager"]
    """Namespaces whose pods are never sent to it."""
    unmeshedPods: Choice = "report"
    """Pods that ask for a proxy and run without one, since it was away when they were made: `report` says so in events and a metric, `restart` evicts those that their controller makes anew, one of a workload at a time, `ignore` leaves them to `mesh check --proxy`."""
    resources: Resources = Resources()
    """Of its container."""


class PolicyValidator(Serving):
    """The webhook that refuses policy resources and ServiceProfiles that are wrong."""


class DebugContainer(Section):
    """The container that `config.linkerd.io/enable-debug-sidecar` adds."""

    image: Image = Image()
    """Its image: tcpdump and other network tools."""


class Tap(Serving):
    """Live requests."""

    identity: CertifiedName = ""
    """Who may tap proxies; empty is the identity of weft-tap."""
    redactedHeaders: str = ",".join(sorted(redaction.HEADERS))
    """Headers and trailers whose values nobody is shown, separated by commas."""
    redactedParameters: str = ",".join(sorted(redaction.PARAMETERS))
    """Query parameters whose values nobody is shown, separated by commas."""
    redactedPaths: PathList = ""
    """Prefixes of paths, separated by commas: what follows one of them nobody is shown."""
    resources: Resources = Resources()
    """Of its container."""


class RollingUpdate(Section):
    """How control-plane pods are replaced."""

    maxUnavailable: Share = "25%"
    """Pods that may be missing meanwhile, as a number or a share."""
    maxSurge: Share = "25%"
    """Pods that may be there too many meanwhile."""

    @model_validator(mode="after")
    def _begins(self) -> Self:
        accepted.strategy(self.maxUnavailable, self.maxSurge)
        return self


class DeploymentStrategy(Section):
    """How control-plane pods are replaced."""

    rollingUpdate: RollingUpdate = RollingUpdate()
    """Limits during a rollout."""


class DisruptionBudget(Section):
    """What draining nodes may take at once."""

    maxUnavailable: Share = 1
    """Pods of a component that may be evicted at the same time."""


class Controller(Section):
    """All control-plane components."""

    podDisruptionBudget: DisruptionBudget = DisruptionBudget()
    """What draining nodes may take at once."""
    tracing: ControllerTracing = ControllerTracing()
    """Spans of the control plane's own work."""


class Egress(Section):
    """Traffic to places outside the cluster."""

    globalEgressNetworkNamespace: Annotated[str, AfterValidator(_namespace)] = "linkerd-egress"
    """The namespace whose EgressNetworks are for all namespaces that have none of their own."""


class Values(Section):
    """The whole tree."""

    namespace: Annotated[str, AfterValidator(_namespace)] = "weft"
    """Where the control plane lives. Set it with -L, so that every command agrees; in the chart, helm's --namespace."""
    version: str = VERSION
    """The version that makes these manifests; not to be set."""
    installNamespace: bool = True
    """The namespace is among the objects."""
    imageRegistry: Registry = "localhost/weft"
    """Prefix of the images whose name is not set."""
    imageVersion: ImageTag = ""
    """Tag of the images whose version is not set; empty is this command's version."""
    imagePullPolicy: PullPolicy = "IfNotPresent"
    """When nodes pull images."""
    imagePullSecrets: PullSecrets = []
    """Secrets of a private registry, each `{name: SECRET}`, in the control plane's namespace: its ServiceAccounts name them, so its pods pull with them. Pods elsewhere need their own."""
    clusterDomain: Domain = "cluster.local"
    """DNS domain of the cluster."""
    identityTrustDomain: OptionalDomain = ""
    """Last part of every identity; empty is the cluster domain."""
    identityTrustAnchorsPEM: str = ""
    """Certificates that proxies trust; all of them during a rotation."""
    clusterNetworks: NetworkList = "10.0.0.0/8,100.64.0.0/10,172.16.0.0/12,192.168.0.0/16,fd00::/8"
    """Networks of pods and services; discovery is asked about addresses inside them only."""
    disableIPv6: bool = True
    """Redirects and answers IPv4 alone."""
    controllerReplicas: Annotated[int, Field(ge=1, le=100)] = 1
    """Pods of each control-plane component."""
    controllerLogLevel: Literal["debug", "info", "warn", "error"] = "info"
    """What control-plane components log."""
    controllerLogFormat: Literal["plain", "json"] = "plain"
    """The form of a log line."""
    controllerUID: OwnUserId = 2103
    """The user of control-plane containers."""
    prometheusUrl: OptionalURL = ""
    """A Prometheus that scrapes the proxies: stats and the dashboard ask it. Empty: the web service's own collector."""
    prometheusLabels: MetricLabels = ""
    """Labels of this cluster's series, where that Prometheus has those of several: `cluster=east`."""
    nodeSelector: ObjectLabels = {"kubernetes.io/os": "linux"}
    """Labels of nodes that may run control-plane pods."""
    priorityClassName: OptionalObjectName = ""
    """Priority of control-plane pods; empty is the cluster's default."""
    commonLabels: ObjectLabels = {}
    """Labels added to every object and control-plane pod."""
    highAvailability: bool = False
    """Says that the installation is meant to outlive nodes: `mesh check` asks for more than one replica."""
    enablePodAntiAffinity: bool = False
    """No two pods of a component on one node; of zones, preferably different ones."""
    enablePodDisruptionBudget: bool = False
    """A PodDisruptionBudget for each component."""
    deploymentStrategy: DeploymentStrategy = DeploymentStrategy()
    """How control-plane pods are replaced."""
    controller: Controller = Controller()
    """All control-plane components."""
    webhookFailurePolicy: Literal["Ignore", "Fail"] = "Ignore"
    """When a webhook does not answer: `Ignore` creates pods without a proxy and takes policy resources as they are, `Fail` takes neither."""
    identity: Identity = Identity()
    """The identity service."""
    destination: Destination = Destination()
    """Discovery and policy."""
    proxyInjector: ProxyInjector = ProxyInjector()
    """The webhook that injects proxies."""
    policyValidator: PolicyValidator = PolicyValidator()
    """The webhook that refuses policy resources and ServiceProfiles that are wrong; the destination service answers."""
    web: Component = Component()
    """Stats and their collector."""
    proxy: Proxy = Proxy()
    """The sidecar's defaults."""
    proxyInit: ProxyInit = ProxyInit()
    """The container that redirects traffic."""
    debugContainer: DebugContainer = DebugContainer()
    """The debug sidecar."""
    tap: Tap = Tap()
    """Live requests."""
    egress: Egress = Egress()
    """Traffic to places outside the cluster."""

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if self.controllerUID == self.proxy.uid:
            raise ValueError(
                f"controllerUID and proxy.uid are both {self.proxy.uid}: what a proxy's user sends is not "
                "redirected, so components would bypass their proxies"
            )
        policy = self.proxy.defaultInboundPolicy
        if policy.startswith("cluster-") and not parse_networks(self.clusterNetworks):
            raise ValueError(f"proxy.defaultInboundPolicy {policy} needs clusterNetworks")
        return self

    @property
    def trust_domain(self) -> str:
        """The trust domain in force."""
        return self.identityTrustDomain or self.clusterDomain

    def tree(self) -> dict[str, Any]:
        """As nested plain values, by the names users write."""
        return self.model_dump(by_alias=True)

    def stored(self) -> dict[str, Any]:
        """The tree without private keys, as ConfigMap weft-config holds it."""
        return without_keys(self.tree())

    def image(self, component: str) -> str:
        """The image of a control-plane component, with its tag."""
        return f"{self.imageRegistry}/{component}:{self.imageVersion or self.version}"


def without_keys(tree: dict[str, Any]) -> dict[str, Any]:
    """The tree with every private key emptied."""
    return {
        key: without_keys(value) if isinstance(value, dict) else ("" if key == PRIVATE else value)
        for key, value in tree.items()
    }
