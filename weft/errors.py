"""The numbered catalogue of data-plane errors: one number per cause, the same in the response, the
log, the metric and the reference.

Numbers never change meaning and are never reused: 1xxx discovery and routing, 2xxx connecting to
the endpoint, 3xxx time and load, 4xxx authorization, 5xxx malformed traffic, 6xxx the proxy's own
identity, 9xxx our own faults.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ErrorKind:
    """One cause of failure, and what the requester is answered."""

    number: int
    name: str  # stable, for metric labels: lower case; words of Linkerd's labels keep their spaces
    text: str  # for `l5d-proxy-error`, in Linkerd's words where it has them
    http_status: int
    grpc_status: int  # grpc-status of the answer to a gRPC request
    closes: bool  # whether an HTTP/1 connection is closed after the answer
    meaning: str
    causes: str
    advice: str


_ALL: list[ErrorKind] = []


def _kind(
    number: int,
    name: str,
    text: str,
    *,
    http: int,
    grpc: int,
    closes: bool = False,
    meaning: str,
    causes: str,
    advice: str,
) -> ErrorKind:
    kind = ErrorKind(number, name, text, http, grpc, closes, meaning, causes, advice)
    _ALL.append(kind)
    return kind


# -- 1xxx: discovery and routing ----------------------------------------------------------------
DISCOVERY_UNAVAILABLE = _kind(
    1001,
    "discovery-unavailable",
    "service discovery is unavailable",
    http=502,
    grpc=14,
    closes=True,
    meaning="The proxy met this destination for the first time and the destination service gave no answer.",
    causes="The destination service is down, or its certificate or this proxy's is not valid.",
    advice="Run `mesh check`. Destinations met before keep working.",
)
ROUTE_NOT_FOUND = _kind(
    1002,
    "route-not-found",
    "no route found for request",
    http=404,
    grpc=5,
    meaning="The port has routes, and none of them matches this request.",
    causes="A route's host, path, method or header match is narrower than the traffic.",
    advice="Compare the request with the routes attached to the Service or Server.",
)
INVALID_POLICY = _kind(
    1003,
    "invalid-policy",
    "invalid client policy configuration",
    http=500,
    grpc=13,
    closes=True,
    meaning="The policy for this destination has a part this proxy does not understand, so it is not applied in part.",
    causes="A control plane newer than the proxy, or a malformed resource.",
    advice="Restart the pod to bring its proxy to the control plane's version.",
)
FORBIDDEN_ROUTE = _kind(
    1004,
    "forbidden-route",
    "connection refused by policy",
    http=403,
    grpc=7,
    meaning="Policy forbids connections to this destination or port.",
    causes="The Service does not declare the port, or an EgressNetwork denies the destination.",
    advice="Declare the port on the Service, or allow the destination.",
)
NO_BACKEND = _kind(
    1005,
    "no-backend",
    "route has no available backend",
    http=502,
    grpc=14,
    closes=True,
    meaning="The route that matched names no backend that exists.",
    causes="A backendRef names a Service or port that does not exist.",
    advice="Check the backendRefs of the route.",
)
GATEWAY_DOMAIN_INVALID = _kind(
    1006,
    "gateway domain invalid",
    "gateway domain invalid",
    http=404,
    grpc=5,
    meaning="A client of another cluster asked this gateway for a name that it does not serve or nobody here knows.",
    causes="The Service was deleted here or never existed, or its name is not below LINKERD2_PROXY_INBOUND_GATEWAY_SUFFIXES. A proxy that is no gateway closes the connection.",
    advice="Compare the name with the Services of the gateway's cluster.",
)
GATEWAY_LOOP = _kind(
    1007,
    "gateway loop",
    "gateway loop",
    http=508,
    grpc=10,
    closes=True,
    meaning="A request came back to a gateway that had forwarded it before, or came from the gateway itself.",
    causes="Two clusters mirror a Service to each other, so that each sends to the other's gateway.",
    advice="Mirror the Service in one direction only.",
)

# -- 2xxx: connecting to the endpoint -----------------------------------------------------------
CONNECT_REFUSED = _kind(
    2001,
    "connect-refused",
    "connection refused",
    http=502,
    grpc=14,
    closes=True,
    meaning="Nothing listens at the endpoint's address and port.",
    causes="The application is not up yet, crashed, or listens on another port or only on IPv6.",
    advice="Check that the container listens on the Service's targetPort.",
)
CONNECT_TIMEOUT = _kind(
    2002,
    "connect-timeout",
    "connect timed out",
    http=502,
    grpc=14,
    closes=True,
    meaning="The endpoint did not accept a connection within the connect time-out.",
    causes="The pod or its node is gone, or a network policy drops packets.",
    advice="Check the pod and the network between the two nodes.",
)
CONNECTION_LOST = _kind(
    2003,
    "connection-lost",
    "connection closed before the response was complete",
    http=502,
    grpc=14,
    closes=True,
    meaning="The endpoint closed or reset the connection while it owed a response.",
    causes="The application crashed or was stopped, or it closes idle connections early.",
    advice="Look at the application's log at this time.",
)
IDENTITY_MISMATCH = _kind(
    2004,
    "identity-mismatch",
    "server did not prove the required identity",
    http=502,
    grpc=14,
    closes=True,
    meaning="The server's certificate does not carry the name that discovery promised for this endpoint.",
    causes="The address belongs to another pod now, or something stands between the two proxies.",
    advice="It heals when discovery catches up; if it lasts, run `mesh check --proxy`.",
)
TLS_FAILED = _kind(
    2005,
    "tls-failed",
    "TLS handshake failed",
    http=502,
    grpc=14,
    closes=True,
    meaning="The mutual TLS handshake with the endpoint failed.",
    causes="Certificates of different trust anchors, an expired certificate, or a peer that is not a proxy.",
    advice="Run `mesh check --proxy` and compare trust anchors.",
)
CONNECT_FAILED = _kind(
    2006,
    "connect-failed",
    "connection failed",
    http=502,
    grpc=14,
    closes=True,
    meaning="The operating system could not connect to the endpoint.",
    causes="No route to the host, or the host is unreachable.",
    advice="Check the network of the node.",
)

PEER_SILENT = _kind(
    2007,
    "peer-silent",
    "the peer stopped answering",
    http=502,
    grpc=14,
    closes=True,
    meaning="An HTTP/2 connection was silent, and a PING on it was not answered in time.",
    causes="The peer's node has vanished or is cut off, or its proxy is starved of CPU.",
    advice="See whether the node and the pod of the endpoint are healthy.",
)

# -- 3xxx: time and load ------------------------------------------------------------------------
FAILFAST = _kind(
    3001,
    "failfast",
    "service in fail-fast",
    http=504,
    grpc=4,
    closes=True,
    meaning="No endpoint was ready for a while, so requests fail at once instead of queueing.",
    causes="The Service has no ready pods, or all of them fail or refuse connections.",
    advice="`mesh diagnostics endpoints` lists what the mesh knows of the Service.",
)
LOAD_SHED = _kind(
    3002,
    "load-shed",
    "service is overloaded",
    http=503,
    grpc=14,
    closes=True,
    meaning="More requests were in flight than the proxy's bound allows.",
    causes="The application is slower than its traffic.",
    advice="Scale the application, or raise the bound.",
)
REQUEST_TIMEOUT = _kind(
    3003,
    "request-timeout",
    "request timed out",
    http=504,
    grpc=4,
    meaning="The whole request, retries included, took longer than its time-out.",
    causes="A slow application, or a time-out that is too short.",
    advice="Compare the route's latency with its time-out.",
)
RESPONSE_TIMEOUT = _kind(
    3004,
    "response-timeout",
    "response timed out",
    http=504,
    grpc=4,
    meaning="One try got no complete response within its time-out.",
    causes="A slow application, or a time-out that is too short.",
    advice="Compare the route's latency with its time-out.",
)
IDLE_TIMEOUT = _kind(
    3005,
    "idle-timeout",
    "stream idle timed out",
    http=504,
    grpc=4,
    meaning="Nothing moved on the stream for longer than its idle time-out.",
    causes="A stream that is kept open without traffic.",
    advice="Raise the idle time-out of the route, or send keep-alives.",
)
DRAINING = _kind(
    3006,
    "draining",
    "proxy is shutting down",
    http=503,
    grpc=14,
    closes=True,
    meaning="The pod is being stopped and takes no new requests.",
    causes="A rollout, a scale-down or a drained node.",
    advice="Nothing: clients retry on another endpoint.",
)
HEADER_TIMEOUT = _kind(
    3007,
    "header-timeout",
    "request header timed out",
    http=408,
    grpc=4,
    closes=True,
    meaning="A client began a request and did not finish its header in time.",
    causes="A very slow or a hostile client.",
    advice="Nothing, unless legitimate clients are that slow.",
)

BODY_TIMEOUT = _kind(
    3008,
    "body-timeout",
    "request body timed out",
    http=408,
    grpc=4,
    closes=True,
    meaning="An HTTP/1 client began a request's body and then sent nothing for too long.",
    causes="A client that lost its network, a very slow one, or a hostile one.",
    advice="Raise LINKERD2_PROXY_INBOUND_HTTP1_BODY_TIMEOUT (or OUTBOUND) if legitimate clients pause for longer.",
)
TOO_MANY_CONNECTIONS = _kind(
    3009,
    "too-many-connections",
    "too many connections",
    http=503,
    grpc=14,
    closes=True,
    meaning="As many connections are open as the proxy may hold, so another was closed as it came.",
    causes="Clients that open connections and do not use them, or an application slower than its traffic.",
    advice="Look at tcp_open_connections for who holds them; raise LINKERD2_PROXY_INBOUND_MAX_CONNECTIONS (or OUTBOUND) if they are legitimate.",
)
MEMORY_CEILING = _kind(
    3010,
    "memory-ceiling",
    "proxy is short of memory",
    http=503,
    grpc=14,
    closes=True,
    meaning="The proxy's memory is above its ceiling, so new connections are closed until it is below.",
    causes="Very many connections or requests at once, or very large headers.",
    advice="Give the proxy's container more memory, or scale the application.",
)

# -- 4xxx: authorization ------------------------------------------------------------------------
UNAUTHORIZED = _kind(
    4001,
    "unauthorized",
    "unauthorized request on route",
    http=403,
    grpc=7,
    meaning="No authorization of this port or route permits this client.",
    causes="The client is not meshed, or its identity or network is not in the policy.",
    advice="`mesh authz` lists what permits whom.",
)
RATE_LIMITED = _kind(
    4002,
    "rate-limited",
    "rate limit exceeded",
    http=429,
    grpc=8,
    meaning="The client or the port exceeded its HTTPLocalRateLimitPolicy.",
    causes="More requests per second than the policy allows.",
    advice="Slow the client down, or raise the limit.",
)
UNAUTHORIZED_CONNECTION = _kind(
    4003,
    "unauthorized-connection",
    "unauthorized connection",
    http=403,
    grpc=7,
    closes=True,
    meaning="No authorization of this port permits connections from this client.",
    causes="The client is not meshed, or its identity or network is not in the policy.",
    advice="`mesh authz` lists what permits whom.",
)
LOOP_PREVENTED = _kind(
    4004,
    "loop-prevented",
    "proxy refuses to connect to itself",
    http=502,
    grpc=14,
    closes=True,
    meaning="The connection's target is the proxy itself.",
    causes="Traffic sent straight to a proxy port, or a redirect without an original destination.",
    advice="Send to the application's port.",
)

# -- 5xxx: malformed traffic --------------------------------------------------------------------
BAD_REQUEST = _kind(
    5001,
    "bad-request",
    "malformed HTTP request",
    http=400,
    grpc=13,
    closes=True,
    meaning="The bytes began like HTTP and are not.",
    causes="A broken client, or an attempt at request smuggling.",
    advice="Look at the client named in the log.",
)
HEADER_TOO_LARGE = _kind(
    5002,
    "header-too-large",
    "request header too large",
    http=431,
    grpc=8,
    closes=True,
    meaning="The request's header exceeds the proxy's bound.",
    causes="Very large cookies or tokens.",
    advice="Make them smaller, or raise the bound.",
)
BAD_RESPONSE = _kind(
    5003,
    "bad-response",
    "malformed HTTP response",
    http=502,
    grpc=14,
    closes=True,
    meaning="The endpoint answered with bytes that are not a valid HTTP response.",
    causes="The port does not speak HTTP, or the application's server is broken.",
    advice="Mark the port opaque if it does not speak HTTP.",
)

CLIENT_GONE = _kind(
    5004,
    "client-gone",
    "client went away",
    http=499,
    grpc=1,
    closes=True,
    meaning="The client cancelled the request, or closed its connection, before the response was complete.",
    causes="A time-out or a cancellation on the client's side, or a stream that its reader has ended.",
    advice="Nothing: it is not counted as a failure of the service that was answering.",
)

NOT_HTTP = _kind(
    5005,
    "not-http",
    "connection does not speak HTTP, and its policy is about HTTP",
    http=400,
    grpc=13,
    closes=True,
    meaning="The port has HTTP routes or a rate limit, and a connection that is not HTTP would slip past them.",
    causes="Another protocol on the port, or a server that speaks first.",
    advice="Mark the port opaque and remove its HTTP routes, or give the other protocol a port of its own.",
)

NOT_TLS = _kind(
    5006,
    "not-tls",
    "connection does not speak TLS, and its policy is about TLS",
    http=400,
    grpc=13,
    closes=True,
    meaning="A TLSRoute chooses by the server name of a TLS handshake, and the connection began with something else.",
    causes="A client that speaks plain text, or sends nothing, to a port with TLSRoutes.",
    advice="Make the client speak TLS, or use a TCPRoute.",
)

HTTP2_VIOLATION = _kind(
    5007,
    "protocol-violation",
    "HTTP/2 protocol violation",
    http=400,
    grpc=13,
    closes=True,
    meaning="A client broke the rules of HTTP/2, and its connection was ended with a GOAWAY that says which.",
    causes="A broken client, or one that speaks something else after an HTTP/2 preface.",
    advice="Look at the client named in the log.",
)
HTTP2_FLOOD = _kind(
    5008,
    "protocol-flood",
    "too much of what costs an HTTP/2 client little",
    http=400,
    grpc=8,
    closes=True,
    meaning="A client sent resets, PINGs, SETTINGS, empty frames or headers without end, and its connection was ended with ENHANCE_YOUR_CALM.",
    causes="An attack (rapid reset, CONTINUATION flood, HPACK bomb), or a client that cancels most of its requests.",
    advice="Look at the client named in the log. If it means well, raise the bound of the kind the log names.",
)

# -- 6xxx: the proxy's own identity; no request is answered with these --------------------------
CERTIFICATE_UNAVAILABLE = _kind(
    6001,
    "certificate-unavailable",
    "no certificate was obtained",
    http=503,
    grpc=14,
    meaning="The proxy asked for a certificate and got none. Without its first one it accepts nothing; otherwise the one it has stays in force until it ends.",
    causes="The identity service is down or its issuer has expired, or the proxy was started with other trust anchors. On a machine of its own: the SPIRE agent is down, or has no registration entry for this process.",
    advice="Run `mesh check`. A proxy with old trust anchors needs its pod restarted. With a SPIRE agent, see `spire-agent api fetch x509` as the proxy's user.",
)
SVID_UNUSABLE = _kind(
    6002,
    "svid-unusable",
    "what the SPIRE agent sent is no usable certificate",
    http=503,
    grpc=14,
    meaning="The SPIRE agent answered, and what it sent cannot be this proxy's identity; the detail says what came. The certificate in force, if there is one, stays so until it ends.",
    causes="The registration entry gives this process another SPIFFE ID than LINKERD2_PROXY_IDENTITY_SERVER_ID, the chain stands neither on LINKERD2_PROXY_IDENTITY_TRUST_ANCHORS nor on the agent's bundle, the key is not ECDSA on P-256, or the machine's clock is wrong.",
    advice="Compare the ID with `spire-server entry show`, and let SPIRE issue keys of the type ec-p256.",
)

# -- 9xxx: our own faults -----------------------------------------------------------------------
INTERNAL = _kind(
    9001,
    "internal",
    "unexpected error",
    http=500,
    grpc=13,
    closes=True,
    meaning="The proxy failed in a way nobody foresaw.",
    causes="A defect in Weft.",
    advice="Please report it with the log lines around this number.",
)

CATALOGUE: tuple[ErrorKind, ...] = tuple(sorted(_ALL, key=lambda kind: kind.number))
BY_NUMBER: dict[int, ErrorKind] = {kind.number: kind for kind in CATALOGUE}
BY_NAME: dict[str, ErrorKind] = {kind.name: kind for kind in CATALOGUE}
