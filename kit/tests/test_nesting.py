"""What is too deep is cut out; what is beside it, and its name, are not."""

import time

import pytest

from kit.nesting import DEEPEST, decode, is_outline

DEEP = b'{"a":' * 5000 + b"[]" + b"}" * 5000


def test_what_is_not_too_deep_is_read_as_it_is() -> None:
    edge = b"[" * DEEPEST + b"]" * DEEPEST
    assert decode(edge, 2) == decode(edge, 1) != "null"
    assert not is_outline(decode(b'{"metadata":{"name":"x"}}', 1))


@pytest.mark.parametrize(
    "where", [b'"spec":%b', b'"spec":[1,{},%b]', b'"metadata":{"name":"x","m":%b}']
)
def test_of_what_is_too_deep_the_outline_stays(where: bytes) -> None:
    item = b'{"metadata":{"name":"x","labels":{}},' + where % DEEP + b"}"
    listed = decode(b'{"items":[{"n":"}]\\"["},%b,{"n":[]}],"metadata":{"continue":"c"}}' % item, 3)
    assert (listed["items"][0], listed["items"][2]) == ({"n": '}]"['}, {"n": []})
    assert listed["metadata"] == {"continue": "c"}
    assert [is_outline(one) for one in listed["items"]] == [False, True, False]
    assert listed["items"][1]["metadata"]["name"] == "x"
    assert is_outline(decode(item, 1))


@pytest.mark.parametrize("body", [b"", b"{", DEEP[:9000], b"[" * 5000, b"{]}" * 9, b'"\\'])
def test_what_is_no_json_is_an_error(body: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        decode(body, 2)


def test_a_string_without_an_end_is_passed_once() -> None:
    started = time.process_time()
    with pytest.raises(ValueError):  # noqa: PT011
        decode(b'"' + b'\\"' * 200_000, 3)
    assert time.process_time() - started < 2
