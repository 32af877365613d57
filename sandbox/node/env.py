"""A container's environment: service variables, envFrom, env, and `$(NAME)` in all of them. Pure."""

import base64
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from sandbox.node.downward import Facts, field_value, resource_value
from sandbox.node.objects import Object, name, namespace, spec

Lookup: TypeAlias = Callable[[str], Object | None]
"""A ConfigMap or Secret of the pod's namespace by name, or None."""


class ConfigError(Exception):
    """What keeps a container from being configured (the kubelet's CreateContainerConfigError)."""


@dataclass(frozen=True, slots=True)
class Sources:
    """Where variables come from beside the container itself."""

    config_map: Lookup
    secret: Lookup
    services: tuple[Object, ...] = ()
    """The services whose addresses are told: those of the pod's namespace, and `kubernetes`."""


def environment(pod: Object, container: Object, sources: Sources, facts: Facts) -> dict[str, str]:
    """The variables Kubernetes gives a container, later ones winning. Raises ConfigError, FieldError."""
    links = spec(pod).get("enableServiceLinks", True)
    values = service_variables(sources.services, links=links is not False, namespace=namespace(pod))
    for source in container.get("envFrom") or ():
        values |= _all_of(pod, source, sources)
    for entry in container.get("env") or ():
        found = _value_of(pod, container, entry, sources, facts, values)
        if found is not None:
            values[str(entry["name"])] = found
    return values


def expand(text: str, values: Mapping[str, str]) -> str:
    """Replace `$(NAME)` where NAME is known; `$$` is a dollar sign; all else stays as written."""
    out, at = [], 0
    while (dollar := text.find("$", at)) >= 0 and dollar + 1 < len(text):
        out.append(text[at:dollar])
        following = text[dollar + 1]
        end = text.find(")", dollar + 2) if following == "(" else -1
        if following == "$":
            out.append("$")
            at = dollar + 2
        elif end < 0:
            out.append(text[dollar : dollar + 2])
            at = dollar + 2
        else:
            out.append(values.get(text[dollar + 2 : end], text[dollar : end + 1]))
            at = end + 1
    return "".join(out) + text[at:]


def service_variables(services: Iterable[Object], *, links: bool, namespace: str) -> dict[str, str]:
    """`NAME_SERVICE_HOST` and its companions. Without `links` only `kubernetes`' own are told."""
    values: dict[str, str] = {}
    for service in services:
        master = _is_master(service)
        own = links and service.get("metadata", {}).get("namespace") == namespace
        address = spec(service).get("clusterIP")
        if (master or own) and address and address != "None":
            values |= _variables_of(service, str(address))
    return values


def _variables_of(service: Object, address: str) -> dict[str, str]:
    prefix = _variable_name(name(service))
    ports = spec(service).get("ports") or []
    if not ports:
        return {}
    first = ports[0]
    values = {
        f"{prefix}_SERVICE_HOST": address,
        f"{prefix}_SERVICE_PORT": str(first["port"]),
    }
    for port in ports:
        if port.get("name"):
            values[f"{prefix}_SERVICE_PORT_{_variable_name(port['name'])}"] = str(port["port"])
    for port in ports:
        protocol = str(port.get("protocol") or "TCP")
        url = f"{protocol.lower()}://{address}:{port['port']}"
        if port is first:
            values[f"{prefix}_PORT"] = url
        one = f"{prefix}_PORT_{port['port']}_{protocol}"
        values |= {one: url, f"{one}_PROTO": protocol.lower()}
        values |= {f"{one}_PORT": str(port["port"]), f"{one}_ADDR": address}
    return values


def _all_of(pod: Object, source: Mapping[str, Any], sources: Sources) -> dict[str, str]:
    prefix = str(source.get("prefix") or "")
    if reference := source.get("configMapRef"):
        found = _required(sources.config_map, reference, "configmap")
        data = {k: str(v) for k, v in ((found or {}).get("data") or {}).items()}
    elif reference := source.get("secretRef"):
        data = secret_texts(_required(sources.secret, reference, "secret") or {})
    else:
        raise ConfigError("envFrom: allowed are configMapRef and secretRef")
    return {prefix + key: value for key, value in data.items()}


def _value_of(
    pod: Object,
    container: Object,
    entry: Mapping[str, Any],
    sources: Sources,
    facts: Facts,
    known: Mapping[str, str],
) -> str | None:
    origin = entry.get("valueFrom")
    if not origin:
        return expand(str(entry.get("value") or ""), known)
    if reference := origin.get("fieldRef"):
        return field_value(pod, str(reference["fieldPath"]), facts)
    if reference := origin.get("resourceFieldRef"):
        return resource_value(pod, container, reference, facts)
    if reference := origin.get("configMapKeyRef"):
        found = _required(sources.config_map, reference, "configmap")
        return _key(reference, (found or {}).get("data") or {}, "ConfigMap", pod)
    if reference := origin.get("secretKeyRef"):
        found = _required(sources.secret, reference, "secret")
        return _key(reference, secret_texts(found or {}), "Secret", pod)
    raise ConfigError(
        f"env {entry.get('name')}: allowed in valueFrom are fieldRef, resourceFieldRef, "
        "configMapKeyRef and secretKeyRef"
    )


def _required(lookup: Lookup, reference: Mapping[str, Any], kind: str) -> Object | None:
    wanted = str(reference.get("name") or "")
    found = lookup(wanted)
    if found is None and not reference.get("optional"):
        raise ConfigError(f'{kind} "{wanted}" not found')
    return found


def _key(
    reference: Mapping[str, Any], data: Mapping[str, Any], kind: str, pod: Object
) -> str | None:
    key = str(reference.get("key") or "")
    if key in data:
        return str(data[key])
    if reference.get("optional"):
        return None
    where = f"{namespace(pod)}/{reference.get('name')}"
    raise ConfigError(f"couldn't find key {key} in {kind} {where}")


def secret_texts(secret: Object) -> dict[str, str]:
    encoded = secret.get("data") or {}
    return {k: base64.b64decode(v).decode(errors="replace") for k, v in encoded.items()}


def _is_master(service: Object) -> bool:
    found = service.get("metadata", {})
    return (found.get("namespace"), found.get("name")) == ("default", "kubernetes")


def _variable_name(text: str) -> str:
    return text.upper().replace("-", "_")
