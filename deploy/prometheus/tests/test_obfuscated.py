"""`mesh metrics --obfuscate`, on what proxies really show."""

import re
from pathlib import Path

from cli.commands.diagnostics.metrics import HARMLESS, obfuscated

PAGES = "".join(
    path.read_text() for path in sorted((Path(__file__).parent / "recorded").glob("*.prom"))
)
HIDDEN = {
    "authority", "target_addr", "target_ip", "client_id", "server_id", "addr", "dst", "dst_deployment", "rt_route",
    "authz_name", "srv_name", "route_name", "route_namespace",
    "parent_name", "parent_namespace", "parent_section_name", "backend_name", "backend_namespace", "backend_section_name",
}  # fmt: skip
"""What names somebody or something, or says where it is."""


def labels(text: str) -> set[tuple[str, str]]:
    """Names and values."""
    series = [line for line in text.splitlines() if not line.startswith("#")]
    return set(re.findall(r'[{,](\w+)="([^"]*)"', "\n".join(series)))


def test_every_label_of_a_proxy_is_harmless_or_hidden() -> None:
    names = {name for name, _ in labels(PAGES)}
    assert names >= HIDDEN
    assert names - HIDDEN <= HARMLESS, "judge new labels: do they say how, or who?"
    assert not HIDDEN & HARMLESS


def test_nothing_of_what_is_hidden_is_readable_in_its_place() -> None:
    before, after = labels(PAGES), labels(obfuscated(PAGES))
    readable = {(name, value) for name, value in before & after if value}
    assert {name for name, _ in readable} <= HARMLESS
    assert len(after) == len(before), "and what was told apart still is"
