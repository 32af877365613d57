"""`kubectl get events`, and the older columns of `describe`."""

from datetime import datetime

from sandbox.apiserver.objects import Obj, dig, metadata
from sandbox.apiserver.tables import ages
from sandbox.apiserver.tables.columns import Column, at, number


def last_seen(event: Obj) -> str | None:
    return (
        dig(event, "series", "lastObservedTime")
        or event.get("lastTimestamp")
        or event.get("eventTime")
        or metadata(event).get("creationTimestamp")
    )


def _first_seen(event: Obj, now: datetime) -> str:
    return ages.since(
        event.get("firstTimestamp") or event.get("eventTime") or last_seen(event), now
    )


def _object(event: Obj, _: datetime) -> str:
    about = event.get("involvedObject") or {}
    return f"{str(about.get('kind', '')).lower()}/{about.get('name', '')}"


def _source(event: Obj, _: datetime) -> str:
    component = dig(event, "source", "component") or event.get("reportingComponent") or ""
    host = dig(event, "source", "host") or event.get("reportingInstance")
    return f"{component}, {host}" if host else str(component)


COLUMNS = (
    Column("Last Seen", lambda event, now: ages.since(last_seen(event), now)),
    at("Type", "type", default=""),
    at("Reason", "reason", default=""),
    Column("Object", _object),
    at("Subobject", "involvedObject", "fieldPath", default="", wide=True),
    Column("Source", _source, wide=True),
    Column("Message", lambda event, _: str(event.get("message", "")).strip()),
    Column("First Seen", _first_seen, wide=True),
    number("Count", "count", default=1, wide=True),
    Column("Name", lambda event, _: metadata(event).get("name"), format="name", wide=True),
)
