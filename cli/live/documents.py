"""An event as the JSON document `mesh tap -o json` prints, in Linkerd's form."""

import json
from typing import Any

from cli.live.event import Event, is_outbound, labels, microseconds, peer
from weft.numbers import whole_number

Json = dict[str, Any]


def document(event: Event) -> str:
    """Indented JSON with a line end; non-ASCII and control characters are escaped."""
    return json.dumps(build(event), indent=2) + "\n"


def build(event: Event) -> Json:
    """The document as values."""
    found: Json = {
        "source": _endpoint(event, "source"),
        "destination": _endpoint(event, "destination"),
        "routeMeta": event.get("route") or {},
        "proxyDirection": "OUTBOUND" if is_outbound(event) else event.get("direction", "UNKNOWN"),
    }
    identity = _id(str(event.get("id") or ""))
    if init := event.get("requestInit"):
        found["requestInitEvent"] = {
            "id": identity,
            "method": init.get("method", ""),
            "scheme": init.get("scheme", ""),
            "authority": init.get("authority", ""),
            "path": init.get("path", ""),
            "headers": _headers(init.get("headers")),
        }
    elif init := event.get("responseInit"):
        found["responseInitEvent"] = {
            "id": identity,
            "sinceRequestInit": _duration(init.get("sinceRequest")),
            "httpStatus": init.get("status", 0),
            "headers": _headers(init.get("headers")),
        }
    elif end := event.get("responseEnd"):
        last: Json = {
            "id": identity,
            "sinceRequestInit": _duration(end.get("sinceRequest")),
            "sinceResponseInit": _duration(end.get("sinceResponse")),
            "responseBytes": int(end.get("responseBytes") or 0),
            "trailers": _headers(end.get("trailers")),
        }
        if "grpcStatus" in end:
            last["grpcStatusCode"] = end["grpcStatus"]
        elif "resetCode" in end:
            last["resetErrorCode"] = end["resetCode"]
        found["responseEndEvent"] = last
    return found


def _endpoint(event: Event, side: str) -> Json:
    found = peer(event, side)
    return {
        "ip": found.get("ip", ""),
        "port": found.get("port", 0),
        "metadata": labels(event, side),
    }


def _id(text: str) -> Json:
    base, _, stream = text.partition(":")
    return {
        "base": whole_number(base) or 0,
        "stream": whole_number(stream) or 0,
    }


def _duration(text: object) -> Json:
    seconds, rest = divmod(microseconds(text), 1_000_000)
    return {"seconds": seconds, "nanos": rest * 1000}


def _headers(headers: object) -> list[Json]:
    """Values that are held back are shown as `REDACTED`."""
    found: list[Json] = []
    for header in headers if isinstance(headers, list) else []:
        name = {"name": header.get("name", "")}
        if header.get("redacted"):
            found.append({**name, "valueStr": "REDACTED"})
        elif "binary" in header:
            found.append({**name, "valueBin": header["binary"]})
        else:
            found.append({**name, "valueStr": header.get("text", "")})
    return found
