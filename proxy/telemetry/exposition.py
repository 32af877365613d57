"""Prometheus' text format, version 0.0.4: what `/metrics` answers."""

from __future__ import annotations

from itertools import accumulate

from proxy.telemetry.registry import AnyFamily, Histogram, Labels, Registry

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_LABEL_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n"})
_HELP_ESCAPES = str.maketrans({"\\": "\\\\", "\n": "\\n"})


def render(registry: Registry, now: float | None = None) -> str:
    """Every family that has a series; `now` is monotonic seconds."""
    lines: list[str] = []
    for family in registry.families(now):
        if len(family):
            _render_family(family, lines)
    return "".join(lines)


def _render_family(family: AnyFamily, lines: list[str]) -> None:
    metric = family.metric
    lines.append(f"# HELP {metric.name} {metric.help.translate(_HELP_ESCAPES)}\n")
    lines.append(f"# TYPE {metric.name} {metric.kind.value}\n")
    for labels, series in family.series():
        if isinstance(series, Histogram):
            _render_histogram(metric.name, labels, series, lines)
        else:
            lines.append(f"{metric.name}{braces(labels)} {number(series.value)}\n")


def _render_histogram(name: str, labels: Labels, series: Histogram, lines: list[str]) -> None:
    inner = _inside(labels)
    before = f"{name}_bucket{{{inner}," if inner else f"{name}_bucket{{"
    total = 0
    for bound, total in zip((*series.bounds, float("inf")), accumulate(series.counts), strict=True):
        lines.append(f'{before}le="{number(bound)}"}} {total}\n')
    outer = f"{{{inner}}}" if inner else ""
    lines.append(f"{name}_sum{outer} {number(series.sum)}\n")
    lines.append(f"{name}_count{outer} {total}\n")


def braces(labels: Labels) -> str:
    """`{direction="inbound"}`, or nothing without labels."""
    return f"{{{_inside(labels)}}}" if labels else ""


def number(value: float) -> str:
    """Whole numbers without a point; infinity as Prometheus spells it.

    >>> number(3.0), number(0.25), number(float("inf"))
    ('3', '0.25', '+Inf')
    """
    if value == float("inf"):
        return "+Inf"
    if value == int(value):
        return str(int(value))
    return repr(round(value, 9))


def _inside(labels: Labels) -> str:
    return ",".join(f'{name}="{value.translate(_LABEL_ESCAPES)}"' for name, value in labels)
