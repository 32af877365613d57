"""What proxies of one pod said in a minute, as the collector remembers it."""

from web.stats.backend import Measured, Tallied
from web.stats.collector.memory import Identity, Memory
from web.stats.collector.target import Target
from web.stats.selection import Selection
from web.stats.tallies import TallySelection
from web.stats.tests.unasked import Unasked
from web.tests.proxies import series

SERVER = {"srv_group": "policy.linkerd.io", "srv_kind": "server", "srv_name": "web-http", "srv_port": "80"}  # fmt: skip
VOTES = {"route_group": "g", "route_kind": "HTTPRoute", "route_name": "votes"}
ALLOW = {"authz_group": "g", "authz_kind": "authorizationpolicy", "authz_name": "web-only"}

INBOUND = (
    series("response_total", 54, direction="inbound", **SERVER, **VOTES, **ALLOW, status_code="200", classification="success")
    + series("response_total", 6, direction="inbound", **SERVER, **VOTES, **ALLOW, status_code="500", classification="failure")
    + series("response_latency_ms_bucket", 60, direction="inbound", **SERVER, **VOTES, **ALLOW, le="10")
    + series("response_latency_ms_bucket", 60, direction="inbound", **SERVER, **VOTES, **ALLOW, le="+Inf")
    + series("inbound_http_authz_allow_total", 60, **SERVER, **VOTES, **ALLOW)
    + series("inbound_http_authz_deny_total", 30, **SERVER, **VOTES, tls="no_identity")
    + series("inbound_tcp_authz_allow_total", 12, direction="inbound", **SERVER, **ALLOW)
)  # fmt: skip


class Scraped(Unasked):
    """A memory of two scrapes a minute apart: the counts are what the second one said."""

    def __init__(self, text: str) -> None:
        labels = {"namespace": "emojivoto", "pod": "web-1-a", "deployment": "web"}
        target = Target(labels, since=0.0)
        lines = [line.rpartition(" ") for line in text.splitlines()]
        target.apply([(name, 0.0) for name, _, _ in lines], at=0.0)
        target.apply([(name, float(value)) for name, _, value in lines], at=60.0)
        self.memory = Memory({Identity("u", "10.0.0.1", 4191): target})

    async def measure(self, selection: Selection, window: float) -> Measured:
        return Measured(self.memory.measure(selection, 60.0 - window, 60.0, 0.0), 60.0)

    async def tally(self, selection: TallySelection, window: float) -> Tallied:
        return Tallied(self.memory.tally(selection, 60.0 - window, 60.0), 60.0)
