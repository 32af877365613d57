"""Flags of `mesh install` and `mesh upgrade` that are values of the installation by Linkerd's names for them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import click

from cli.injecting.flags import FLAGS as INJECT_FLAGS

Json = dict[str, Any]
_HELP = {flag.name: flag for flag in INJECT_FLAGS}


@dataclass(frozen=True, slots=True)
class ValueFlag:
    """`--name TEXT` is `--set path=TEXT`."""

    name: str
    path: str
    help: str = ""
    """Empty for what the flag of the same name says at `mesh inject`."""
    metavar: str = ""
    kind: type[str | int | bool] = str

    @property
    def parameter(self) -> str:
        """The name of the Python argument."""
        return "value_" + self.name.lstrip("-").replace("-", "_")

    def option(self) -> Callable[..., Any]:
        """As click takes it."""
        same = _HELP.get(self.name)
        said = self.help or (same.help if same else "")
        attributes: Json = {"help": f"{said.removesuffix('.')} (value {self.path})."}
        if self.kind is bool:
            attributes["is_flag"] = True
        else:
            attributes["type"] = self.kind
            attributes["metavar"] = self.metavar or (same.metavar if same else "TEXT")
        return click.option(self.name, self.parameter, default=None, **attributes)

    def tree(self, value: Any) -> Json:
        """`value` where it belongs among the values."""
        leaf: Any = value
        for key in reversed(self.path.split(".")):
            leaf = {key: leaf}
        return {**leaf}


VALUE_FLAGS = (
    ValueFlag("--controller-replicas", "controllerReplicas", "Pods of each control-plane component", "COUNT", int),
    ValueFlag("--controller-log-level", "controllerLogLevel", "What control-plane components log", "LEVEL"),
    ValueFlag("--controller-uid", "controllerUID", "User id of control-plane containers", "ID", int),
    ValueFlag("--identity-issuance-lifetime", "identity.issuer.issuanceLifetime", "How long a workload's certificate is valid", "DURATION"),
    ValueFlag("--identity-clock-skew-allowance", "identity.issuer.clockSkewAllowance", "How far clocks may disagree", "DURATION"),
    ValueFlag("--image-pull-policy", "imagePullPolicy"),
    ValueFlag("--default-inbound-policy", "proxy.defaultInboundPolicy"),
    ValueFlag("--skip-inbound-ports", "proxyInit.ignoreInboundPorts"),
    ValueFlag("--skip-outbound-ports", "proxyInit.ignoreOutboundPorts"),
    ValueFlag("--proxy-image", "proxy.image.name"),
    ValueFlag("--proxy-version", "proxy.image.version"),
    ValueFlag("--proxy-log-level", "proxy.logLevel"),
    ValueFlag("--proxy-cpu-request", "proxy.resources.cpu.request"),
    ValueFlag("--proxy-cpu-limit", "proxy.resources.cpu.limit"),
    ValueFlag("--proxy-memory-request", "proxy.resources.memory.request"),
    ValueFlag("--proxy-memory-limit", "proxy.resources.memory.limit"),
    ValueFlag("--proxy-uid", "proxy.uid", kind=int),
    ValueFlag("--proxy-gid", "proxy.gid", kind=int),
    ValueFlag("--inbound-port", "proxy.ports.inbound", kind=int),
    ValueFlag("--outbound-port", "proxy.ports.outbound", kind=int),
    ValueFlag("--control-port", "proxy.ports.control", kind=int),
    ValueFlag("--admin-port", "proxy.ports.admin", kind=int),
    ValueFlag("--enable-external-profiles", "proxy.enableExternalProfiles", kind=bool),
)  # fmt: skip


def value_flags(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds all of them to a command."""
    for flag in reversed(VALUE_FLAGS):
        command = flag.option()(command)
    return command


def take_layers(given: Json) -> list[tuple[str, Json]]:
    """Takes them out of a command's keyword arguments: what was given, as layers of values."""
    found = [(flag, given.pop(flag.parameter)) for flag in VALUE_FLAGS]
    return [(flag.name, flag.tree(value)) for flag, value in found if value is not None]
