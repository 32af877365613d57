"""pods/log."""

from collections.abc import AsyncIterator, Mapping

from starlette.responses import Response, StreamingResponse

from sandbox.apiserver.errors import BadRequestError
from sandbox.apiserver.node_api import LogOptions, NodeApi
from sandbox.apiserver.objects import Obj
from sandbox.apiserver.request import flag, number


def options(query: Mapping[str, str]) -> LogOptions:
    """BadRequestError for numbers that are none, or negative."""
    found = {name: number(query, name) for name in ("tailLines", "sinceSeconds", "limitBytes")}
    for name, value in found.items():
        if value is not None and value < 0:
            raise BadRequestError(
                f"{name}: Invalid value: {value}: must be greater than or equal to 0"
            )
    return LogOptions(
        follow=flag(query, "follow"),
        previous=flag(query, "previous"),
        timestamps=flag(query, "timestamps"),
        tail_lines=found["tailLines"],
        since_seconds=found["sinceSeconds"],
        since_time=query.get("sinceTime") or None,
        limit_bytes=found["limitBytes"],
    )


async def respond(node: NodeApi, pod: Obj, container: str, query: Mapping[str, str]) -> Response:
    pieces = await node.logs(pod, container, options(query))
    return StreamingResponse(_closing(pieces), media_type="text/plain")


async def _closing(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Passes the log on and closes it when the client goes."""
    try:
        async for piece in pieces:
            yield piece
    finally:
        close = getattr(pieces, "aclose", None)
        if close is not None:
            await close()
