"""A control-plane Deployment whose pods carry the mesh's own proxy.

The proxy is rendered by the same library as everybody's, with three differences: what runs in the same
pod is asked over loopback; the API server's ports are left alone, because the control plane must
reach it before any proxy has a certificate; and no default policy keeps out whom the control plane has to
answer: the API server, the kubelet, and proxies that have no certificate yet.
"""

from collections.abc import Mapping
from dataclasses import replace

from cli.manifests.objects import Component, Json, metadata, plane_labels
from cli.manifests.scheduling import anti_affinity, topology_spread
from cli.manifests.values import Resources, Values
from proxy_injector.defaults import ControlPlane, Mesh, ProxySettings, read_mesh, read_proxy
from proxy_injector.sidecar import Owner, build
from weft import labels
from weft.names import DESTINATION_COMPONENT, IDENTITY_COMPONENT

CREATED_BY = "weft/cli"
OPEN = {labels.DEFAULT_INBOUND_POLICY: "all-unauthenticated"}
"""Servers in the control plane's namespace still say who may come in."""
ASKED_OVER_LOOPBACK = (IDENTITY_COMPONENT, DESTINATION_COMPONENT)


def deployment(
    values: Values,
    component: Component,
    container: Json,
    *,
    volumes: tuple[Json, ...] = (),
    annotations: Mapping[str, str] | None = None,
) -> Json:
    """The Deployment of one component. `annotations` shape its proxy, as they would any pod's."""
    template = pod_template(values, component, container, volumes, {**OPEN, **(annotations or {})})
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            **metadata(values, component.workload, component=component),
            "annotations": {labels.CREATED_BY: created_by(values)},
        },
        "spec": {
            "replicas": values.controllerReplicas,
            "revisionHistoryLimit": 10,
            "selector": {"matchLabels": selector(values, component)},
            "strategy": {
                "type": "RollingUpdate",  # said, because `kubectl apply` would drop the default
                "rollingUpdate": values.deploymentStrategy.rollingUpdate.model_dump(),
            },
            "template": template,
        },
    }


def pod_template(
    values: Values,
    component: Component,
    container: Json,
    volumes: tuple[Json, ...],
    annotations: dict[str, str],
) -> Json:
    """The pod of one component, proxy included."""
    spec = pod_spec(values, component, container, volumes)
    mesh = read_mesh(values.tree())
    settings = proxy_settings(values, mesh, component, annotations)
    sidecar = build(
        mesh,
        settings,
        spec,
        control_plane=ControlPlane.seen_from(component.workload, mesh),
        namespace=values.namespace,
        owner=Owner("deployment", component.workload),
        created_by=created_by(values),
        native_available=True,
    )
    spec["volumes"] += sidecar.volumes
    if sidecar.native:
        spec["initContainers"] = [sidecar.init, sidecar.proxy]
    else:
        spec["initContainers"] = [sidecar.init]
        spec["containers"].insert(0 if sidecar.await_ready else 1, sidecar.proxy)
    return {
        "metadata": {
            "annotations": {
                **sidecar.annotations,
                **annotations,
                "cluster-autoscaler.kubernetes.io/safe-to-evict": "true",
            },
            "labels": {**plane_labels(values, component), **sidecar.labels},
        },
        "spec": spec,
    }


def pod_spec(
    values: Values, component: Component, container: Json, volumes: tuple[Json, ...]
) -> Json:
    """The pod without its proxy."""
    spec: Json = {
        "serviceAccountName": component.workload,
        "automountServiceAccountToken": True,
        "enableServiceLinks": False,
        "nodeSelector": dict(values.nodeSelector),
        "topologySpreadConstraints": topology_spread(component),
        "securityContext": {"seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [container],
        "volumes": list(volumes),
    }
    if values.enablePodAntiAffinity:
        spec["affinity"] = anti_affinity(component)
    if values.priorityClassName:
        spec["priorityClassName"] = values.priorityClassName
    return spec


def proxy_settings(
    values: Values, mesh: Mesh, component: Component, annotations: Mapping[str, str]
) -> ProxySettings:
    """A control-plane proxy's settings.

    A proxy that asks its own pod for its certificate must not hold that pod's other containers back.
    """
    from proxy_injector.annotations import apply_annotations

    settings = apply_annotations(read_proxy(values.tree()), {}, annotations)
    outbound = ",".join(filter(None, (settings.skip_outbound_ports, mesh.kube_api_ports)))
    waits = settings.await_ready and component.workload not in ASKED_OVER_LOOPBACK
    return replace(settings, skip_outbound_ports=outbound, await_ready=waits)


def selector(values: Values, component: Component) -> dict[str, str]:
    """Labels that never change while the component is installed."""
    return {
        labels.CONTROL_PLANE_NS_LABEL: values.namespace,
        labels.CONTROL_PLANE_COMPONENT_LABEL: component.name,
        labels.OWNER_LABEL_PREFIX + "deployment": component.workload,
    }


def created_by(values: Values) -> str:
    """Stamped on what these manifests create."""
    return f"{CREATED_BY} {values.version}"


def resources(asked: Resources) -> Json:
    """The `resources` of a container; entries without a quantity are left out."""
    named = {
        "cpu": asked.cpu,
        "memory": asked.memory,
        "ephemeral-storage": asked.ephemeral_storage,
    }
    found = {
        "limits": {name: one.limit for name, one in named.items() if one.limit},
        "requests": {name: one.request for name, one in named.items() if one.request},
    }
    return {kind: amounts for kind, amounts in found.items() if amounts}
