"""Server-sent events: a page's data again and again, until the reader leaves.

    event: page      the data; in the first one also the past of its rows
    event: problem   {"error": ..., "status": ...}: there is no data now; the stream goes on

The form is that of the HTML standard, section 9.2. Every event is one line of data.
"""

import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable

from web.pages.snapshots import NotThere, Snapshots
from web.pages.views import View
from web.stats.backend import BackendError

log = logging.getLogger(__name__)

MAX_READERS = 256
"""Streams at the same time; more are refused, so that none of them starves."""

Pause = Callable[[float], Awaitable[bool]]
"""Waits so many seconds; False: the stream is to end."""


async def events(
    snapshots: Snapshots, view: View, interval: float, pause: Pause
) -> AsyncIterator[bytes]:
    """Ends only when `pause` says so. `interval`: seconds between events."""
    wants_past = True
    goes_on = True
    while goes_on:
        try:
            data = await snapshots.get(view)
            if wants_past:
                data = {**data, "past": await snapshots.past(view)}
                wants_past = False
            yield event("page", data)
        except NotThere as error:
            yield event("problem", {"error": str(error), "status": 404})
        except BackendError as error:
            yield event("problem", {"error": str(error), "status": 503})
        except Exception:
            log.exception("a page could not be made", extra={"view": view})
            text = "this is a defect of the web service; its log says more"
            yield event("problem", {"error": text, "status": 500})
        goes_on = await pause(interval)


def event(name: str, data: object) -> bytes:
    """One event. JSON has no line breaks, so its data is one line."""
    return f"event: {name}\ndata: {json.dumps(data, separators=(',', ':'))}\n\n".encode()
