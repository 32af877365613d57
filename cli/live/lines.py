"""An event as one line, in Linkerd's form."""

from collections.abc import Iterator

from cli.live.event import (
    Event,
    address,
    grpc_name,
    is_inbound,
    is_outbound,
    labels,
    microseconds,
    printable,
    tls,
)

_PREFIXES = (("src", "source"), ("dst", "destination"))


def line(event: Event, *, wide: bool = False) -> str:
    """`req id=1:0 proxy=out src=... dst=... tls=true :method=GET :authority=a :path=/p`"""
    if "requestInit" in event:
        word, rest = "req", list(_request(event["requestInit"]))
    elif "responseInit" in event:
        word, rest = "rsp", list(_response(event["responseInit"]))
    elif "responseEnd" in event:
        word, rest = "end", list(_end(event["responseEnd"]))
    else:
        word, rest = "???", []
    parts = [
        word,
        f"id={event.get('id', '')}",
        f"proxy={_proxy(event)}",
        f"src={address(event, 'source')}",
        f"dst={address(event, 'destination')}",
        f"tls={tls(event)}",
        *rest,
    ]
    if wide:
        parts += _labels(event)
    return printable(" ".join(parts))


def _proxy(event: Event) -> str:
    if is_outbound(event):
        return "out"
    return "in " if is_inbound(event) else "???"


def _request(init: Event) -> Iterator[str]:
    yield f":method={init.get('method', '')}"
    yield f":authority={init.get('authority', '')}"
    yield f":path={init.get('path', '')}"


def _response(init: Event) -> Iterator[str]:
    yield f":status={init.get('status', 0)}"
    yield f"latency={microseconds(init.get('sinceRequest'))}µs"


def _end(end: Event) -> Iterator[str]:
    if "grpcStatus" in end:
        yield f"grpc-status={grpc_name(end['grpcStatus'])}"
    elif "resetCode" in end:
        yield f"reset-error={end['resetCode']}"
    yield f"duration={microseconds(end.get('sinceResponse'))}µs"
    yield f"response-length={end.get('responseBytes', 0)}B"


def _labels(event: Event) -> Iterator[str]:
    for prefix, side in _PREFIXES:
        for key, value in sorted(labels(event, side).items()):
            if key != "tls":
                yield f"{prefix}_{key}={value}"
    for key, value in sorted((event.get("route") or {}).items()):
        yield f"rt_{key}={value}"
