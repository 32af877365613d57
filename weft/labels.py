"""Every label and annotation the mesh reads or writes. The names are Linkerd's.

A constant's suffix says where it lives: `_LABEL` on metadata.labels, everything else is an
annotation. `INJECTION_ANNOTATIONS` lists what users may set on a pod or a namespace.
"""

from __future__ import annotations

_CONFIG = "config.linkerd.io/"

# -- what the mesh puts on its own and on meshed objects ----------------------------------------
CONTROL_PLANE_NS_LABEL = "linkerd.io/control-plane-ns"
CONTROL_PLANE_COMPONENT_LABEL = "linkerd.io/control-plane-component"
CNI_RESOURCE_LABEL = "linkerd.io/cni-resource"
IS_CONTROL_PLANE_LABEL = "linkerd.io/is-control-plane"
WORKLOAD_NS_LABEL = "linkerd.io/workload-ns"
EXTENSION_LABEL = "linkerd.io/extension"
ADMISSION_WEBHOOKS_LABEL = _CONFIG + "admission-webhooks"
OWNER_LABEL_PREFIX = "linkerd.io/proxy-"
CREATED_BY = "linkerd.io/created-by"
PROXY_VERSION_STAMP = "linkerd.io/proxy-version"
TRUST_ROOT_SHA256 = "linkerd.io/trust-root-sha256"

OWNER_KINDS = (
    "deployment",
    "daemonset",
    "statefulset",
    "job",
    "cronjob",
    "replicaset",
    "replicationcontroller",
)
"""Owner kinds in lower case, as metric labels and `linkerd.io/proxy-<kind>` write them."""

# -- what users write ---------------------------------------------------------------------------
INJECT = "linkerd.io/inject"
INJECT_ENABLED = "enabled"
INJECT_INGRESS = "ingress"
INJECT_DISABLED = "disabled"

PROXY_IMAGE = _CONFIG + "proxy-image"
PROXY_VERSION = _CONFIG + "proxy-version"
IMAGE_PULL_POLICY = _CONFIG + "image-pull-policy"
CONTROL_PORT = _CONFIG + "control-port"
ADMIN_PORT = _CONFIG + "admin-port"
INBOUND_PORT = _CONFIG + "inbound-port"
OUTBOUND_PORT = _CONFIG + "outbound-port"
POD_INBOUND_PORTS = _CONFIG + "pod-inbound-ports"
SKIP_INBOUND_PORTS = _CONFIG + "skip-inbound-ports"
SKIP_OUTBOUND_PORTS = _CONFIG + "skip-outbound-ports"
SKIP_SUBNETS = _CONFIG + "skip-subnets"
OPAQUE_PORTS = _CONFIG + "opaque-ports"
PROXY_CPU_REQUEST = _CONFIG + "proxy-cpu-request"
PROXY_CPU_LIMIT = _CONFIG + "proxy-cpu-limit"
PROXY_CPU_RATIO_LIMIT = _CONFIG + "proxy-cpu-ratio-limit"
PROXY_MEMORY_REQUEST = _CONFIG + "proxy-memory-request"
PROXY_MEMORY_LIMIT = _CONFIG + "proxy-memory-limit"
PROXY_EPHEMERAL_STORAGE_REQUEST = _CONFIG + "proxy-ephemeral-storage-request"
PROXY_EPHEMERAL_STORAGE_LIMIT = _CONFIG + "proxy-ephemeral-storage-limit"
PROXY_UID = _CONFIG + "proxy-uid"
PROXY_GID = _CONFIG + "proxy-gid"
PROXY_ADMIN_SHUTDOWN = _CONFIG + "proxy-admin-shutdown"
PROXY_LOG_LEVEL = _CONFIG + "proxy-log-level"
PROXY_LOG_FORMAT = _CONFIG + "proxy-log-format"
PROXY_LOG_HTTP_HEADERS = _CONFIG + "proxy-log-http-headers"
ENABLE_EXTERNAL_PROFILES = _CONFIG + "enable-external-profiles"
REQUIRE_IDENTITY_INBOUND_PORTS = _CONFIG + "proxy-require-identity-inbound-ports"
PROXY_METRICS_HOSTNAME_LABELS = _CONFIG + "proxy-metrics-hostname-labels"
PROXY_OUTBOUND_CONNECT_TIMEOUT = _CONFIG + "proxy-outbound-connect-timeout"
PROXY_INBOUND_CONNECT_TIMEOUT = _CONFIG + "proxy-inbound-connect-timeout"
PROXY_OUTBOUND_DISCOVERY_CACHE_UNUSED_TIMEOUT = (
    _CONFIG + "proxy-outbound-discovery-cache-unused-timeout"
)
PROXY_INBOUND_DISCOVERY_CACHE_UNUSED_TIMEOUT = (
    _CONFIG + "proxy-inbound-discovery-cache-unused-timeout"
)
PROXY_DISABLE_OUTBOUND_DETECT_TIMEOUT = _CONFIG + "proxy-disable-outbound-protocol-detect-timeout"
PROXY_DISABLE_INBOUND_DETECT_TIMEOUT = _CONFIG + "proxy-disable-inbound-protocol-detect-timeout"
ENABLE_GATEWAY = _CONFIG + "enable-gateway"
ENABLE_DEBUG_SIDECAR = _CONFIG + "enable-debug-sidecar"
DEBUG_IMAGE = _CONFIG + "debug-image"
DEBUG_IMAGE_VERSION = _CONFIG + "debug-image-version"
DEBUG_IMAGE_PULL_POLICY = _CONFIG + "debug-image-pull-policy"
CLOSE_WAIT_TIMEOUT = _CONFIG + "close-wait-timeout"
PROXY_AWAIT = _CONFIG + "proxy-await"
DEFAULT_INBOUND_POLICY = _CONFIG + "default-inbound-policy"
ACCESS_LOG = _CONFIG + "access-log"
SHUTDOWN_GRACE_PERIOD = _CONFIG + "shutdown-grace-period"
PROXY_ENABLE_NATIVE_SIDECAR = _CONFIG + "proxy-enable-native-sidecar"
PROXY_ADDITIONAL_ENV = _CONFIG + "proxy-additional-env"
PROXY_WAIT_BEFORE_EXIT_SECONDS = "config.alpha.linkerd.io/proxy-wait-before-exit-seconds"

TRACE_ATTRIBUTE_PREFIX = "resource.opentelemetry.io/"
"""What follows is the name of an attribute of a pod's spans."""

REMOTE_SERVICE = "mirror.linkerd.io/remote-svc-fq-name"
REMOTE_GATEWAY_IDENTITY = "mirror.linkerd.io/remote-gateway-identity"

TAP_ENABLED = "viz.linkerd.io/tap-enabled"
DISABLE_TAP = "viz.linkerd.io/disable-tap"

INJECTION_ANNOTATIONS = tuple(
    value
    for name, value in sorted(globals().items())
    if isinstance(value, str)
    and not name.startswith("_")
    and not name.endswith("_LABEL")
    and value.startswith(("config.linkerd.io/", "config.alpha.linkerd.io/"))
)
"""What a pod or a namespace may carry to shape its proxy; anything else under it is a typo."""

DEFAULT_POLICIES = (
    "all-unauthenticated",
    "all-authenticated",
    "cluster-unauthenticated",
    "cluster-authenticated",
    "deny",
    "audit",
)
"""The values of `config.linkerd.io/default-inbound-policy`."""
