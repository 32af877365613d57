"""What a failed look-up means to whoever came by a gateway."""

from __future__ import annotations

from proxy.discovery.cache import DiscoveryError, UnknownNameError
from proxy.net.failure import Failure
from weft import errors


def failure_of(error: DiscoveryError) -> Failure:
    """A name nobody knows is no name to serve; a control plane that is away is another matter."""
    if isinstance(error, UnknownNameError):
        return Failure(errors.GATEWAY_DOMAIN_INVALID, str(error))
    return Failure(errors.DISCOVERY_UNAVAILABLE, str(error))
