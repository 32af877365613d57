"""Spans of requests that are traced already; nothing of it is on their path while tracing is off.

context    trace headers, read and passed on: W3C, B3, gRPC's binary form (pure)
span       one span, and the bounded buffer of those that wait to be exported
recorder   the observer that makes a span of a request whose trace is sampled

Spans leave by `proxy/control/spans.py`.
"""
