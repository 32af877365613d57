"""Flags of `mesh inject`, each of which is an annotation."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import click

from cli.failure import CommandError
from weft import labels


@dataclass(frozen=True, slots=True)
class Flag:
    """One flag, the annotation it writes, and its help."""

    name: str
    annotation: str
    help: str
    value: str | None = None
    """The annotation's value when the flag takes none."""
    metavar: str = "TEXT"

    @property
    def parameter(self) -> str:
        """The name of the Python argument."""
        return "annotation_" + self.name.lstrip("-").replace("-", "_")


FLAGS = (
    Flag("--ingress", labels.INJECT, "Ingress mode: requests are routed by their l5d-dst-override header.", labels.INJECT_INGRESS),
    Flag("--opaque-ports", labels.OPAQUE_PORTS, "Ports whose bytes are passed through unread.", metavar="PORTS"),
    Flag("--skip-inbound-ports", labels.SKIP_INBOUND_PORTS, "Ports whose inbound connections bypass the proxy.", metavar="PORTS"),
    Flag("--skip-outbound-ports", labels.SKIP_OUTBOUND_PORTS, "Ports whose outbound connections bypass the proxy.", metavar="PORTS"),
    Flag("--skip-subnets", labels.SKIP_SUBNETS, "Networks whose connections bypass the proxy.", metavar="NETWORKS"),
    Flag("--require-identity-on-inbound-ports", labels.REQUIRE_IDENTITY_INBOUND_PORTS, "Ports that only meshed clients may use.", metavar="PORTS"),
    Flag("--default-inbound-policy", labels.DEFAULT_INBOUND_POLICY, "Who may connect where no policy speaks.", metavar="POLICY"),
    Flag("--proxy-log-level", labels.PROXY_LOG_LEVEL, "Log filter of the proxy.", metavar="FILTER"),
    Flag("--proxy-log-format", labels.PROXY_LOG_FORMAT, "plain or json.", metavar="FORMAT"),
    Flag("--access-log", labels.ACCESS_LOG, "Log every inbound request: apache or json.", metavar="FORMAT"),
    Flag("--proxy-cpu-request", labels.PROXY_CPU_REQUEST, "CPU the proxy asks for.", metavar="QUANTITY"),
    Flag("--proxy-cpu-limit", labels.PROXY_CPU_LIMIT, "CPU the proxy may use.", metavar="QUANTITY"),
    Flag("--proxy-memory-request", labels.PROXY_MEMORY_REQUEST, "Memory the proxy asks for.", metavar="QUANTITY"),
    Flag("--proxy-memory-limit", labels.PROXY_MEMORY_LIMIT, "Memory the proxy may use.", metavar="QUANTITY"),
    Flag("--proxy-image", labels.PROXY_IMAGE, "Image of the proxy, without a tag.", metavar="IMAGE"),
    Flag("--proxy-version", labels.PROXY_VERSION, "Tag of the proxy's image.", metavar="TAG"),
    Flag("--image-pull-policy", labels.IMAGE_PULL_POLICY, "Always, IfNotPresent or Never.", metavar="POLICY"),
    Flag("--inbound-port", labels.INBOUND_PORT, "The proxy's port for inbound connections.", metavar="PORT"),
    Flag("--outbound-port", labels.OUTBOUND_PORT, "The proxy's port for outbound connections.", metavar="PORT"),
    Flag("--control-port", labels.CONTROL_PORT, "The proxy's tap port.", metavar="PORT"),
    Flag("--admin-port", labels.ADMIN_PORT, "The proxy's admin port.", metavar="PORT"),
    Flag("--proxy-uid", labels.PROXY_UID, "User id of the proxy.", metavar="ID"),
    Flag("--proxy-gid", labels.PROXY_GID, "Group id of the proxy.", metavar="ID"),
    Flag("--enable-external-profiles", labels.ENABLE_EXTERNAL_PROFILES, "Use ServiceProfiles of names outside the cluster.", "true"),
    Flag("--enable-debug-sidecar", labels.ENABLE_DEBUG_SIDECAR, "Add a container with network tools.", "true"),
    Flag("--native-sidecar", labels.PROXY_ENABLE_NATIVE_SIDECAR, "Make the proxy an init container that keeps running.", "true"),
    Flag("--close-wait-timeout", labels.CLOSE_WAIT_TIMEOUT, "Bound of half-closed connections, such as 60s.", metavar="DURATION"),
    Flag("--shutdown-grace-period", labels.SHUTDOWN_GRACE_PERIOD, "How long the proxy drains.", metavar="DURATION"),
    Flag("--wait-before-exit-seconds", labels.PROXY_WAIT_BEFORE_EXIT_SECONDS, "Seconds the proxy outlives the pod's termination.", metavar="SECONDS"),
)  # fmt: skip


def annotation_flags(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds all of them to a command."""
    for flag in reversed(FLAGS):
        attributes: dict[str, Any] = {"help": flag.help}
        if flag.value is not None:
            attributes["is_flag"] = True
        else:
            attributes["metavar"] = flag.metavar
        command = click.option(flag.name, flag.parameter, **attributes)(command)
    return command


def read_flags(given: Mapping[str, Any]) -> dict[str, str]:
    """The annotations of the flags that were given, checked. Raises CommandError naming the flag."""
    from proxy_injector.annotations import RULES

    found: dict[str, str] = {}
    for flag in FLAGS:
        value = given.get(flag.parameter)
        if not value:
            continue
        text = flag.value if flag.value is not None else str(value)
        rule = RULES.get(flag.annotation)
        if rule is not None:
            try:
                rule.parse(text)
            except ValueError:
                raise CommandError(
                    f'{flag.name}: "{text}" is not allowed; allowed: {rule.allowed}'
                ) from None
        found[flag.annotation] = text
    return found
