"""Pod specs, wherever they stand (`core/validation`, the rules people meet)."""

import re
from collections.abc import Iterator
from typing import Any

from sandbox.apiserver.builtin.quantities import number
from sandbox.apiserver.errors import (
    Cause,
    duplicate,
    forbidden,
    invalid,
    not_found,
    not_supported,
    required,
    wrong_type,
)
from sandbox.apiserver.objects import Obj, dig
from sandbox.apiserver.validate import metadata, names

_FIELD = re.compile(
    r"metadata\.(name|namespace|uid|(labels|annotations)(\['.*'\])?)|spec\.(nodeName|serviceAccountName)"
    r"|status\.(hostIPs?|podIPs?)"
)
"""What an environment variable may take from its pod."""
PROTOCOLS = ("SCTP", "TCP", "UDP")
PULL_POLICIES = ("Always", "IfNotPresent", "Never")
RESTART_POLICIES = ("Always", "OnFailure", "Never")
DNS_POLICIES = ("ClusterFirstWithHostNet", "ClusterFirst", "Default", "None")
PROBE_HANDLERS = ("exec", "httpGet", "tcpSocket", "grpc")
PROBES = ("livenessProbe", "readinessProbe", "startupProbe")


def pod_spec(spec: Any, path: str) -> Iterator[Cause]:
    if not isinstance(spec, dict):
        yield required(path) if spec is None else wrong_type(path, spec, "must be an object")
        return
    if not isinstance(spec.get("containers"), list) or not spec["containers"]:
        yield required(f"{path}.containers")
        return
    volumes = {
        volume.get("name") for volume in spec.get("volumes") or [] if isinstance(volume, dict)
    }
    yield from _volumes(spec.get("volumes") or [], f"{path}.volumes")
    seen: set[str] = set()
    for field in ("containers", "initContainers"):
        for at, one in enumerate(spec.get(field) or []):
            where = f"{path}.{field}[{at}]"
            if not isinstance(one, dict):
                yield wrong_type(where, one, "must be an object")
                continue
            yield from _container(one, where, volumes)
            name = one.get("name")
            if name in seen:
                yield duplicate(f"{where}.name", name)
            seen.add(str(name))
            yield from _init_rules(one, field, where)
    yield from _host_ports(spec["containers"], f"{path}.containers")
    yield from metadata.labels(spec.get("nodeSelector"), f"{path}.nodeSelector")
    yield from _choices(spec, path)
    grace = spec.get("terminationGracePeriodSeconds")
    if isinstance(grace, int) and grace < 0:
        yield invalid(
            f"{path}.terminationGracePeriodSeconds", grace, "must be greater than or equal to 0"
        )
    account = spec.get("serviceAccountName")
    if account and (wrong := names.dns_subdomain(str(account))):
        yield invalid(f"{path}.serviceAccountName", account, wrong)


def _choices(spec: Obj, path: str) -> Iterator[Cause]:
    for field, allowed in (("restartPolicy", RESTART_POLICIES), ("dnsPolicy", DNS_POLICIES)):
        value = spec.get(field)
        if value is not None and value not in allowed:
            yield not_supported(f"{path}.{field}", value, allowed)


def _init_rules(one: Obj, field: str, path: str) -> Iterator[Cause]:
    policy = one.get("restartPolicy")
    if policy is None:
        sidecar = False
    elif field == "initContainers" and policy == "Always":
        sidecar = True
    elif field == "initContainers":
        yield not_supported(f"{path}.restartPolicy", policy, ("Always",))
        return
    else:
        yield forbidden(f"{path}.restartPolicy", "may not be set for non-init containers")
        return
    if field == "initContainers" and not sidecar:
        for probe in (*PROBES, "lifecycle"):
            if one.get(probe):
                yield forbidden(
                    f"{path}.{probe}",
                    "may not be set for init containers without restartPolicy=Always",
                )


def _container(one: Obj, path: str, volumes: set[Any]) -> Iterator[Cause]:
    name = one.get("name")
    if not name:
        yield required(f"{path}.name")
    elif wrong := names.dns_label(str(name)):
        yield invalid(f"{path}.name", name, wrong)
    if not one.get("image"):
        yield required(f"{path}.image")
    elif one["image"] != str(one["image"]).strip():
        yield invalid(f"{path}.image", one["image"], "must not have leading or trailing whitespace")
    policy = one.get("imagePullPolicy")
    if policy and policy not in PULL_POLICIES:
        yield not_supported(f"{path}.imagePullPolicy", policy, PULL_POLICIES)
    yield from _ports(one.get("ports") or [], f"{path}.ports")
    yield from _environment(one.get("env") or [], f"{path}.env")
    yield from _mounts(one.get("volumeMounts") or [], f"{path}.volumeMounts", volumes)
    yield from _resources(one.get("resources") or {}, f"{path}.resources")
    yield from _security(one.get("securityContext") or {}, f"{path}.securityContext")
    for probe in PROBES:
        if one.get(probe) is not None:
            yield from _probe(one[probe], f"{path}.{probe}", one=one)


def _resources(resources: Obj, path: str) -> Iterator[Cause]:
    limits, requests = resources.get("limits") or {}, resources.get("requests") or {}
    for kind, amounts in (("limits", limits), ("requests", requests)):
        for name, amount in amounts.items():
            if (number(amount) or 0) < 0:
                why = "must be greater than or equal to 0"
                yield invalid(f"{path}.{kind}[{name}]", amount, why)
    for name, amount in requests.items():
        limit = number(limits.get(name))
        if limit is not None and (number(amount) or 0) > limit:
            why = f"must be less than or equal to {name} limit of {limits[name]}"
            yield invalid(f"{path}.requests", amount, why)


def _security(context: Obj, path: str) -> Iterator[Cause]:
    for name in ("runAsUser", "runAsGroup"):
        value = context.get(name)
        if isinstance(value, int) and value < 0:
            yield invalid(f"{path}.{name}", value, "must be between 0 and 2147483647, inclusive")
    if context.get("privileged") and context.get("allowPrivilegeEscalation") is False:
        why = "cannot set `allowPrivilegeEscalation` to false and `privileged` to true"
        yield invalid(path, context, why)


def _host_ports(containers: list[Any], path: str) -> Iterator[Cause]:
    """Each port of the host is wanted once."""
    seen = set()
    for at, one in enumerate(containers):
        for index, port in enumerate(one.get("ports") or [] if isinstance(one, dict) else []):
            wanted = (port.get("hostPort"), port.get("protocol"), port.get("hostIP"))
            if wanted[0] and wanted in seen:
                yield duplicate(f"{path}[{at}].ports[{index}].hostPort", wanted[0])
            seen.add(wanted)


def _ports(ports: list[Any], path: str) -> Iterator[Cause]:
    seen: set[str] = set()
    for at, port in enumerate(ports):
        where = f"{path}[{at}]"
        number = port.get("containerPort")
        if number in (None, 0):
            yield required(f"{where}.containerPort")
        elif not isinstance(number, int):
            yield wrong_type(f"{where}.containerPort", number, "must be an integer")
        elif wrong := names.port_number(number):
            yield invalid(f"{where}.containerPort", number, wrong)
        if port.get("protocol", "TCP") not in PROTOCOLS:
            yield not_supported(f"{where}.protocol", port["protocol"], PROTOCOLS)
        name = port.get("name")
        if not name:
            continue
        if wrong := names.port_name(str(name)):
            yield invalid(f"{where}.name", name, wrong)
        if name in seen:
            yield duplicate(f"{where}.name", name)
        seen.add(name)


def _environment(entries: list[Any], path: str) -> Iterator[Cause]:
    for at, entry in enumerate(entries):
        where = f"{path}[{at}]"
        name = entry.get("name")
        if not name:
            yield required(f"{where}.name")
        elif wrong := names.env_name(str(name)):
            yield invalid(f"{where}.name", name, wrong)
        value = entry.get("value")
        if value is not None and not isinstance(value, str):
            yield wrong_type(f"{where}.value", value, "must be a string")
        field = dig(entry, "valueFrom", "fieldRef", "fieldPath")
        if field is not None and not _FIELD.fullmatch(str(field)):
            yield invalid(
                f"{where}.valueFrom.fieldRef.fieldPath", field, "error converting fieldPath"
            )
        if entry.get("valueFrom") and value:
            yield invalid(
                f"{where}.valueFrom", "", "may not be specified when `value` is not empty"
            )


def _mounts(mounts: list[Any], path: str, volumes: set[Any]) -> Iterator[Cause]:
    seen: set[str] = set()
    for at, mount in enumerate(mounts):
        where = f"{path}[{at}]"
        if not mount.get("name"):
            yield required(f"{where}.name")
        elif mount["name"] not in volumes:
            yield not_found(f"{where}.name", mount["name"])
        target = mount.get("mountPath")
        if not target:
            yield required(f"{where}.mountPath")
        elif target in seen:
            yield invalid(f"{where}.mountPath", target, "must be unique")
        seen.add(str(target))


def _volumes(volumes: list[Any], path: str) -> Iterator[Cause]:
    seen: set[str] = set()
    for at, volume in enumerate(volumes):
        where = f"{path}[{at}]"
        name = volume.get("name")
        if not name:
            yield required(f"{where}.name")
        elif wrong := names.dns_label(str(name)):
            yield invalid(f"{where}.name", name, wrong)
        elif name in seen:
            yield duplicate(f"{where}.name", name)
        seen.add(str(name))
        sources = [key for key in volume if key != "name"]
        if len(sources) > 1:
            yield forbidden(f"{where}.{sources[1]}", "may not specify more than 1 volume type")


def _probe(probe: Obj, path: str, one: Obj) -> Iterator[Cause]:
    handlers = [key for key in PROBE_HANDLERS if probe.get(key) is not None]
    if not handlers:
        yield required(path, "must specify a handler type")
    for extra in handlers[1:]:
        yield forbidden(f"{path}.{extra}", "may not specify more than 1 handler type")
    for field in ("httpGet", "tcpSocket", "grpc"):
        if isinstance(probe.get(field), dict):
            yield from _probe_port(probe[field].get("port"), f"{path}.{field}.port", one)
    for field in ("initialDelaySeconds", "timeoutSeconds", "periodSeconds", "failureThreshold"):
        value = probe.get(field)
        if isinstance(value, int) and value < 0:
            yield invalid(f"{path}.{field}", value, "must be greater than or equal to 0")
    if probe.get("successThreshold", 1) != 1 and not path.endswith("readinessProbe"):
        yield invalid(f"{path}.successThreshold", probe["successThreshold"], "must be 1")


def _probe_port(port: Any, path: str, one: Obj) -> Iterator[Cause]:
    if port is None:
        yield required(path)
    elif isinstance(port, int):
        if wrong := names.port_number(port):
            yield invalid(path, port, wrong)
    elif wrong := names.port_name(str(port)):
        yield invalid(path, port, wrong)
