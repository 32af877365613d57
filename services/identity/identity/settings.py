"""How the identity service is configured."""

from pathlib import Path

from pydantic import Field

from kit.settings import ListenAddress, Seconds, Settings
from weft import ports
from weft.addresses import SocketAddress


class IdentitySettings(Settings):
    addr: ListenAddress = SocketAddress("0.0.0.0", ports.IDENTITY)  # noqa: S104 (the pod's address)
    issuer_path: Path = Path("/var/run/linkerd/identity/issuer")
    """A mounted Secret with crt.pem and key.pem, or tls.crt and tls.key."""
    trust_roots_path: Path = Path("/var/run/linkerd/identity/trust-roots/ca-bundle.crt")
    issuance_lifetime: Seconds = Field(86_400.0, gt=0)
    """How long a leaf is valid; proxies renew after 70 % of it."""
    clock_skew_allowance: Seconds = Field(20.0, ge=0)
    """Leaves are valid this much earlier and longer, for clocks that disagree."""
    issuer_poll_interval: Seconds = Field(5.0, gt=0)
    """How soon a changed Secret is noticed after the kubelet has written it."""
