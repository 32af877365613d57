"""How the tap service is configured."""

from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, Field
from pydantic_settings import NoDecode

from kit.settings import ListenAddress, Settings
from weft import ports
from weft.addresses import SocketAddress

HEADERS = frozenset(
    {"authorization", "cookie", "proxy-authorization", "set-cookie", "x-api-key", "x-auth-token"}
)
PARAMETERS = frozenset(
    {"access_token", "api_key", "apikey", "code", "id_token", "password", "secret", "sig", "token"}
)


def _names(value: object) -> object:
    if not isinstance(value, str):
        return value
    return frozenset(part.strip().lower() for part in value.split(",") if part.strip())


Names = Annotated[frozenset[str], NoDecode, BeforeValidator(_names)]
"""Names separated by commas, in any case; empty is none."""


class TapSettings(Settings):
    addr: ListenAddress = SocketAddress("0.0.0.0", ports.TAP)  # noqa: S104 (the pod's address)
    tls_path: Path = Path("/var/run/linkerd/tls")
    """Folder with tls.crt and tls.key; changed files are taken into use."""
    redacted_headers: Names = HEADERS
    """Headers and trailers whose values are held back."""
    redacted_parameters: Names = PARAMETERS
    """Query parameters whose values are held back."""
    max_rps: float = Field(1000.0, gt=0)
    """More requests per second than this are not shown to one viewer, whatever it asks for."""
    max_viewers: int = Field(250, ge=1)
    """Further ones are told to come again."""
