"""How loaded an endpoint is: peak-sensitive moving average of its latency, times what is pending.

A plain average forgives an endpoint that has just become slow for as long as it remembers the good
times. This one believes a latency above its estimate at once and forgets it slowly:

    rtt > estimate    estimate = rtt
    otherwise         estimate = estimate * w + rtt * (1 - w),   w = exp(-elapsed / decay)

Between answers the estimate fades towards zero at the same rate, so that an endpoint that was slow
once is tried again. The load is the estimate times one more than the number of requests pending:
what the next request would wait, were they served one after the other. (Finagle's PeakEwma, by way
of Linkerd.) Times are seconds of one monotonic clock.
"""

from __future__ import annotations

from math import exp

DEFAULT_RTT = 0.030
"""Seconds an endpoint is believed to take before it has answered."""
DEFAULT_DECAY = 10.0
"""Seconds after which an old measurement counts 1/e."""


class PeakEwma:
    """The load of one endpoint. Every `start` must be followed by one `finish` or `release`."""

    __slots__ = ("_measured_at", "_rate", "estimate", "pending")

    def __init__(
        self, now: float, default_rtt: float = DEFAULT_RTT, decay: float = DEFAULT_DECAY
    ) -> None:
        """`default_rtt` and `decay` must be greater than zero. Raises ValueError."""
        if not (default_rtt > 0.0 and decay > 0.0):
            raise ValueError(
                f"default rtt {default_rtt} s and decay {decay} s must be greater than 0"
            )
        self.estimate = default_rtt
        """Seconds, as of the last measurement."""
        self.pending = 0
        self._measured_at = now
        self._rate = -1.0 / decay

    def load(self, now: float) -> float:
        """Comparable between endpoints at the same `now`; always greater than or equal to zero."""
        return self.estimate * exp((now - self._measured_at) * self._rate) * (self.pending + 1)

    def believed(self, now: float) -> float:
        """Seconds the endpoint is believed to take now, with nothing pending."""
        return self.estimate * exp((now - self._measured_at) * self._rate)

    def believe(self, estimate: float, now: float) -> None:
        """Begin anew: what was measured before says nothing of what comes."""
        self.estimate = estimate
        self._measured_at = now

    def start(self) -> None:
        """A request is on its way to the endpoint."""
        self.pending += 1

    def finish(self, rtt: float, now: float) -> None:
        """It was answered after `rtt` seconds. For a failure, pass the penalty it stands for."""
        self.pending -= 1
        if rtt > self.estimate:
            self.estimate = rtt
        else:
            weight = exp((now - self._measured_at) * self._rate)
            self.estimate = self.estimate * weight + rtt * (1.0 - weight)
        self._measured_at = now

    def release(self) -> None:
        """It ended without telling anything about the endpoint's latency."""
        self.pending -= 1

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.estimate * 1000:.1f} ms, {self.pending} pending>"
