"""What was asked and answered, with stable names for what differs from run to run."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)")
_AGE = re.compile(r"\d+s")
"""As tables show it, of what has just been made."""
_UID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_VOLUME = re.compile(r"kube-api-access-[a-z0-9]{5}")
_SERVICE_IP = re.compile(r"10\.9[67]\.\d+\.\d+")
"""The sandbox's service addresses and the test cluster's."""
_POD_IP = re.compile(r"10\.24[45]\.\d+\.\d+")
_NODE_IPS = ("10.251.0.1", "10.244.0.1")


@dataclass
class Names:
    """Stable names: the first resource version seen is `version 1`, the first uid `uid 1`."""

    namespace: str
    node: str = ""
    _versions: dict[str, str] = field(default_factory=dict)
    _uids: dict[str, str] = field(default_factory=dict)

    def version(self, raw: str) -> str:
        return self._versions.setdefault(raw, f"version {len(self._versions) + 1}")

    def text(self, raw: str) -> str:
        if _AGE.fullmatch(raw):
            return "<age>"
        raw = raw.replace(self.namespace, "<namespace>")
        if self.node:
            raw = raw.replace(self.node, "<node>")
        for ip in _NODE_IPS:
            raw = raw.replace(ip, "<node address>")
        raw = _TIME.sub("<time>", raw)
        raw = _VOLUME.sub("kube-api-access-xxxxx", raw)
        raw = _SERVICE_IP.sub("<service address>", raw)
        raw = _POD_IP.sub("<pod address>", raw)
        return _UID.sub(self._uid, raw)

    def _uid(self, found: re.Match[str]) -> str:
        return self._uids.setdefault(found[0], f"uid {len(self._uids) + 1}")


_WORDS_COUNT = ("AlreadyExists", "Conflict", "Forbidden", "NotFound", "Unauthorized")
"""Reasons whose message is compared as well: clients and people match on these."""


def essence(status: Json) -> Json:
    """Of a refusal: code, reason, what it is about, and which fields are wrong in which way. The words
    of other refusals quote Go's types and libraries, which nobody should match on."""
    found: Json = {name: status[name] for name in ("code", "reason") if name in status}
    if status.get("reason") in _WORDS_COUNT:
        found["message"] = status.get("message", "")
    details = status.get("details") or {}
    found |= {name: details[name] for name in ("group", "kind", "name") if name in details}
    causes = {
        f"{one.get('reason', '')} {one.get('field', '')}" for one in details.get("causes") or []
    }
    return found | ({"causes": sorted(causes)} if causes else {})


class Transcript:
    """A conversation as it goes on."""

    def __init__(self, names: Names, *, managed_fields: bool = False) -> None:
        """`managed_fields`: whether who manages which field belongs to what is compared."""
        self._names = names
        self._managed_fields = managed_fields
        self.said: list[Json] = []

    def note(self, asked: str, code: int | None, answered: Any) -> None:
        """`code` is None for what was no HTTP exchange."""
        entry: Json = {"asked": self._names.text(asked)}
        if code is not None:
            entry["code"] = code
        entry["answered"] = self._stable(answered)
        self.said.append(entry)

    def _stable(self, value: Any) -> Any:
        match value:
            case {"kind": "Status", "status": "Failure"}:
                return {"refused": self._stable(essence(value))}
            case dict():
                return {
                    self._names.text(name): self._entry(name, one, value)
                    for name, one in value.items()
                    if self._managed_fields or name != "managedFields"
                }
            case list():
                return [self._stable(one) for one in value]
            case str():
                return self._names.text(value)
        return value

    def _entry(self, name: str, value: Any, parent: Json) -> Any:
        if name == "resourceVersion" and isinstance(value, str):
            return self._names.version(value) if "creationTimestamp" in parent else "<list version>"
        if name == "managedFields":
            # In the order of their times, which are full seconds: by chance, in a test.
            value = sorted(value, key=lambda one: (one["manager"], one["operation"]))
        if name == "nodePort":
            return "<node port>"
        if name in ("continue", "token") and value:
            return f"<{name}>"
        return self._stable(value)
