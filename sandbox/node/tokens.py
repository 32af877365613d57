"""A pod's service account tokens: asked for once, renewed at 80 % of their life."""

import time
from collections.abc import Callable

from sandbox.node.cluster import Cluster, Token
from sandbox.node.objects import Object
from sandbox.node.payload import VolumeError

_RENEW_AT = 0.8
_LONGEST = 24 * 3600.0


class TokenCache:
    """The tokens of one pod, by audience and life."""

    def __init__(
        self, pod: Object, cluster: Cluster, clock: Callable[[], float] = time.time
    ) -> None:
        self._pod = pod
        self._cluster = cluster
        self._clock = clock
        self._held: dict[tuple[str | None, int], tuple[Token, float]] = {}

    def get(self, audience: str | None, seconds: int) -> str:
        """A token with at least a fifth of its life before it. Raises VolumeError."""
        now = self._clock()
        held = self._held.get((audience, seconds))
        if held is not None and now < held[1]:
            return held[0].text
        try:
            token = self._cluster.token(self._pod, audience, seconds)
        except LookupError as error:
            raise VolumeError(f"failed to fetch token: {error}") from error
        life = token.expires_at - now
        self._held[audience, seconds] = token, now + min(life * _RENEW_AT, _LONGEST)
        return token.text

    def next_renewal(self) -> float | None:
        """When some token wants renewing, in seconds since the epoch; None without tokens."""
        return min((at for _, at in self._held.values()), default=None)
