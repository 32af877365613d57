"""Reading `LINKERD2_PROXY_*` variables one by one: typed, with errors that name the variable.

An empty value counts as unset, as in Linkerd's own proxy.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, TypeVar

from weft.addresses import (
    AddressError,
    IPNetwork,
    SocketAddress,
    parse_networks,
    parse_socket_address,
    split_host_port,
)
from weft.authority import canonical_host
from weft.durations import DurationError, parse_duration
from weft.names import is_dns_name
from weft.ports import PortError, PortSet, parse_port_set

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

PREFIX = "LINKERD2_PROXY_"

T = TypeVar("T")


class SettingsError(ValueError):
    """A variable the proxy cannot start with; the message names it and what is allowed."""

    def __init__(self, name: str, problem: str) -> None:
        super().__init__(f"{name}: {problem}")
        self.name = name


class Environment:
    """The variables of the process; names are given without the prefix."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables

    def names(self) -> list[str]:
        """Every variable with our prefix that is set, without the prefix, sorted."""
        return sorted(
            name.removeprefix(PREFIX)
            for name, value in self._variables.items()
            if name.startswith(PREFIX) and value.strip()
        )

    def is_set(self, name: str) -> bool:
        return self._raw(name) is not None

    def text(self, name: str, default: str) -> str:
        raw = self._raw(name)
        return default if raw is None else raw

    def optional_text(self, name: str) -> str | None:
        return self._raw(name)

    def required(self, name: str) -> str:
        raw = self._raw(name)
        if raw is None:
            raise SettingsError(PREFIX + name, "is required and not set")
        return raw

    def parsed(self, name: str, default: str, parse: Callable[[str], str]) -> str:
        """Text `parse` gives back, unless it raises ValueError."""
        return self._parse(name, default, parse)

    def one_of(self, name: str, allowed: Sequence[str], default: str) -> str:
        return self._parse(name, default, lambda raw: _member(raw, allowed))

    def flag(self, name: str, default: bool) -> bool:
        return self._parse(name, default, _flag)

    def whole(
        self, name: str, default: int, *, minimum: int = 0, maximum: int | None = None
    ) -> int:
        return self._parse(name, default, lambda raw: _whole(raw, minimum, maximum))

    def optional_whole(self, name: str, *, minimum: int = 0) -> int | None:
        return self._parse(name, None, lambda raw: _whole(raw, minimum))

    def optional_size(self, name: str) -> int | None:
        """Bytes: `250Mi`."""
        return self._parse(name, None, _size)

    def share(self, name: str, default: float) -> float:
        return self._parse(name, default, _share)

    def optional_share(self, name: str) -> float | None:
        """More than nothing."""
        return self._parse(name, None, _some)

    def duration(self, name: str, default: float) -> float:
        return self._parse(name, default, parse_duration)

    def optional_duration(self, name: str) -> float | None:
        return self._parse(name, None, parse_duration)

    def address(self, name: str, default: str) -> SocketAddress:
        return self._parse(name, parse_socket_address(default), _listen_address)

    def addresses(self, name: str, default: tuple[SocketAddress, ...]) -> tuple[SocketAddress, ...]:
        return self._parse(
            name, default, lambda raw: tuple(_listen_address(part) for part in _split(raw))
        )

    def host_port(self, name: str) -> tuple[str, int]:
        """Required: a name or IP, and a port."""
        self.required(name)
        return self._parse(name, ("", 0), _host_port)

    def ports(self, name: str) -> PortSet:
        return self._parse(name, PortSet(), parse_port_set)

    def networks(self, name: str) -> tuple[IPNetwork, ...]:
        return self._parse(name, (), parse_networks)

    def optional_networks(self, name: str) -> tuple[IPNetwork, ...] | None:
        return self._parse(name, None, parse_networks)

    def suffixes(self, name: str, default: str) -> tuple[str, ...]:
        """DNS suffixes, without dots at their ends; a single dot gives an empty one."""
        return self._parse(name, _suffixes(default), _suffixes)

    def ips(self, name: str) -> frozenset[str]:
        return self._parse(
            name,
            frozenset(),
            lambda raw: frozenset(str(ipaddress.ip_address(part)) for part in _split(raw)),
        )

    def _raw(self, name: str) -> str | None:
        raw = self._variables.get(PREFIX + name, "").strip()
        return raw or None

    def _parse(self, name: str, default: T, parse: Callable[[str], T]) -> T:
        raw = self._raw(name)
        if raw is None:
            return default
        try:
            return parse(raw)
        except (AddressError, DurationError, PortError) as error:
            raise SettingsError(PREFIX + name, str(error)) from error
        except ValueError as error:
            raise SettingsError(PREFIX + name, f"{raw!r}: {error}") from error


def _listen_address(raw: str) -> SocketAddress:
    """`IP:PORT`; port 0 lets the kernel choose, which is for tests."""
    if raw.endswith(":0"):
        return replace(parse_socket_address(raw.removesuffix("0") + "1"), port=0)
    return parse_socket_address(raw)


def _suffixes(raw: str) -> tuple[str, ...]:
    return tuple(_suffix(part) for part in _split(raw))


def _suffix(part: str) -> str:
    suffix = canonical_host(part.removeprefix("."))
    if suffix and not is_dns_name(suffix):
        raise ValueError(
            f"{part!r} is no DNS suffix: the form is svc.cluster.local, or . for every name"
        )
    return suffix


def _split(raw: str) -> list[str]:
    return [part.strip() for part in raw.split(",") if part.strip()]


def _member(raw: str, allowed: Sequence[str]) -> str:
    if raw not in allowed:
        raise ValueError(f"allowed are {', '.join(allowed)}")
    return raw


def _flag(raw: str) -> bool:
    if raw not in ("true", "false"):
        raise ValueError("allowed are true and false")
    return raw == "true"


def _whole(raw: str, minimum: int, maximum: int | None = None) -> int:
    end = "" if maximum is None else f" to {maximum}"
    if not (raw.isascii() and raw.isdigit()) or not minimum <= int(raw) <= (maximum or int(raw)):
        raise ValueError(f"allowed are whole numbers from {minimum}{end}")
    return int(raw)


_UNITS = {"Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30}


def _size(raw: str) -> int:
    number, unit = (raw[:-2], _UNITS[raw[-2:]]) if raw[-2:] in _UNITS else (raw, 1)
    if not (number.isascii() and number.isdigit()):
        raise ValueError("allowed are whole numbers of bytes, or of Ki, Mi or Gi: 250Mi")
    return int(number) * unit


def _some(raw: str) -> float:
    value = _share(raw)
    if not value:
        raise ValueError("allowed are numbers above 0, to 1")
    return value


def _share(raw: str) -> float:
    try:
        value = float(raw)
    except ValueError:
        value = -1.0
    if not 0.0 <= value <= 1.0:
        raise ValueError("allowed are numbers from 0 to 1")
    return value


def _host_port(raw: str) -> tuple[str, int]:
    host, port = split_host_port(raw)
    if port is None:
        raise ValueError("has no port: the form is HOST:PORT")
    return host, port
