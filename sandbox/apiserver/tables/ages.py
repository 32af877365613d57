"""Durations as kubectl writes them (`apimachinery/pkg/util/duration.HumanDuration`)."""

from datetime import datetime, timedelta

from sandbox.apiserver.objects import Obj, metadata, parse_timestamp

UNKNOWN = "<unknown>"


def human(span: timedelta) -> str:
    """`45s`, `3m20s`, `12m`, `5h7m`, `2d3h`, `140d`, `3y100d`."""
    seconds = int(span.total_seconds())
    if seconds < -1:
        return "<invalid>"
    if seconds < 0:
        return "0s"
    if seconds < 120:
        return f"{seconds}s"
    minutes = seconds // 60
    if minutes < 10:
        return f"{minutes}m" + (f"{seconds % 60}s" if seconds % 60 else "")
    if minutes < 180:
        return f"{minutes}m"
    hours = minutes // 60
    if hours < 8:
        return f"{hours}h" + (f"{minutes % 60}m" if minutes % 60 else "")
    if hours < 48:
        return f"{hours}h"
    days = hours // 24
    if hours < 192:
        return f"{days}d" + (f"{hours % 24}h" if hours % 24 else "")
    if days < 730:
        return f"{days}d"
    years = days // 365
    if years < 8:
        return f"{years}y" + (f"{days % 365}d" if days % 365 else "")
    return f"{years}y"


def since(moment: str | None, now: datetime) -> str:
    """How long ago a timestamp is; `<unknown>` without one."""
    if not moment:
        return UNKNOWN
    try:
        return human(now - parse_timestamp(moment))
    except ValueError:
        return UNKNOWN


def of(obj: Obj, now: datetime) -> str:
    """The AGE of an object."""
    return since(metadata(obj).get("creationTimestamp"), now)
