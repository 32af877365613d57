"""The voting page and its REST API, a gRPC client of the other two."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
import uvicorn
from google.protobuf.message_factory import GetMessageClass
from starlette.applications import Starlette
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from demo import settings
from demo.catalogue import method_name
from demo.ending import LINGER_SECONDS
from emojivoto.v1 import emoji_pb2, voting_pb2

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from types import FrameType

    from google.protobuf.descriptor import MethodDescriptor
    from google.protobuf.message import Message
    from starlette.requests import Request

    Trace = tuple[tuple[str, str], ...]

EMOJI = emoji_pb2.DESCRIPTOR.services_by_name["EmojiService"]
VOTING = voting_pb2.DESCRIPTOR.services_by_name["VotingService"]
PAGE = Path(__file__).parent / "page"
TRACE_HEADERS = ("traceparent", "tracestate", "x-request-id", "b3")
"""What a request carries on to the services behind this one, so that traces stay whole."""
_DEADLINE_SECONDS = 10.0


class Backends:
    """The two services behind the page. `trace` is metadata that every call carries on."""

    def __init__(self, emoji: grpc.aio.Channel, voting: grpc.aio.Channel) -> None:
        self._emoji = emoji
        self._voting = voting

    async def list_all(self, trace: Trace) -> list[emoji_pb2.Emoji]:
        request = emoji_pb2.ListAllEmojiRequest()
        answer = await _call(self._emoji, EMOJI.methods_by_name["ListAll"], request, trace)
        return list(answer.list)

    async def find(self, shortcode: str, trace: Trace) -> emoji_pb2.Emoji | None:
        request = emoji_pb2.FindByShortcodeRequest(Shortcode=shortcode)
        answer = await _call(self._emoji, EMOJI.methods_by_name["FindByShortcode"], request, trace)
        return answer.Emoji if answer.HasField("Emoji") else None

    async def vote(self, shortcode: str, trace: Trace) -> None:
        method = VOTING.methods_by_name[method_name(shortcode)]
        await _call(self._voting, method, voting_pb2.VoteRequest(), trace)

    async def results(self, trace: Trace) -> list[voting_pb2.VotingResult]:
        request = voting_pb2.ResultsRequest()
        answer = await _call(self._voting, VOTING.methods_by_name["Results"], request, trace)
        return list(answer.results)


async def _call(
    channel: grpc.aio.Channel, method: MethodDescriptor, request: Message, trace: Trace
) -> Any:
    call = channel.unary_unary(
        f"/{method.containing_service.full_name}/{method.name}",
        request_serializer=type(request).SerializeToString,
        response_deserializer=GetMessageClass(method.output_type).FromString,
    )
    return await call(request, timeout=_DEADLINE_SECONDS, metadata=trace)


def application(emoji_host: str, voting_host: str) -> Starlette:
    """The page on every path but /api/... and /static/...."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with (
            grpc.aio.insecure_channel(emoji_host) as emoji,
            grpc.aio.insecure_channel(voting_host) as voting,
        ):
            app.state.backends = Backends(emoji, voting)
            yield

    return Starlette(
        routes=[
            Route("/api/list", _list),
            Route("/api/vote", _vote),
            Route("/api/leaderboard", _leaderboard),
            Mount("/static", StaticFiles(directory=PAGE, follow_symlink=True)),
            Route("/{path:path}", _page),
        ],
        exception_handlers={grpc.aio.AioRpcError: _backend_failed},
        lifespan=lifespan,
    )


async def _list(request: Request) -> Response:
    emoji = await _backends(request).list_all(_trace(request))
    return JSONResponse([{"shortcode": one.shortcode, "unicode": one.unicode} for one in emoji])


async def _vote(request: Request) -> Response:
    choice = request.query_params.get("choice", "")
    if not choice:
        return _refused("Emoji choice [] is mandatory")
    found = await _backends(request).find(choice, _trace(request))
    if found is None:
        return _refused(f"Choosen emoji shortcode [{choice}] doesnt exist")
    await _backends(request).vote(choice, _trace(request))
    return Response()


async def _leaderboard(request: Request) -> Response:
    backends, trace = _backends(request), _trace(request)
    rows = []
    for result in await backends.results(trace):
        emoji = await backends.find(result.Shortcode, trace)
        if emoji is not None:
            rows.append(
                {
                    "shortcode": result.Shortcode,
                    "unicode": emoji.unicode,
                    "votes": str(result.Votes),
                }
            )
    return JSONResponse(rows)


async def _page(_: Request) -> Response:
    return FileResponse(PAGE / "index.html")


async def _backend_failed(_: Request, error: Exception) -> Response:
    assert isinstance(error, grpc.aio.AioRpcError)
    return JSONResponse({"error": f"{error.code().name}: {error.details()}"}, status_code=500)


def _refused(why: str) -> Response:
    return JSONResponse({"error": why}, status_code=400)


def _backends(request: Request) -> Backends:
    backends = request.app.state.backends
    assert isinstance(backends, Backends)
    return backends


def _trace(request: Request) -> Trace:
    names = (*TRACE_HEADERS, *(name for name in request.headers if name.startswith("x-b3-")))
    return tuple((name, request.headers[name]) for name in names if name in request.headers)


class PatientServer(uvicorn.Server):
    """Goes on answering for a while after it was asked to stop."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        loop = asyncio.get_running_loop()
        loop.call_soon_threadsafe(loop.call_later, LINGER_SECONDS, super().handle_exit, sig, frame)


async def main() -> None:
    app = application(settings.text("EMOJISVC_HOST"), settings.text("VOTINGSVC_HOST"))
    options: dict[str, Any] = {"host": "0.0.0.0", "port": settings.port("WEB_PORT")}  # noqa: S104
    await PatientServer(uvicorn.Config(app, log_level="warning", **options)).serve()
