"""Which images there are and what goes into each."""

from __future__ import annotations

from dataclasses import dataclass

REGISTRY = "localhost/weft"

LEVELS = (0, 2)
"""Of PYTHONOPTIMIZE that images run with."""

BASE_PACKAGES = ("python3.11-minimal", "libpython3.11-stdlib", "libstdc++6", "iptables")
"""Debian packages; what they need comes along."""

_TOOLS = (
    "bash",
    "conntrack",
    "coreutils",
    "curl",
    "dash",
    "grep",
    "iproute2",
    "iptables",
    "ldnsutils",
    "lsof",
    "nftables",
    "tcpdump",
)
_SHOW_PACKETS = ("/usr/bin/tcpdump", "-i", "any", "-l", "-nn", "-q")
"""A line for each packet, as the container's log: what comes and goes, nothing of what it says."""

_PROXY = ("trio", "httpunk", "google-re2", "cryptography", "protobuf", "h11")
_CONTROL = (
    "grpcio",
    "google-re2",
    "protobuf",
    "kubernetes",
    "cryptography",
    "pydantic",
    "pydantic-settings",
    "prometheus-client",
    "opentelemetry-sdk",
    "opentelemetry-exporter-otlp-proto-grpc",
    "starlette",
    "uvicorn",
    "httptools",
    "httpx",
    "jsonpatch",
    "PyYAML",
)
_DEMO = ("grpcio", "protobuf", "starlette", "uvicorn", "httptools", "httpx", "prometheus-client")

ROOT_USER = 0
PROXY_USER = 2102
CONTROL_USER = 2103
DEMO_USER = 2104


@dataclass(frozen=True, slots=True)
class Image:
    """`command` is the entry point; `packages` are folders of this repository, each copied under
    its own last name; `wheels` are distributions whose closure is installed; `debian` are the
    packages below both; `prepare` is a script of this repository that makes what a package holds
    but the checkout does not; `optimize` is PYTHONOPTIMIZE, one of `LEVELS`."""

    name: str
    command: tuple[str, ...]
    user: int
    packages: tuple[str, ...] = ()
    wheels: tuple[str, ...] = ()
    debian: tuple[str, ...] = BASE_PACKAGES
    prepare: str | None = None
    optimize: int = 0


def _module(name: str) -> tuple[str, ...]:
    return ("/usr/bin/python3", "-m", name)


def _control(name: str, package: str, prepare: str | None = None) -> Image:
    packages = ("weft", ".gen/weftapi", "kit", f"services/{name}/{package}")
    return Image(name, _module(package), CONTROL_USER, packages, _CONTROL, prepare=prepare)


IMAGES = (
    Image(
        "proxy",
        _module("proxy"),
        PROXY_USER,
        ("weft", ".gen/weftapi", "proxy"),
        _PROXY,
        optimize=2,  # docstrings and assertions are a megabyte and a half beside every pod
    ),
    _control("identity", "identity"),
    _control("destination", "destination"),
    _control("proxy-injector", "proxy_injector"),
    _control("web", "web", "services/web/build_ui.py"),
    _control("tap", "tap"),
    Image("debug", _SHOW_PACKETS, ROOT_USER, debian=_TOOLS),
    Image("emojivoto", _module("demo"), DEMO_USER, ("demo", ".gen/emojivoto"), _DEMO),
)
