"""Parts of the web API's answers, for tests that make them up."""

from cli.cluster.client import Json

WINDOW = 60.0
"""Seconds the counts are of."""


def requests(success: int, failure: int, *latency: float) -> Json:
    """Requests as the API counts them; `latency` are p50, p95 and p99 in milliseconds, as far as known."""
    names = ("latencyMsP50", "latencyMsP95", "latencyMsP99")
    counts = {"success": str(success), "failure": str(failure), "rps": (success + failure) / WINDOW}
    return counts | dict(zip(names, latency, strict=False))
