import asyncio
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sandbox.node.logs import Line, LogReader, LogWriter, follow, rfc3339_nano, rotated, select


class Ticks:
    """A clock that moves one second with every look."""

    def __init__(self) -> None:
        self.at = 0

    def __call__(self) -> int:
        self.at += 1_000_000_000
        return self.at


def read(path: Path) -> list[Line]:
    reader = LogReader(path)
    try:
        return list(reader.lines())
    finally:
        reader.close()


def text(lines: list[Line]) -> bytes:
    return b"".join(line.render(timestamps=False) for line in lines)


def test_the_form_of_the_file(tmp_path: Path) -> None:
    writer = LogWriter(tmp_path / "0.log", clock=Ticks())
    writer.feed("stdout", b"one\ntw")
    writer.feed("stderr", b"oops\n")
    writer.feed("stdout", b"o\nend")
    writer.close()
    assert (tmp_path / "0.log").read_text().splitlines() == [
        "1970-01-01T00:00:01.000000000Z stdout F one",
        "1970-01-01T00:00:02.000000000Z stderr F oops",
        "1970-01-01T00:00:03.000000000Z stdout F two",
        "1970-01-01T00:00:04.000000000Z stdout F end",
    ]


def test_a_long_line_is_cut_and_comes_back_whole(tmp_path: Path) -> None:
    writer = LogWriter(tmp_path / "0.log")
    long = b"x" * 40_000 + b"\n"
    writer.feed("stdout", long)
    writer.close()
    found = read(tmp_path / "0.log")
    assert [line.partial for line in found] == [True, True, False]
    assert text(found) == long


@given(st.lists(st.binary(max_size=40), max_size=8))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
def test_whatever_is_fed_however_cut_is_read_again(tmp_path: Path, parts: list[bytes]) -> None:
    path = tmp_path / "0.log"
    path.unlink(missing_ok=True)
    writer = LogWriter(path)
    for part in parts:
        writer.feed("stdout", part)
    writer.close()
    whole = b"".join(parts)
    expected = whole if whole.endswith(b"\n") or not whole else whole + b"\n"
    assert text(read(path)) == expected


def test_rotation_keeps_at_least_the_latest(tmp_path: Path) -> None:
    writer = LogWriter(tmp_path / "0.log", cap=1000)
    for number in range(100):
        writer.feed("stdout", f"line {number}\n".encode())
    writer.close()
    assert rotated(tmp_path / "0.log").stat().st_size < 1100
    numbers = [int(line.content.split()[1]) for line in read(tmp_path / "0.log")]
    assert numbers == list(range(numbers[0], 100))


def test_following_across_a_rotation(tmp_path: Path) -> None:
    async def main() -> list[bytes]:
        writer = LogWriter(tmp_path / "0.log", cap=200)
        reader = LogReader(tmp_path / "0.log")

        async def write() -> None:
            for number in range(20):
                writer.feed("stdout", f"{number}\n".encode())
                await asyncio.sleep(0)
            writer.close()

        writing = asyncio.create_task(write())
        found = [line.content async for line in follow(reader, writer)]
        await writing
        reader.close()
        return found

    assert asyncio.run(main()) == [str(number).encode() for number in range(20)]


LINES = [
    Line("2026-01-01T00:00:01.000000000Z", "stdout", False, b"a"),
    Line("2026-01-01T00:00:02.000000000Z", "stdout", True, b"b1"),
    Line("2026-01-01T00:00:03.000000000Z", "stderr", False, b"e"),
    Line("2026-01-01T00:00:04.000000000Z", "stdout", False, b"b2"),
    Line("2026-01-01T00:00:05.000000000Z", "stdout", False, b"c"),
]


@pytest.mark.parametrize(
    ("since", "tail", "expected"),
    [
        ("", None, b"a\nb1e\nb2\nc\n"),
        ("", 1, b"c\n"),
        ("", 2, b"e\nc\n"),
        ("", 3, b"b1b2\ne\nc\n"),
        ("", 0, b""),
        ("2026-01-01T00:00:05.000000000Z", None, b"c\n"),
        ("2026-01-01T00:00:05.000000001Z", None, b""),
    ],
)
def test_selection(since: str, tail: int | None, expected: bytes) -> None:
    assert text(select(LINES, since=since, tail=tail)) == expected


def test_timestamps() -> None:
    assert LINES[0].render(timestamps=True) == b"2026-01-01T00:00:01.000000000Z a\n"
    assert rfc3339_nano(1_500_000_001) == "1970-01-01T00:00:01.500000001Z"


@pytest.mark.parametrize("raw", [b"", b"x", b"a b c", b"\n"])
def test_a_broken_entry_is_passed_over(raw: bytes) -> None:
    assert Line.parse(raw) is None
