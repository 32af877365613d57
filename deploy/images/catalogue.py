"""Which images there are and what goes into each."""

from __future__ import annotations

from dataclasses import dataclass

REGISTRY = "localhost/weft"

BASE_PACKAGES = ("python3.11-minimal", "libpython3.11-stdlib", "libstdc++6", "iptables")
"""Debian packages; what they need comes along."""

_PROXY = ("trio", "httpunk", "cryptography", "protobuf", "h11")
_CONTROL = (
    "grpcio",
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

PROXY_USER = 2102
CONTROL_USER = 2103
DEMO_USER = 2104


@dataclass(frozen=True, slots=True)
class Image:
    """`module` is run by the entry point; `packages` are folders of this repository, each copied
    under its own last name; `wheels` are distributions whose closure is installed; `prepare` is a
    script of this repository that makes what a package holds but the checkout does not."""

    name: str
    module: str
    user: int
    packages: tuple[str, ...]
    wheels: tuple[str, ...]
    prepare: str | None = None


def _control(name: str, package: str, prepare: str | None = None) -> Image:
    packages = ("weft", ".gen/weftapi", "kit", f"services/{name}/{package}")
    return Image(name, package, CONTROL_USER, packages, _CONTROL, prepare)


IMAGES = (
    Image("proxy", "proxy", PROXY_USER, ("weft", ".gen/weftapi", "proxy"), _PROXY),
    _control("identity", "identity"),
    _control("destination", "destination"),
    _control("proxy-injector", "proxy_injector"),
    _control("web", "web", "services/web/build_ui.py"),
    _control("tap", "tap"),
    Image("emojivoto", "demo", DEMO_USER, ("demo", ".gen/emojivoto"), _DEMO),
)
