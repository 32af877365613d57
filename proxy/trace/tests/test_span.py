"""The bounded buffer."""

from dataclasses import replace

from proxy.trace.span import Kind, Span, SpanBuffer

SPAN = Span(b"t" * 16, b"s" * 8, b"p" * 8, "", Kind.SERVER, "/", 1, 2, ())


def test_the_buffer_is_bounded_and_counts_what_it_drops() -> None:
    buffer = SpanBuffer(capacity=2)
    for begun in range(3):
        buffer.add(replace(SPAN, begun=begun))
    assert (len(buffer), buffer.dropped) == (2, 1)
    assert [one.begun for one in buffer.take()] == [0, 1]
    assert len(buffer) == 0
    buffer.add(SPAN)
    assert buffer.take() == [SPAN]
