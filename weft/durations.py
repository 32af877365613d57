"""Durations as users write them, in seconds.

Two spellings meet: the proxy's environment and our annotations take one number with one unit
(`300ms`, `5d`; a bare number only when it is 0), as linkerd2-proxy does; Go's form, which
ServiceProfiles and command-line flags use, chains them (`1h30m`).
"""

from __future__ import annotations

import re

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_GO_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_ONE = re.compile(r"([0-9]+)(ms|s|m|h|d)")
_GO_PART = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(ns|us|µs|ms|s|m|h)")


LONGEST = 315_576_000_000.0
"""Seconds a message can hold (google.protobuf.Duration): ten thousand years."""


class DurationError(ValueError):
    """Text that is not a duration; the message names it and what is allowed."""


def parse_duration(text: str) -> float:
    """`0`, or digits and one of ms, s, m, h, d. Raises DurationError."""
    trimmed = text.strip()
    if trimmed == "0":
        return 0.0
    match = _ONE.fullmatch(trimmed)
    if match is None:
        raise DurationError(
            f"{text!r} is not a duration: allowed are a number and ms, s, m, h or d, such as 300ms"
        )
    return _bounded(text, float(match[1]) * _UNITS[match[2]])


def parse_go_duration(text: str) -> float:
    """`1h30m`, `1.5s`, `0`. Negative durations are refused. Raises DurationError."""
    trimmed = text.strip()
    if trimmed == "0":
        return 0.0
    parts = list(_GO_PART.finditer(trimmed))
    if not parts or "".join(part[0] for part in parts) != trimmed:
        raise DurationError(
            f"{text!r} is not a duration: allowed are numbers with ns, us, ms, s, m or h, "
            "such as 1h30m"
        )
    return _bounded(text, sum(float(part[1]) * _GO_UNITS[part[2]] for part in parts))


def _bounded(text: str, seconds: float) -> float:
    if seconds > LONGEST:
        raise DurationError(f"{text!r} is not a duration: it is longer than 10000 years")
    return seconds


def format_duration(seconds: float) -> str:
    """The shortest of Go's spelling that keeps milliseconds: `250ms`, `1m30s`, `24h`."""
    milliseconds = round(seconds * 1000)
    if milliseconds < 1000:
        return f"{milliseconds}ms" if milliseconds else "0s"
    whole, rest = divmod(milliseconds, 1000)
    hours, minutes, secs = whole // 3600, whole // 60 % 60, whole % 60
    text = (f"{hours}h" if hours else "") + (f"{minutes}m" if minutes else "")
    if rest:
        return text + f"{secs}.{rest:03d}".rstrip("0") + "s"
    return text + (f"{secs}s" if secs or not text else "")
