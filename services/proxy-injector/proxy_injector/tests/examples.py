"""A mesh, its default settings and a pod, for tests that change one thing of them."""

from typing import Any

from proxy_injector.defaults import ControlPlane, Mesh, ProxySettings, Resources
from proxy_injector.sidecar import Owner, Sidecar, build

ANCHORS = "-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n"

MESH = Mesh(
    namespace="weft",
    version="9.9.9",
    trust_domain="cluster.local",
    cluster_domain="cluster.local",
    trust_anchors=ANCHORS,
    cluster_networks="10.0.0.0/8",
    disable_ipv6=True,
    kube_api_ports="443,6443",
    init_user=0,
    tap_identity="",
)

SETTINGS = ProxySettings(
    image="localhost/weft/proxy",
    version="9.9.9",
    pull_policy="IfNotPresent",
    control_port=4190,
    admin_port=4191,
    inbound_port=4143,
    outbound_port=4140,
    skip_inbound_ports="",
    skip_outbound_ports="",
    skip_subnets="",
    opaque_ports="25,3306",
    pod_inbound_ports="",
    resources=Resources(),
    cpu_ratio_limit="",
    uid=2102,
    gid=-1,
    shutdown_endpoint=False,
    log_level="warn",
    log_format="plain",
    log_http_headers="off",
    external_profiles=False,
    require_identity_ports="",
    hostname_labels=False,
    outbound_connect_timeout="1000ms",
    inbound_connect_timeout="100ms",
    outbound_discovery_idle="5s",
    inbound_discovery_idle="90s",
    no_outbound_detect_timeout=False,
    no_inbound_detect_timeout=False,
    gateway=False,
    ingress=False,
    debug=False,
    debug_image="example/debug",
    debug_version="1.2.3",
    debug_pull_policy="Never",
    close_wait_timeout=0,
    await_ready=True,
    default_inbound_policy="all-unauthenticated",
    access_log="",
    shutdown_grace_period="",
    native_sidecar=True,
    additional_env=(),
    wait_before_exit_seconds=0,
)


def pod(**annotations: str) -> dict[str, Any]:
    """A pod with two declared ports and a probe."""
    return {
        "metadata": {"name": "web-1", "annotations": dict(annotations)},
        "spec": {
            "containers": [
                {
                    "name": "web",
                    "image": "example/web",
                    "ports": [
                        {"containerPort": 8080, "name": "http"},
                        {"containerPort": 3306, "name": "mysql"},
                    ],
                    "readinessProbe": {"httpGet": {"path": "/", "port": 9000}},
                }
            ]
        },
    }


def sidecar(settings: ProxySettings = SETTINGS, *, native: bool = True) -> Sidecar:
    """The sidecar of that pod."""
    return build(
        MESH,
        settings,
        pod()["spec"],
        control_plane=ControlPlane.services(MESH),
        namespace="emojivoto",
        owner=Owner("deployment", "web"),
        created_by="test",
        native_available=native,
    )
