"""Defaults of pod specs, wherever they stand (`core/v1/defaults.go`)."""

from typing import Any

from sandbox.apiserver.objects import Obj, containers_of

VOLUME_SOURCES_WITH_MODE = ("secret", "configMap", "downwardAPI", "projected")
DEFAULT_FILE_MODE = 0o644
DEFAULT_TOKEN_SECONDS = 3600


def pod(obj: Obj) -> None:
    spec = obj.get("spec")
    if spec is None:
        spec = obj["spec"] = {}
    if not isinstance(spec, dict):
        return
    pod_spec(spec)
    spec.setdefault("enableServiceLinks", True)
    obj.setdefault("status", {}).setdefault("phase", "Pending")
    obj["status"].setdefault("qosClass", quality_of_service(spec))


def template(obj: Obj, *path: str) -> None:
    """Fills the pod template under `path`, for example `spec`, `template`."""
    found: Any = obj
    for step in path:
        found = found.get(step) if isinstance(found, dict) else None
    if isinstance(found, dict) and isinstance(found.get("spec"), dict):
        found.setdefault("metadata", {})
        pod_spec(found["spec"])


def pod_spec(spec: Obj) -> None:
    spec.setdefault("restartPolicy", "Always")
    spec.setdefault("terminationGracePeriodSeconds", 30)
    spec.setdefault("dnsPolicy", "ClusterFirst")
    spec.setdefault("schedulerName", "default-scheduler")
    if spec.get("securityContext") is None:
        spec["securityContext"] = {}
    _service_account_alias(spec)
    for one in _dicts([*containers_of(spec), *(spec.get("ephemeralContainers") or [])]):
        container(one, host_network=bool(spec.get("hostNetwork")))
    for volume in _dicts(spec.get("volumes")):
        _volume(volume)


def _service_account_alias(spec: Obj) -> None:
    """`serviceAccount` is the old name of `serviceAccountName`; both are always shown."""
    name = spec.get("serviceAccountName") or spec.get("serviceAccount")
    if name:
        spec["serviceAccountName"] = spec["serviceAccount"] = name


def container(one: Obj, *, host_network: bool = False) -> None:
    one.setdefault("terminationMessagePath", "/dev/termination-log")
    one.setdefault("terminationMessagePolicy", "File")
    if not one.get("imagePullPolicy"):
        one["imagePullPolicy"] = _pull_policy(str(one.get("image") or ""))
    if one.get("resources") is None:
        one["resources"] = {}
    _requests_from_limits(one["resources"])
    for port in _dicts(one.get("ports")):
        port.setdefault("protocol", "TCP")
        if host_network and "containerPort" in port:
            port.setdefault("hostPort", port["containerPort"])
    for entry in _dicts(one.get("env")):
        source = entry.get("valueFrom")
        if isinstance(source, dict):
            _field_ref(source)
    for name in ("livenessProbe", "readinessProbe", "startupProbe"):
        if isinstance(one.get(name), dict):
            _probe(one[name])
    for hook in (one.get("lifecycle") or {}).values():
        if isinstance(hook, dict):
            _http_get(hook)


def _pull_policy(image: str) -> str:
    if "@" in image:
        return "IfNotPresent"
    tag = image.rpartition("/")[2].partition(":")[2]
    return "Always" if tag in ("", "latest") else "IfNotPresent"


def _requests_from_limits(resources: Obj) -> None:
    limits = resources.get("limits")
    if limits:
        requests = resources.setdefault("requests", {})
        for name, amount in limits.items():
            requests.setdefault(name, amount)


def _probe(probe: Obj) -> None:
    probe.setdefault("timeoutSeconds", 1)
    probe.setdefault("periodSeconds", 10)
    probe.setdefault("successThreshold", 1)
    probe.setdefault("failureThreshold", 3)
    _http_get(probe)
    if isinstance(probe.get("grpc"), dict):
        probe["grpc"].setdefault("service", "")


def _http_get(handler: Obj) -> None:
    request = handler.get("httpGet")
    if isinstance(request, dict):
        request.setdefault("path", "/")
        request.setdefault("scheme", "HTTP")


def _volume(volume: Obj) -> None:
    for source in VOLUME_SOURCES_WITH_MODE:
        if isinstance(volume.get(source), dict):
            volume[source].setdefault("defaultMode", DEFAULT_FILE_MODE)
    for item in _dicts((volume.get("downwardAPI") or {}).get("items")):
        _field_ref(item)
    for projection in _dicts((volume.get("projected") or {}).get("sources")):
        token = projection.get("serviceAccountToken")
        if isinstance(token, dict):
            token.setdefault("expirationSeconds", DEFAULT_TOKEN_SECONDS)
        for item in _dicts((projection.get("downwardAPI") or {}).get("items")):
            _field_ref(item)
    if isinstance(volume.get("hostPath"), dict):
        volume["hostPath"].setdefault("type", "")
    if not any(key != "name" for key in volume):
        volume["emptyDir"] = {}


def _field_ref(item: Obj) -> None:
    if isinstance(item.get("fieldRef"), dict):
        item["fieldRef"].setdefault("apiVersion", "v1")
    if isinstance(item.get("resourceFieldRef"), dict):
        item["resourceFieldRef"].setdefault("divisor", "0")


def quality_of_service(spec: Obj) -> str:
    """Guaranteed, Burstable or BestEffort, from the containers' cpu and memory."""
    named = any_set = False
    guaranteed = True
    for one in containers_of(spec):
        resources = one.get("resources") or {}
        limits, requests = resources.get("limits") or {}, resources.get("requests") or {}
        named = True
        for amount in ("cpu", "memory"):
            any_set = any_set or amount in limits or amount in requests
            if amount not in limits or requests.get(amount, limits[amount]) != limits[amount]:
                guaranteed = False
    if not any_set:
        return "BestEffort"
    return "Guaranteed" if named and guaranteed else "Burstable"


def _dicts(items: Any) -> list[Obj]:
    return [item for item in items or [] if isinstance(item, dict)]
