"""Trace headers: what counts, what does not, and what the next hop is told."""

import base64

import pytest

from proxy.trace.context import TraceContext, pass_on, read

TRACE = "0af7651916cd43dd8448eb211c80319c"
SPAN = "b7ad6b7169203331"
MINE = bytes.fromhex("00f067aa0ba902b7")
W3C = f"00-{TRACE}-{SPAN}-01"


class Headers(dict[str, bytes]):
    """As much of the codec's headers as is needed."""


def headers(**given: str) -> Headers:
    return Headers({name.replace("_", "-"): value.encode() for name, value in given.items()})


def context(*, sampled: bool = True, trace: str = TRACE, state: str = "") -> TraceContext:
    return TraceContext(bytes.fromhex(trace), bytes.fromhex(SPAN), sampled, state)


def binary(options: int = 1, trace: str = TRACE) -> str:
    whole = b"\0\0" + bytes.fromhex(trace) + b"\1" + bytes.fromhex(SPAN) + b"\2" + bytes([options])
    return base64.b64encode(whole).rstrip(b"=").decode()


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"traceparent": W3C}, context()),
        ({"traceparent": W3C, "tracestate": "a=b"}, context(state="a=b")),
        ({"traceparent": f"00-{TRACE}-{SPAN}-00"}, context(sampled=False)),
        ({"traceparent": f"00-{TRACE}-{SPAN}-03"}, context()),
        ({"traceparent": f"cc-{TRACE}-{SPAN}-01-more"}, context()),
        ({"b3": f"{TRACE}-{SPAN}-1"}, context()),
        ({"b3": f"{TRACE}-{SPAN}-d-05e3ac9a4f6e3b90"}, context()),
        ({"b3": f"{TRACE}-{SPAN}-0"}, context(sampled=False)),
        ({"b3": f"{TRACE}-{SPAN}"}, context(sampled=False)),
        ({"x_b3_traceid": TRACE, "x_b3_spanid": SPAN, "x_b3_sampled": "1"}, context()),
        ({"x_b3_traceid": TRACE, "x_b3_spanid": SPAN, "x_b3_flags": "1"}, context()),
        ({"x_b3_traceid": TRACE, "x_b3_spanid": SPAN}, context(sampled=False)),
        (
            {"x_b3_traceid": TRACE[16:], "x_b3_spanid": SPAN, "x_b3_sampled": "true"},
            context(trace="0" * 16 + TRACE[16:]),
        ),
        ({"grpc_trace_bin": binary()}, context()),
        ({"grpc_trace_bin": binary(0)}, context(sampled=False)),
        ({"traceparent": W3C, "b3": "0"}, context()),
        ({"traceparent": "nonsense", "b3": f"{TRACE}-{SPAN}-1"}, context()),
    ],
)
def test_what_counts(given: dict[str, str], expected: TraceContext) -> None:
    assert read(headers(**given)) == expected


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"traceparent": f"ff-{TRACE}-{SPAN}-01"},
        {"traceparent": f"00-{TRACE}-{SPAN}-01-more"},
        {"traceparent": f"00-{'0' * 32}-{SPAN}-01"},
        {"traceparent": f"00-{TRACE}-{'0' * 16}-01"},
        {"traceparent": W3C.upper()},
        {"traceparent": W3C[:-1]},
        {"b3": "0"},
        {"b3": "1"},
        {"x_b3_traceid": TRACE},
        {"x_b3_traceid": "xyz", "x_b3_spanid": SPAN, "x_b3_sampled": "1"},
        {"grpc_trace_bin": "AAAA"},
        {"grpc_trace_bin": "not base64!"},
        {"grpc_trace_bin": binary(trace="0" * 32)},
    ],
)
def test_what_is_no_trace(given: dict[str, str]) -> None:
    found = headers(**given)
    assert read(found) is None


def test_every_form_that_is_there_is_passed_on() -> None:
    found = headers(
        traceparent=W3C,
        tracestate="a=b",
        b3=f"{TRACE}-{SPAN}-1",
        x_b3_traceid=TRACE,
        x_b3_spanid=SPAN,
        x_b3_sampled="1",
        grpc_trace_bin=binary(),
    )
    pass_on(found, MINE)
    mine = MINE.hex()
    assert found["traceparent"] == f"00-{TRACE}-{mine}-01".encode()
    assert found["tracestate"] == b"a=b"
    assert found["b3"] == f"{TRACE}-{mine}-1-{SPAN}".encode()
    assert (found["x-b3-spanid"], found["x-b3-parentspanid"]) == (mine.encode(), SPAN.encode())
    passed = read(Headers({"grpc-trace-bin": found["grpc-trace-bin"]}))
    assert passed == TraceContext(bytes.fromhex(TRACE), MINE, True)
    assert read(found) == TraceContext(bytes.fromhex(TRACE), MINE, True, "a=b")


@pytest.mark.parametrize("name", ["traceparent", "b3", "x_b3_spanid", "grpc_trace_bin"])
def test_what_is_malformed_is_left_as_it_is(name: str) -> None:
    found = headers(**{name: "nonsense"})
    pass_on(found, MINE)
    assert found == headers(**{name: "nonsense"})
