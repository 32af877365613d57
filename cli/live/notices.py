"""What a stream says of itself, as lines for stderr."""

from collections.abc import Iterator, Mapping
from typing import Any

from cli.live.event import printable


def notices(message: Mapping[str, Any]) -> Iterator[str]:
    """Pods that are not shown, another end that is not there, proxies that do not answer, events that were lost; nothing for an event."""
    if started := message.get("started"):
        for one in started.get("skipped") or []:
            yield printable(f"{one.get('pod')} is not shown: {one.get('reason')}")
        if absent := started.get("absent"):
            yield printable(str(absent))
    elif trouble := message.get("trouble"):
        yield printable(f"{trouble.get('pod')}: {trouble.get('reason')}")
    elif dropped := message.get("dropped"):
        yield f"{int(dropped)} events were lost: this end does not keep up"
