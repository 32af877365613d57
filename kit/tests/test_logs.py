"""Log lines, for people and for machines."""

import io
import json
import logging
from collections.abc import Iterator

import pytest

from kit import logs
from kit.settings import LogFormat


@pytest.fixture(autouse=True)
def root() -> Iterator[None]:
    logger = logging.getLogger()
    handlers, level = list(logger.handlers), logger.level
    yield
    logger.handlers[:] = handlers
    logger.setLevel(level)


def written(style: LogFormat, message: str, **extra: object) -> str:
    stream = io.StringIO()
    logs.configure("info", style, stream)
    logging.getLogger("identity.server").debug("not shown")
    logging.getLogger("identity.server").warning(message, extra=extra)
    return stream.getvalue()


def test_plain() -> None:
    line = written("plain", "issued", identity="web.emojivoto", why="two words")
    assert line.endswith('Z WARN identity.server: issued identity=web.emojivoto why="two words"\n')


def test_nobody_writes_our_lines_for_us() -> None:
    line = written("plain", "bad\nname", identity="x\n2030 INFO kit: all is well", empty="")
    assert line.count("\n") == 1
    assert "bad\\nname" in line
    assert 'empty=""' in line


def test_json() -> None:
    line = json.loads(written("json", "issued", identity="web", count=2))
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "level": "WARN",
        "target": "identity.server",
        "message": "issued",
        "identity": "web",
        "count": 2,
    }


@pytest.mark.parametrize("style", ["plain", "json"])
def test_tracebacks_are_kept(style: LogFormat) -> None:
    stream = io.StringIO()
    logs.configure("error", style, stream)
    try:
        raise ValueError("inner")
    except ValueError:
        logging.getLogger("x").exception("outer")
    assert "ValueError: inner" in stream.getvalue()


def test_libraries_are_quiet() -> None:
    stream = io.StringIO()
    logs.configure("info", "plain", stream)
    logging.getLogger("aiohttp.access").info("GET /")
    logging.getLogger("asyncio").warning("slow")
    assert "GET /" not in stream.getvalue()
    assert "slow" in stream.getvalue()
