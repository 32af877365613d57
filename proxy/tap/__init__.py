"""Watching requests that pass through: who asked for which, and what is told of them.

- `subject`    what can be known of a request when it begins, and the events that follow
- `match`      which requests are meant: predicates over a subject
- `registry`   who watches; each watcher sees as many requests as it asked for
- `downstream` a request's way back, with a watcher in it: status, bytes, trailers, how it ended

While nobody watches a request costs one check of an empty list. Nothing here knows gRPC: `control`
serves the watchers, `inbound` and `outbound` say what begins.
"""
