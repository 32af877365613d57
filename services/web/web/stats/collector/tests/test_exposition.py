"""The parser: whole, split everywhere, random; and every way a line can be wrong."""

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from web.stats.collector.exposition import (
    LARGEST,
    ExpositionError,
    Reader,
    Series,
    parse_line,
    parse_series,
)
from web.stats.tests.expositions import PAGE, PAGE_SAMPLES, escape

WANTED = (b"response_total", b"process_start_time_seconds")


def read(*chunks: bytes) -> list[tuple[str, float]]:
    reader = Reader(WANTED)
    found = [sample for chunk in chunks for sample in reader.feed(chunk)]
    return found + list(reader.finish())


def test_whole() -> None:
    assert read(PAGE) == PAGE_SAMPLES


@pytest.mark.parametrize("cut", range(len(PAGE) + 1))
def test_split_everywhere(cut: int) -> None:
    assert read(PAGE[:cut], PAGE[cut:]) == PAGE_SAMPLES


def test_byte_by_byte() -> None:
    assert read(*(PAGE[i : i + 1] for i in range(len(PAGE)))) == PAGE_SAMPLES


def test_a_last_line_without_a_newline_counts() -> None:
    assert read(b"response_total 1\nresponse_total{} 2") == [
        ("response_total", 1.0),
        ("response_total{}", 2.0),
    ]


def test_other_families_are_not_even_looked_at() -> None:
    assert read(b"nonsense {{{ here\nresponse_total 1\n") == [("response_total", 1.0)]


def test_a_line_without_end_is_refused() -> None:
    reader = Reader(WANTED)
    assert not list(reader.feed(b"x" * 65_536))
    with pytest.raises(ExpositionError, match="longer than"):
        list(reader.feed(b"x"))


@pytest.mark.parametrize(
    ("line", "sample"),
    [
        (b"a 1", ("a", 1.0)),
        (b"a\t1.5e3", ("a", 1500.0)),
        (b"a +Inf", ("a", math.inf)),
        (b'a{b="c"} 1 1700000000000', ('a{b="c"}', 1.0)),
        (b"a 1 1700000000000", ("a", 1.0)),
        (b'a{b="} 7"} 1', ('a{b="} 7"}', 1.0)),
        (b'a{b="c"}2', ('a{b="c"}', 2.0)),
        (b"a 9007199254740992", ("a", 2.0**53)),
    ],
)
def test_lines(line: bytes, sample: tuple[str, float]) -> None:
    assert parse_line(line) == sample


@pytest.mark.parametrize(
    "line",
    [b"", b"a", b"a b", b"a{} ", b'a{b="c"}', b"a 1 2 3", b"a 1_000", b"\xff 1", b'a{b="\xff"} 1'],
)
def test_lines_that_are_none(line: bytes) -> None:
    with pytest.raises(ExpositionError, match="is not a sample"):
        parse_line(line)


@pytest.mark.parametrize("value", [b"9007199254740994", b"1e20", b"1e308", b"-1", b"-1e308"])
def test_values_that_no_proxy_counts(value: bytes) -> None:
    with pytest.raises(ExpositionError, match=r"has a value that is not from 0 to 2\^53"):
        parse_line(b'a{b="c"} ' + value)


@pytest.mark.parametrize(
    ("spelling", "series"),
    [
        ("a", Series("a", ())),
        ("a{}", Series("a", ())),
        ('a{b="c"}', Series("a", (("b", "c"),))),
        ('a { b = "c" , d="e", }', Series("a", (("b", "c"), ("d", "e")))),
        (r'a{b="x\\y\"z\nw\q"}', Series("a", (("b", 'x\\y"z\nw\\q'),))),
        ('a{b="}",c=","}', Series("a", (("b", "}"), ("c", ",")))),
    ],
)
def test_series(spelling: str, series: Series) -> None:
    assert parse_series(spelling) == series


@pytest.mark.parametrize(
    "spelling",
    ["", "1a", "a{", 'a{b="c"', "a{b}", "a{b=c}", 'a{b="c"d="e"}', 'a{b="c",b="d"}', 'a{b="c}', "a{,}"],
)  # fmt: skip
def test_series_that_are_none(spelling: str) -> None:
    with pytest.raises(ExpositionError):
        parse_series(spelling)


label_names = st.from_regex(r"[a-z_][a-z0-9_]{0,8}", fullmatch=True)
labels = st.dictionaries(label_names, st.text(st.characters(exclude_categories=["Cs"])), max_size=4)


@given(labels, st.floats(0, LARGEST), st.lists(st.integers(0, 400), max_size=4))
def test_what_is_written_is_read(
    given_labels: dict[str, str], value: float, cuts: list[int]
) -> None:
    """Any labels, escaped as the format says, in any pieces, come back as they were."""
    inside = ",".join(f'{name}="{escape(text)}"' for name, text in given_labels.items())
    line = f"response_total{{{inside}}} {value!r}\n".encode()
    edges = [0, *sorted(min(cut, len(line)) for cut in cuts), len(line)]
    pieces = [line[a:b] for a, b in pairwise(edges)]
    ((spelling, read_value),) = read(*pieces)
    assert read_value == value
    assert parse_series(spelling) == Series("response_total", tuple(given_labels.items()))


@given(st.binary(max_size=200))
def test_garbage_is_read_or_refused_and_nothing_else(garbage: bytes) -> None:
    try:
        for spelling, _ in read(b"response_total" + garbage):
            parse_series(spelling)
    except ExpositionError:
        pass
