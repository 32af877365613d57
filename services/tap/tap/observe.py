"""A viewer's question as a proxy understands it."""

from collections.abc import Iterator

from tap.query import Peer, Query
from weftapi.proxy import http_types_pb2, tap_pb2

Match = tap_pb2.ObserveRequest.Match
_METHODS = http_types_pb2.HttpMethod.Registered
_SCHEMES = http_types_pb2.Scheme.Registered


def request(query: Query, limit: int) -> tap_pb2.ObserveRequest:
    """What to ask one proxy: up to `limit` requests."""
    message = tap_pb2.ObserveRequest(limit=limit)
    message.match.all.SetInParent()
    message.match.all.matches.extend(_matches(query))
    if query.headers:
        message.extract.http.headers.SetInParent()
    return message


def _matches(query: Query) -> Iterator[Match]:
    if query.to is not None:
        for key, value in _labels(query.to).items():
            yield Match(destination_label=Match.Label(key=key, value=value))
    if query.method:
        yield Match(http=Match.Http(method=_method(query.method)))
    if query.scheme:
        scheme = http_types_pb2.Scheme(registered=query.scheme.upper())
        yield Match(http=Match.Http(scheme=scheme))
    if query.authority:
        exact = Match.Http.StringMatch(exact=query.authority)
        yield Match(http=Match.Http(authority=exact))
    if query.path_prefix:
        prefix = Match.Http.StringMatch(prefix=query.path_prefix)
        yield Match(http=Match.Http(path=prefix))


def _labels(peer: Peer) -> dict[str, str]:
    """The destination labels a proxy knows endpoints by."""
    found = {"namespace": peer.namespace}
    if peer.name and peer.kind != "namespace":
        found[peer.kind] = peer.name
    return found


def _method(name: str) -> http_types_pb2.HttpMethod:
    if name in _METHODS.keys():  # noqa: SIM118 (an enum, no dict)
        return http_types_pb2.HttpMethod(registered=name)
    return http_types_pb2.HttpMethod(unregistered=name)
