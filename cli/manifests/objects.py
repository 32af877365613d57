"""The shapes every component is made of. Each function returns one Kubernetes object."""

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cli.manifests.credentials import Webhook
from cli.manifests.values import Values
from weft import labels
from weft.ports import CONTROLLER_ADMIN

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Component:
    """A control-plane component: one Deployment, one ServiceAccount, one image."""

    name: str
    """`identity`: the container, the image and the component label."""
    workload: str
    """`weft-identity`: the Deployment and the ServiceAccount."""


@dataclass(frozen=True, slots=True)
class ServicePort:
    """One port of a Service."""

    name: str
    port: int
    target: int


@dataclass(frozen=True, slots=True)
class Rule:
    """What a role may do."""

    groups: tuple[str, ...]
    resources: tuple[str, ...]
    verbs: tuple[str, ...]

    def render(self) -> Json:
        """As RBAC writes it."""
        return {
            "apiGroups": list(self.groups),
            "resources": list(self.resources),
            "verbs": list(self.verbs),
        }


READ = ("get", "list", "watch")


def metadata(
    values: Values,
    name: str,
    *,
    namespaced: bool = True,
    component: Component | None = None,
    **annotations: str,
) -> Json:
    """Metadata of an object of the control plane."""
    found: Json = {"name": name}
    if namespaced:
        found["namespace"] = values.namespace
    found["labels"] = plane_labels(values, component)
    if annotations:
        found["annotations"] = dict(annotations)
    return found


def plane_labels(values: Values, component: Component | None) -> dict[str, str]:
    """Labels that select what belongs to the control plane."""
    found = {**values.commonLabels, labels.CONTROL_PLANE_NS_LABEL: values.namespace}
    if component is not None:
        found[labels.CONTROL_PLANE_COMPONENT_LABEL] = component.name
    return found


def service_account(values: Values, component: Component) -> Json:
    """The identity of a component's pods, and the Secrets they pull images with: whoever admits a pod copies them
    from here."""
    found: Json = {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": metadata(values, component.workload, component=component),
    }
    if values.imagePullSecrets:
        found["imagePullSecrets"] = [{"name": one.name} for one in values.imagePullSecrets]
    return found


def cluster_role(values: Values, component: Component, rules: tuple[Rule, ...]) -> list[Json]:
    """A ClusterRole of the component's name prefix and its binding to the component's ServiceAccount."""
    name = f"{values.namespace}-{component.workload}"
    meta = metadata(values, name, namespaced=False, component=component)
    return _granted(values, component, "ClusterRole", meta, rules)


def role(values: Values, component: Component, rules: tuple[Rule, ...]) -> list[Json]:
    """A Role in the control plane's namespace and its binding to the component's ServiceAccount."""
    meta = metadata(values, component.workload, component=component)
    return _granted(values, component, "Role", meta, rules)


def _granted(
    values: Values, component: Component, kind: str, meta: Json, rules: tuple[Rule, ...]
) -> list[Json]:
    group = "rbac.authorization.k8s.io"
    account = component.workload
    return [
        {
            "apiVersion": f"{group}/v1",
            "kind": kind,
            "metadata": meta,
            "rules": [rule.render() for rule in rules],
        },
        {
            "apiVersion": f"{group}/v1",
            "kind": f"{kind}Binding",
            "metadata": meta,
            "roleRef": {"apiGroup": group, "kind": kind, "name": meta["name"]},
            "subjects": [
                {"kind": "ServiceAccount", "name": account, "namespace": values.namespace}
            ],
        },
    ]


def service(
    values: Values, name: str, component: Component, *ports: ServicePort, headless: bool = False
) -> Json:
    """A Service of the component's pods."""
    spec: Json = {
        "type": "ClusterIP",
        "selector": {labels.CONTROL_PLANE_COMPONENT_LABEL: component.name},
        "ports": [{"name": one.name, "port": one.port, "targetPort": one.target} for one in ports],
    }
    if headless:
        spec["clusterIP"] = "None"
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata(values, name, component=component),
        "spec": spec,
    }


def config_map(values: Values, name: str, data: Mapping[str, str]) -> Json:
    """A ConfigMap of the control plane's namespace."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": metadata(values, name),
        "data": dict(data),
    }


def secret(values: Values, name: str, data: Mapping[str, str], kind: str = "Opaque") -> Json:
    """A Secret of the control plane's namespace.

    Encoded here, because `stringData` would make every `kubectl apply` look like a change.
    """
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": metadata(values, name),
        "type": kind,
        "data": {key: b64encode(text.encode()).decode() for key, text in data.items()},
    }


def tls_secret(values: Values, name: str, credentials: Webhook) -> Json:
    """The certificate and key a component serves HTTPS with."""
    pair = {"tls.crt": credentials.certificate, "tls.key": credentials.key}
    return secret(values, name, pair, "kubernetes.io/tls")


def controller_security(values: Values) -> Json:
    """Satisfies the restricted Pod Security level."""
    return {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
        "runAsNonRoot": True,
        "runAsUser": values.controllerUID,
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def said(settings: Mapping[str, str]) -> dict[str, str]:
    """Settings without those that are empty and mean nothing by it: the API server drops empty values, and
    every `kubectl apply` would look like a change."""
    return {name: value for name, value in settings.items() if value}


def controller_container(
    values: Values,
    component: Component,
    *,
    ports: Mapping[str, int],
    settings: Mapping[str, str],
    mounts: Mapping[str, str],
    resources: Json,
) -> Json:
    """The component's own container: settings by environment, probes on the admin port.

    `settings` are names without the prefix `WEFT_`; `mounts` are volume -> path, read-only.
    """
    common = {
        "CONTROLLER_NAMESPACE": values.namespace,
        "TRUST_DOMAIN": values.trust_domain,
        "CLUSTER_DOMAIN": values.clusterDomain,
        "LOG_LEVEL": values.controllerLogLevel,
        "LOG_FORMAT": values.controllerLogFormat,
        "ADMIN_ADDR": f"0.0.0.0:{CONTROLLER_ADMIN}",
    }
    tracing = values.controller.tracing
    if tracing.enabled:
        common["TRACE_COLLECTOR"] = tracing.collector.endpoint
    every_port = {**ports, f"{component.name[:9]}-admin": CONTROLLER_ADMIN}
    return {
        "name": component.name,
        "image": values.image(component.name),
        "imagePullPolicy": values.imagePullPolicy,
        "env": [
            {"name": f"WEFT_{name}", "value": value}
            for name, value in {**common, **settings}.items()
        ],
        "ports": [{"name": name, "containerPort": port} for name, port in every_port.items()],
        "livenessProbe": {
            "httpGet": {"path": "/live", "port": CONTROLLER_ADMIN},
            "initialDelaySeconds": 10,
            # On a node without a moment for anybody, a second is no sign of death.
            "timeoutSeconds": 5,
        },
        "readinessProbe": {
            "httpGet": {"path": "/ready", "port": CONTROLLER_ADMIN},
            "failureThreshold": 7,
            "periodSeconds": 2,
        },
        "resources": resources,
        "securityContext": controller_security(values),
        "terminationMessagePolicy": "FallbackToLogsOnError",
        **_mounts(mounts),
    }


def _mounts(mounts: Mapping[str, str]) -> Json:
    """Nothing at all where there are none: an empty list would look like a change to every `kubectl apply`."""
    found = [{"name": name, "mountPath": path, "readOnly": True} for name, path in mounts.items()]
    return {"volumeMounts": found} if found else {}
