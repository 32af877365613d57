"""Messages of `weft.stats.v1` and plain values, both ways."""

import json
from collections.abc import Iterable, Mapping
from typing import Any, Literal, Protocol

from google.protobuf import json_format
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from web.stats.aggregate import Requests, Row, Tcp, whole
from web.stats.answer import HISTORY_STEP, Answer
from web.stats.authz import Authorized, AuthzAnswer
from web.stats.backend import Provenance, Sample
from web.stats.edges import Edge, EdgesAnswer
from web.stats.faults import Fault, FaultsAnswer
from web.stats.kinds import ROUTES
from web.stats.links import End
from web.stats.policies import Policy
from web.stats.query import QueryError, Question, Ref
from web.stats.routes import Route, RoutesAnswer
from weft import errors
from weft.texts import encodable
from weftapi.stats.v1 import authz_pb2, edges_pb2, errors_pb2, routes_pb2, stats_pb2

Json = Mapping[str, Any]

_MOST_IN_HISTORY = 2**32 - 1
"""Of a History, counts have 32 bits."""


def read_request(body: bytes) -> Question:
    """Canonical JSON of a StatRequest. Raises QueryError."""
    message = stats_pb2.StatRequest()
    _parse(body, message)
    return Question(
        *_resource(message.resource),
        message.label_selector,
        _window(message),
        _resource(message.to) if message.HasField("to") else None,
        _resource(getattr(message, "from")) if message.HasField("from") else None,
        message.tcp,
        not message.skip_traffic,
        message.history,
    )


def read_edges_request(body: bytes) -> Question:
    """Canonical JSON of an EdgesRequest. Raises QueryError."""
    message = edges_pb2.EdgesRequest()
    _parse(body, message)
    return Question(*_resource(message.resource), window=_window(message))


def read_routes_request(body: bytes) -> Question:
    """Canonical JSON of a RoutesRequest. Raises QueryError."""
    message = routes_pb2.RoutesRequest()
    _parse(body, message)
    return Question(
        *_resource(message.resource),
        message.label_selector,
        _window(message),
        _resource(message.to) if message.HasField("to") else None,
    )


def read_authz_request(body: bytes) -> Question:
    """Canonical JSON of an AuthzRequest. Raises QueryError."""
    message = authz_pb2.AuthzRequest()
    _parse(body, message)
    return Question(*_resource(message.resource), message.label_selector, _window(message))


def read_errors_request(body: bytes) -> tuple[Question, int]:
    """Canonical JSON of an ErrorsRequest: whose errors, and how many. Raises QueryError."""
    message = errors_pb2.ErrorsRequest()
    _parse(body, message)
    return Question(*_resource(message.resource)), message.limit


def write_edges(found: EdgesAnswer) -> Json:
    """An EdgesResponse as canonical JSON."""
    message = edges_pb2.EdgesResponse(
        edges=[_edge(edge) for edge in found.edges],
        window=_duration(found.window),
        observed=_duration(found.observed),
        backend=found.source.backend,
        source=_source(found.source),
    )
    return _json(message)


def write_routes(found: RoutesAnswer) -> Json:
    """A RoutesResponse as canonical JSON."""
    return _json(
        routes_pb2.RoutesResponse(
            routes=[_route(route) for route in found.routes],
            window=_duration(found.window),
            observed=_duration(found.observed),
            source=_source(found.source),
        )
    )


def write_authz(found: AuthzAnswer) -> Json:
    """An AuthzResponse as canonical JSON."""
    return _json(
        authz_pb2.AuthzResponse(
            rows=[_authorized(row) for row in found.rows],
            window=_duration(found.window),
            observed=_duration(found.observed),
            source=_source(found.source),
        )
    )


def write_errors(found: FaultsAnswer) -> Json:
    """An ErrorsResponse as canonical JSON, with the catalogue's entry of each number in it."""
    numbers = {fault.number for fault in found.faults}
    return _json(
        errors_pb2.ErrorsResponse(
            errors=[_fault(fault) for fault in found.faults],
            kinds=[_kind(kind) for kind in errors.CATALOGUE if kind.number in numbers],
            proxies=found.proxies,
            unanswered=[
                errors_pb2.Unanswered(pod=_ref(one.pod), reason=one.reason)
                for one in found.unanswered
            ],
        )
    )


def write_answer(found: Answer) -> Json:
    """A StatResponse as canonical JSON, with zeros and empty strings written out."""
    return _json(
        stats_pb2.StatResponse(
            rows=[_row(row) for row in found.rows],
            window=_duration(found.window),
            observed=_duration(found.observed),
            backend=found.source.backend,
            source=_source(found.source),
            history_ages=found.history_ages,
            history_step=HISTORY_STEP if found.history_ages else 0.0,
        )
    )


def _parse(body: bytes, message: Message) -> None:
    try:
        said = json.loads(body)
        if not isinstance(said, dict):  # which the parser takes for an empty message
            raise json_format.ParseError("it is not an object")
        text = json.dumps(said, ensure_ascii=False)
        if encodable(text) != text:  # the parser's own words are a SystemError or repeat it
            raise json_format.ParseError(r"a text in it has half a surrogate pair, as \ud800 is")
        json_format.Parse(body, message)
    except (json_format.ParseError, ValueError, RecursionError) as error:
        what = message.DESCRIPTOR.name
        raise QueryError("request", f"not the JSON of a {what}: {error}") from None


def _edge(edge: Edge) -> edges_pb2.Edge:
    message = edges_pb2.Edge(
        client_id=edge.client_id,
        server_id=edge.server_id,
        secured=edge.is_secured,
        no_tls_reason=edge.reason,
    )
    for field, end in (("source", edge.source), ("target", edge.target)):
        if end is not None:
            getattr(message, field).CopyFrom(_ref(end))
    if edge.requests is not None:
        message.requests.CopyFrom(_requests(edge.requests))
    if edge.tcp is not None:
        message.tcp.CopyFrom(_tcp(edge.tcp))
    return message


def _row(row: Row) -> stats_pb2.Row:
    message = stats_pb2.Row(status=row.status, resource=_ref(row.resource))
    if row.pods is not None:
        message.pods.CopyFrom(
            stats_pb2.Pods(meshed=row.pods.meshed, running=row.pods.running, failed=row.pods.failed)
        )
    if row.requests is not None:
        message.requests.CopyFrom(_requests(row.requests))
    if row.tcp is not None:
        message.tcp.CopyFrom(_tcp(row.tcp))
    if row.denials is not None:
        message.unauthorized.CopyFrom(
            stats_pb2.Unauthorized(
                denied_per_second=row.denials.requests,
                connections_denied_per_second=row.denials.connections,
            )
        )
        if row.resource.kind in ROUTES:
            message.servers.extend(row.denials.servers)
    if row.history is not None:
        message.history.CopyFrom(_history(row.history))
    return message


def _history(samples: Iterable[Sample]) -> stats_pb2.History:
    found = stats_pb2.History()
    for one in samples:
        found.success.append(whole(one.success, _MOST_IN_HISTORY))
        found.failure.append(whole(one.failure, _MOST_IN_HISTORY))
    return found


def _route(route: Route) -> routes_pb2.Route:
    message = routes_pb2.Route(
        resource=_ref(route.resource),
        direction=route.direction,
        parent=_policy(route.parent),
        route=_policy(route.route),
    )
    if route.requests is not None:
        message.requests.CopyFrom(_requests(route.requests))
    if route.actual is not None:
        message.actual.CopyFrom(_requests(route.actual))
    return message


def _authorized(row: Authorized) -> authz_pb2.Authorization:
    message = authz_pb2.Authorization(
        resource=_ref(row.resource),
        server=_policy(row.server),
        allowed_per_second=row.allowed,
        denied_per_second=row.denied,
        connections_allowed_per_second=row.connections_allowed,
        connections_denied_per_second=row.connections_denied,
    )
    if row.route is not None:
        message.route.CopyFrom(_policy(row.route))
    if row.authorization is not None:
        message.authorization.CopyFrom(_policy(row.authorization))
    if row.requests is not None:
        message.requests.CopyFrom(_requests(row.requests))
    return message


def _policy(found: Policy) -> routes_pb2.Policy:
    return routes_pb2.Policy(
        kind=found.kind, namespace=found.namespace, name=found.name, port=found.port
    )


def _fault(fault: Fault) -> errors_pb2.ProxyError:
    return errors_pb2.ProxyError(
        pod=_ref(fault.pod),
        time=_moment(fault.at),
        side=fault.side,
        peer=fault.peer,
        route=fault.route,
        endpoint=fault.endpoint,
        number=fault.number,
        cause=fault.cause,
        count=fault.count,
        first=_moment(fault.first),
    )


def _kind(kind: errors.ErrorKind) -> errors_pb2.ErrorKind:
    return errors_pb2.ErrorKind(
        number=kind.number,
        name=kind.name,
        meaning=kind.meaning,
        causes=kind.causes,
        advice=kind.advice,
    )


def _source(found: Provenance) -> stats_pb2.Source:
    return stats_pb2.Source(
        backend=found.backend,
        since=None if found.since is None else _moment(found.since),
        fallback_reason=found.fallback_reason,
    )


def _requests(requests: Requests) -> stats_pb2.Requests:
    return stats_pb2.Requests(
        success=requests.success,
        failure=requests.failure,
        rps=requests.rps,
        latency_ms_p50=requests.latency.p50,
        latency_ms_p95=requests.latency.p95,
        latency_ms_p99=requests.latency.p99,
    )


def _tcp(tcp: Tcp) -> stats_pb2.Tcp:
    return stats_pb2.Tcp(
        open_connections=tcp.open_connections,
        read_bytes_per_second=tcp.read_rate,
        write_bytes_per_second=tcp.write_rate,
    )


def _ref(found: Ref | End) -> stats_pb2.Resource:
    return stats_pb2.Resource(namespace=found.namespace, kind=found.kind.value, name=found.name)


def _resource(message: stats_pb2.Resource) -> tuple[str, str, str]:
    return message.kind, message.namespace, message.name


class _Windowed(Protocol):
    """A request with a window."""

    @property
    def window(self) -> Duration: ...
    def HasField(self, name: Literal["window"], /) -> bool: ...  # noqa: N802 (protobuf's name)


def _window(message: _Windowed) -> float | None:
    return _seconds(message.window) if message.HasField("window") else None


def _moment(seconds: float) -> Timestamp:
    moment = Timestamp()
    moment.FromMilliseconds(round(seconds * 1000))
    return moment


def _json(message: Message) -> Json:
    return json_format.MessageToDict(message, always_print_fields_with_no_presence=True)


def _seconds(duration: Duration) -> float:
    return duration.seconds + duration.nanos / 1e9


def _duration(seconds: float) -> Duration:
    duration = Duration()
    duration.FromMilliseconds(round(seconds * 1000))
    return duration
