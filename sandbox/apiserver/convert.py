"""Reading and writing an object in another version than it is stored in. Pure.

Custom resources convert by name only (strategy None). Events have two faces over one storage: core
`v1` (what is stored) and `events.k8s.io/v1`.
"""

from sandbox.apiserver.kinds import EVENT, EVENT_V1, Kind
from sandbox.apiserver.objects import Obj

_RENAMED = {
    "regarding": "involvedObject",
    "note": "message",
    "reportingController": "reportingComponent",
    "deprecatedSource": "source",
    "deprecatedFirstTimestamp": "firstTimestamp",
    "deprecatedLastTimestamp": "lastTimestamp",
    "deprecatedCount": "count",
}
"""`events.k8s.io` name -> core name; everything else is called the same."""
_BACK = {core: face for face, core in _RENAMED.items()}


def storage_kind(kind: Kind) -> Kind:
    """The kind whose storage holds `kind`'s objects."""
    return EVENT if kind == EVENT_V1 else kind


def to_stored(kind: Kind, obj: Obj) -> Obj:
    """What a client wrote as `kind`, as it is stored."""
    if kind != EVENT_V1:
        return obj
    renamed = {_RENAMED.get(key, key): value for key, value in obj.items()}
    return {**renamed, "apiVersion": EVENT.api_version}


def from_stored(kind: Kind, obj: Obj) -> Obj:
    """A stored object as `kind` shows it; shares everything that is the same."""
    if kind == EVENT_V1 and obj.get("apiVersion") == EVENT.api_version:
        obj = {_BACK.get(key, key): value for key, value in obj.items()}
    if obj.get("apiVersion") == kind.api_version:
        return obj
    return {**obj, "apiVersion": kind.api_version}
