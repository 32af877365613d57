"""Carrying out probes and hooks: HTTP, TCP and gRPC from the host to the pod, commands inside it."""

import asyncio
import contextlib
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from sandbox.node.probe_spec import HandlerError, port_of

Execute: TypeAlias = Callable[[list[str], float | None], Awaitable[tuple[int, bytes]]]
"""Runs a command in the container within so many seconds, or however long it takes: exit code and output.
Raises TimeoutError."""

_SHOWN = 1024
_SERVING = 1


@dataclass(frozen=True, slots=True)
class Answer:
    good: bool
    message: str = ""
    """Why not, in the kubelet's words."""


@dataclass(frozen=True, slots=True)
class Target:
    """Whom a handler is carried out on."""

    container: Mapping[str, Any]
    address: str
    """The pod's; a handler may name another host."""
    execute: Execute


async def ask(handler: Mapping[str, Any], target: Target, within: float | None) -> Answer:
    """One probe or hook, within so many seconds if any. Never raises: whatever goes wrong is the answer."""
    try:
        async with asyncio.timeout(within):
            return await _carry_out(handler, target, within)
    except TimeoutError:
        return Answer(False, f"{_what(handler, target)}: context deadline exceeded")
    except (OSError, HandlerError, asyncio.IncompleteReadError) as error:
        return Answer(False, f"{_what(handler, target)}: {_plain(error)}")


async def _carry_out(handler: Mapping[str, Any], target: Target, within: float | None) -> Answer:
    if http := handler.get("httpGet"):
        return await _http(http, target)
    if tcp := handler.get("tcpSocket"):
        return await _tcp(tcp, target)
    if grpc := handler.get("grpc"):
        return await _grpc(grpc, target, within)
    if command := handler.get("exec"):
        code, output = await target.execute([str(one) for one in command["command"]], within)
        return Answer(code == 0, output.decode(errors="replace")[:_SHOWN])
    if (sleep := handler.get("sleep")) is not None:
        await asyncio.sleep(float(sleep.get("seconds") or 0))
        return Answer(True)
    raise HandlerError("no handler: allowed are httpGet, tcpSocket, grpc, exec and sleep")


async def _http(http: Mapping[str, Any], target: Target) -> Answer:
    host, port = str(http.get("host") or target.address), port_of(http, target.container)
    tls = str(http.get("scheme") or "HTTP").upper() == "HTTPS"
    reader, writer = await asyncio.open_connection(host, port, ssl=_trusting() if tls else None)
    try:
        writer.write(http_request(http, host, port))
        status = await _status(reader)
    finally:
        writer.close()
        with contextlib.suppress(OSError, ssl.SSLError):
            await writer.wait_closed()
    if 200 <= status < 400:
        return Answer(True)
    return Answer(False, f"HTTP probe failed with statuscode: {status}")


def http_request(http: Mapping[str, Any], host: str, port: int) -> bytes:
    """The probe's request, headers of the manifest replacing our own."""
    headers = {"host": f"{host}:{port}", "user-agent": "kube-probe/1.34", "accept": "*/*"}
    for one in http.get("httpHeaders") or ():
        headers[str(one["name"]).lower()] = str(one["value"])
    headers["connection"] = "close"
    path = str(http.get("path") or "/")
    lines = [f"GET {path if path.startswith('/') else '/' + path} HTTP/1.1"]
    lines += [f"{key.title()}: {value}" for key, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode()


async def _status(reader: asyncio.StreamReader) -> int:
    try:
        line = await reader.readline()
        version, code = line.split(None, 2)[:2]
        if not version.startswith(b"HTTP/"):
            raise ValueError
        return int(code)
    except ValueError:
        raise HandlerError("malformed HTTP response") from None


async def _tcp(tcp: Mapping[str, Any], target: Target) -> Answer:
    host, port = str(tcp.get("host") or target.address), port_of(tcp, target.container)
    _, writer = await asyncio.open_connection(host, port)
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return Answer(True)


async def _grpc(grpc: Mapping[str, Any], target: Target, within: float | None) -> Answer:
    """grpc.health.v1.Health/Check, whose two messages have one field each."""
    from grpc import StatusCode, aio  # a large library for a rare probe

    service = str(grpc.get("service") or "").encode()
    request = b"" if not service else b"\x0a" + bytes([len(service)]) + service
    async with aio.insecure_channel(
        f"{target.address}:{port_of(grpc, target.container)}"
    ) as channel:
        try:
            check: Any = channel.unary_unary("/grpc.health.v1.Health/Check")
            answer = bytes(await check(request, timeout=within))
        except aio.AioRpcError as error:
            if error.code() is StatusCode.UNIMPLEMENTED:
                return Answer(False, "this server does not implement the grpc health protocol")
            return Answer(False, f"health rpc probe failed: {error.details()}")
    status = answer[1] if answer[:1] == b"\x08" and len(answer) > 1 else 0
    return Answer(status == _SERVING, f"service unhealthy (responded with {status})")


def _trusting() -> ssl.SSLContext:
    """Probes do not verify certificates: the pod has none that the node could know."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _what(handler: Mapping[str, Any], target: Target) -> str:
    for kind in ("httpGet", "tcpSocket", "grpc"):
        if found := handler.get(kind):
            where = f"{found.get('host') or target.address}:{found.get('port')}"
            if kind == "httpGet":
                scheme = str(found.get("scheme") or "HTTP").lower()
                return f'Get "{scheme}://{where}{found.get("path") or "/"}"'
            return f"dial tcp {where}"
    return "command"


def _plain(error: Exception) -> str:
    if isinstance(error, ConnectionRefusedError):
        return "connect: connection refused"
    return str(error) or type(error).__name__
