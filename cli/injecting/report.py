"""What `inject` and `uninject` say on stderr, in Linkerd's words: scripts read them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from cli.injecting.workloads import Named

OK, WARN = "√", "‼"


@dataclass(frozen=True, slots=True)
class Row:
    """What became of one object."""

    named: Named
    outcome: str
    """`injected`, `annotated`, `uninjected` or `skipped`."""
    host_network: bool = False
    sidecar: bool = False
    disabled: bool = False
    udp: bool = False
    warnings: tuple[str, ...] = field(default=())
    """Sentences of their own: annotations that have no effect, pods that will not end."""

    def __str__(self) -> str:
        if not self.named.kind:
            return 'document missing "kind" field, skipped'
        return f'{self.named.kind} "{self.named.name}" {self.outcome}'


def render_report(rows: list[Row], *, verbose: bool) -> str:
    """A blank line, findings, one line per object, a blank line."""
    lines = [""]
    lines += findings(rows, verbose=verbose)
    if len(lines) > 1:
        lines.append("")
    lines += [str(row) for row in rows]
    lines.append("")
    return "\n".join(lines) + "\n"


def findings(rows: list[Row], *, verbose: bool) -> list[str]:
    """Problems; with `verbose` also what was looked at and found to be fine."""

    def which(test: Callable[[Row], bool]) -> str:
        return ", ".join(str(row.named) for row in rows if test(row))

    changed = any(row.outcome in ("injected", "annotated") for row in rows)
    checks: Iterable[tuple[str, str]] = (
        ("pods do not use host networking", f'"hostNetwork: true" detected in {which(lambda row: row.host_network)}' if which(lambda row: row.host_network) else ""),
        ("pods do not have a 3rd party proxy or initContainer already injected", f"known 3rd party sidecar detected in {which(lambda row: row.sidecar)}" if which(lambda row: row.sidecar) else ""),
        ("pods are not annotated to disable injection", f'"linkerd.io/inject: disabled" annotation set on {which(lambda row: row.disabled)}' if which(lambda row: row.disabled) else ""),
        ("at least one resource can be injected or annotated", "" if changed else "no supported objects found"),
        ("pod specs do not include UDP ports", f'{which(lambda row: row.udp)} uses "protocol: UDP"' if which(lambda row: row.udp) else ""),
        ('pods do not have automountServiceAccountToken set to "false" or service account token projection is enabled', ""),
    )  # fmt: skip
    lines = []
    for description, problem in checks:
        if problem:
            lines.append(f"{WARN} {problem}")
        elif verbose:
            lines.append(f"{OK} {description}")
    lines += [f"{WARN} {row.named}: {warning}" for row in rows for warning in row.warnings]
    return lines


def render_short_report(rows: list[Row]) -> str:
    """For `uninject`: only what became of each object."""
    return "\n".join(["", *map(str, rows), ""]) + "\n"
