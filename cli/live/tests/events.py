"""Events as the tap API sends them."""

from typing import Any

Json = dict[str, Any]

BOT = {"namespace": "emojivoto", "pod": "vote-bot-1", "deployment": "vote-bot", "tls": "true"}
WEB = {"namespace": "emojivoto", "pod": "web-1", "deployment": "web"}
VOTING = {"namespace": "emojivoto", "pod": "voting-1", "deployment": "voting", "tls": "true"}
DOUGHNUT = "/emojivoto.v1.VotingService/VoteDoughnut"


def event(identity: str = "1:0", *, outbound: bool = False, **what: Json) -> Json:
    """Inbound from the bot to web, or outbound from web to voting."""
    source, destination = (dict(WEB, tls="loopback"), VOTING) if outbound else (BOT, WEB)
    return {
        "pod": "emojivoto/web-1",
        "direction": "OUTBOUND" if outbound else "INBOUND",
        "id": identity,
        "source": {"ip": "10.0.0.1", "port": 41000, "labels": source},
        "destination": {"ip": "10.0.0.2", "port": 8080, "labels": destination},
        "route": {"route": "default", "route_kind": "default"},
        **what,
    }


def request(path: str = "/api/vote", method: str = "GET") -> Json:
    return {"requestInit": {"method": method, "scheme": "http", "authority": "web:80", "path": path}}  # fmt: skip


def response(status: int = 200) -> Json:
    return {"responseInit": {"sinceRequest": "0.001234s", "status": status}}


def end(seconds: float = 0.002, **how: Any) -> Json:
    return {"responseEnd": {"sinceRequest": f"{seconds:.6f}s", "sinceResponse": "0.000012s", "responseBytes": "5", **how}}  # fmt: skip


def call(
    identity: str = "1:0",
    path: str = "/api/vote",
    *,
    method: str = "GET",
    outbound: bool = False,
    status: int = 200,
    seconds: float = 0.002,
    **how: Any,
) -> list[Json]:
    """A whole call."""
    return [
        event(identity, outbound=outbound, **part)
        for part in (request(path, method), response(status), end(seconds, **how))
    ]


DOCUMENT = {
    "source": {"ip": "10.0.0.1", "port": 41000, "metadata": BOT},
    "destination": {"ip": "10.0.0.2", "port": 8080, "metadata": WEB},
    "routeMeta": {"route": "default", "route_kind": "default"},
    "proxyDirection": "INBOUND",
}
