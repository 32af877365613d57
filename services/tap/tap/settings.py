"""How the tap service is configured."""

from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, Field
from pydantic_settings import NoDecode

from kit.settings import ListenAddress, Settings
from weft import ports, redaction
from weft.addresses import SocketAddress


def _names(value: object) -> object:
    if not isinstance(value, str):
        return value
    return frozenset(part.strip().lower() for part in value.split(",") if part.strip())


def _paths(value: object) -> object:
    if not isinstance(value, str):
        return value
    found = tuple(part.strip() for part in value.split(",") if part.strip())
    for one in found:
        if not one.startswith("/"):
            raise ValueError(f"{one!r} is no prefix of a path: it must begin with /")
    return found


Names = Annotated[frozenset[str], NoDecode, BeforeValidator(_names)]
"""Names separated by commas, in any case; empty is none."""
Paths = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_paths)]
"""Prefixes of paths separated by commas; empty is none."""


class TapSettings(Settings):
    addr: ListenAddress = SocketAddress("0.0.0.0", ports.TAP)  # noqa: S104 (the pod's address)
    tls_path: Path = Path("/var/run/linkerd/tls")
    """Folder with tls.crt and tls.key; changed files are taken into use."""
    redacted_headers: Names = redaction.HEADERS
    """Headers and trailers whose values are held back."""
    redacted_parameters: Names = redaction.PARAMETERS
    """Query parameters whose values are held back."""
    redacted_paths: Paths = ()
    """Prefixes of paths, such as /reset/: what follows one of them is held back, query included."""
    max_rps: float = Field(1000.0, gt=0)
    """More requests per second than this are not shown to one viewer, whatever it asks for."""
    max_viewers: int = Field(250, ge=1)
    """Further ones are told to come again."""
