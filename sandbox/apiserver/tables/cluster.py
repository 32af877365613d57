"""Namespaces, nodes, configuration, accounts, roles, webhooks and CRDs."""

from datetime import datetime
from typing import Any

from sandbox.apiserver.objects import (
    Obj,
    condition,
    dig,
    labels_of,
    metadata,
    spec_of,
    status_of,
)
from sandbox.apiserver.tables.columns import (
    AGE,
    NAME,
    NONE,
    Column,
    at,
    number,
)

NAMESPACE = (NAME, at("Status", "status", "phase"), AGE)

ROLE_PREFIX = "node-role.kubernetes.io/"


def _node_status(obj: Obj, _: datetime) -> str:
    ready = condition(obj, "Ready")
    words = [
        "Unknown" if ready is None else "Ready" if ready.get("status") == "True" else "NotReady"
    ]
    if spec_of(obj).get("unschedulable"):
        words.append("SchedulingDisabled")
    return ",".join(words)


def _node_roles(obj: Obj, _: datetime) -> str:
    roles = [key.removeprefix(ROLE_PREFIX) for key in labels_of(obj) if key.startswith(ROLE_PREFIX)]
    return ",".join(sorted(roles)) or NONE


def _node_address(kind: str) -> Any:
    def cell(obj: Obj, _: datetime) -> str:
        for one in status_of(obj).get("addresses") or []:
            if one.get("type") == kind:
                return str(one["address"])
        return NONE

    return cell


NODE = (
    NAME,
    Column("Status", _node_status),
    Column("Roles", _node_roles),
    AGE,
    at("Version", "status", "nodeInfo", "kubeletVersion", default=""),
    Column("Internal-IP", _node_address("InternalIP"), wide=True),
    Column("External-IP", _node_address("ExternalIP"), wide=True),
    at("OS-Image", "status", "nodeInfo", "osImage", default="<unknown>", wide=True),
    at("Kernel-Version", "status", "nodeInfo", "kernelVersion", default="<unknown>", wide=True),
    at(
        "Container-Runtime",
        "status",
        "nodeInfo",
        "containerRuntimeVersion",
        default="<unknown>",
        wide=True,
    ),
)


def _data_count(obj: Obj, _: datetime) -> int:
    return len(obj.get("data") or {}) + len(obj.get("binaryData") or {})


CONFIG_MAP = (NAME, Column("Data", _data_count, "string"), AGE)
SECRET = (NAME, at("Type", "type"), Column("Data", _data_count, "string"), AGE)
SERVICE_ACCOUNT = (
    NAME,
    Column("Secrets", lambda obj, _: len(obj.get("secrets") or []), "string"),
    AGE,
)

_CREATED = Column("Created At", lambda obj, _: metadata(obj).get("creationTimestamp"), "date")
ROLE = (NAME, _CREATED)


def _role_ref(obj: Obj, _: datetime) -> str:
    reference = obj.get("roleRef") or {}
    return f"{reference.get('kind')}/{reference.get('name')}"


def _subjects(kind: str) -> Any:
    def cell(obj: Obj, _: datetime) -> str:
        found = [one for one in obj.get("subjects") or [] if one.get("kind") == kind]
        if kind == "ServiceAccount":
            return ", ".join(f"{one.get('namespace')}/{one['name']}" for one in found)
        return ", ".join(one["name"] for one in found)

    return cell


BINDING = (
    NAME,
    Column("Role", _role_ref),
    AGE,
    Column("Users", _subjects("User"), wide=True),
    Column("Groups", _subjects("Group"), wide=True),
    Column("ServiceAccounts", _subjects("ServiceAccount"), wide=True),
)

WEBHOOKS = (NAME, Column("Webhooks", lambda obj, _: len(obj.get("webhooks") or []), "integer"), AGE)
CUSTOM_RESOURCE_DEFINITION = (NAME, _CREATED)
LEASE = (NAME, at("Holder", "spec", "holderIdentity", default=""), AGE)
PRIORITY_CLASS = (
    NAME,
    number("Value", "value"),
    Column("Global-Default", lambda obj, _: bool(obj.get("globalDefault")), "boolean"),
    AGE,
)


def _api_service_target(obj: Obj, _: datetime) -> str:
    service = dig(obj, "spec", "service")
    return f"{service['namespace']}/{service['name']}" if service else "Local"


def _api_service_available(obj: Obj, _: datetime) -> str:
    found = condition(obj, "Available")
    if found is None:
        return "Unknown"
    return "True" if found.get("status") == "True" else f"False ({found.get('reason')})"


API_SERVICE = (
    NAME,
    Column("Service", _api_service_target),
    Column("Available", _api_service_available),
    AGE,
)

DISRUPTION_BUDGET = (
    NAME,
    Column("Min Available", lambda obj, _: str(spec_of(obj).get("minAvailable", "N/A"))),
    Column("Max Unavailable", lambda obj, _: str(spec_of(obj).get("maxUnavailable", "N/A"))),
    number("Allowed Disruptions", "status", "disruptionsAllowed"),
    AGE,
)
