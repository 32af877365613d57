"""Settings of a control-plane process, read from environment variables `WEFT_<SETTING>`.

Nothing is silently ignored: a variable that no setting answers to stops the start and names the
nearest one that exists. The exception is what the kubelet adds by itself: for a Service
`weft-identity` every pod of the namespace gets `WEFT_IDENTITY_SERVICE_HOST` and its family.
"""

import difflib
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, ValidationError
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)
from pydantic_settings.sources import InitSettingsSource

from weft import names
from weft.addresses import IPNetwork, SocketAddress, parse_networks, parse_socket_address
from weft.durations import parse_go_duration
from weft.ports import PortSet, parse_port_set

PREFIX = "WEFT_"

LogLevel = Literal["debug", "info", "warn", "error"]
LogFormat = Literal["plain", "json"]


class SettingsError(Exception):
    """One line per variable that is unknown or unusable, each saying what is allowed."""


def _socket_address(value: object) -> object:
    return _listen_address(value) if isinstance(value, str) else value


def _listen_address(text: str) -> SocketAddress:
    """`IP:PORT`; port 0 lets the kernel choose, as tests do."""
    host, _, port = text.rpartition(":")
    if port == "0":
        return SocketAddress(parse_socket_address(f"{host}:1").ip, 0)
    return parse_socket_address(text)


def _seconds(value: object) -> object:
    return parse_go_duration(value) if isinstance(value, str) else value


def _networks(value: object) -> object:
    return parse_networks(value) if isinstance(value, str) else value


def _ports(value: object) -> object:
    return parse_port_set(value) if isinstance(value, str) else value


ListenAddress = Annotated[SocketAddress, NoDecode, BeforeValidator(_socket_address)]
"""`0.0.0.0:8080` or `[::]:8080`."""
Seconds = Annotated[float, BeforeValidator(_seconds)]
"""A duration as Go writes it (`24h`, `1m30s`), held in seconds."""
Networks = Annotated[tuple[IPNetwork, ...], NoDecode, BeforeValidator(_networks)]
"""Networks separated by commas."""
Ports = Annotated[PortSet, NoDecode, BeforeValidator(_ports)]
"""Ports and ranges separated by commas."""


class Settings(BaseSettings):
    """What all control-plane processes share; each service adds its own fields in a subclass."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        frozen=True,
        arbitrary_types_allowed=True,
        extra="forbid",
        use_attribute_docstrings=True,
    )

    controller_namespace: str = names.CONTROL_PLANE_NAMESPACE
    trust_domain: str = names.TRUST_DOMAIN
    cluster_domain: str = names.CLUSTER_DOMAIN
    log_level: LogLevel = "info"
    log_format: LogFormat = "plain"
    admin_addr: ListenAddress = SocketAddress("0.0.0.0", 9990)  # noqa: S104 (a pod's own address)
    kubeconfig: Path | None = None
    """Unset: the pod's service account."""
    trace_collector: str | None = None
    """`host:port` of an OTLP/gRPC collector; unset: no spans are made."""

    @property
    def identities(self) -> names.TrustDomain:
        return names.TrustDomain(self.controller_namespace, self.trust_domain)

    @classmethod
    def load(cls, environ: Mapping[str, str] | None = None) -> Self:
        """Reads the environment. Raises SettingsError naming every bad or unknown variable."""
        env = dict(os.environ if environ is None else environ)
        problems = list(_unknown(env, {PREFIX + field.upper() for field in cls.model_fields}))
        try:
            loaded = cls.model_validate(_from(cls, env))
        except ValidationError as error:
            problems += [_say(one["loc"], one["input"], one["msg"]) for one in error.errors()]
        if problems:
            raise SettingsError("\n".join(sorted(problems)))
        return loaded

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only arguments: the environment comes in through `load`, whole and checked."""
        assert isinstance(init_settings, InitSettingsSource)
        return (init_settings,)


def _from(cls: type[Settings], env: Mapping[str, str]) -> dict[str, object]:
    source = EnvSettingsSource(cls)
    source.env_vars = {key.lower(): value for key, value in env.items()}
    return source()


def _unknown(env: Mapping[str, str], known: set[str]) -> Iterator[str]:
    linked = _service_links(env)
    for name in env:
        if not name.startswith(PREFIX) or name in known or name.startswith(linked):
            continue
        nearest = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.0)
        yield f"{name} is not a setting of this program; the nearest is {nearest[0]}"


def _service_links(env: Mapping[str, str]) -> tuple[str, ...]:
    hosts = re.compile(rf"({PREFIX}[A-Z0-9_]+)_SERVICE_HOST")
    services = [match[1] for name in env if (match := hosts.fullmatch(name))]
    return tuple(f"{service}_{kind}" for service in services for kind in ("SERVICE_", "PORT"))


def _say(location: tuple[int | str, ...], given: object, why: str) -> str:
    variable = PREFIX + "_".join(str(part) for part in location).upper()
    return f"{variable}={given!r}: {why.removeprefix('Value error, ')}"
