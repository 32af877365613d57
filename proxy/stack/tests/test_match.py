"""Which route a request takes."""

from dataclasses import dataclass, field

import pytest

from proxy.codec.message import Headers
from proxy.stack.match import (
    ExactHost,
    ExactPath,
    GrpcMatch,
    HeaderMatch,
    HostMatch,
    HttpMatch,
    Match,
    PathMatch,
    PrefixPath,
    QueryMatch,
    RegexPath,
    SuffixHost,
    find,
    host_of,
)
from proxy.stack.meta import Meta
from weft.patterns import Pattern


@dataclass
class Request:
    method: str = "GET"
    path: str = "/"
    authority: str = "web.emojivoto.svc:80"
    headers: Headers = field(default_factory=Headers)


@dataclass
class Rule:
    matches: tuple[Match, ...] = ()
    filters: tuple[()] = ()


@dataclass
class Route:
    name: str
    rules: tuple[Rule, ...]
    hosts: tuple[HostMatch, ...] = ()

    @property
    def meta(self) -> Meta:
        return Meta.default(self.name)


def route(name: str, *matches: Match, hosts: tuple[HostMatch, ...] = ()) -> Route:
    return Route(name, (Rule(matches),), hosts)


def chosen(routes: list[Route], request: Request) -> str | None:
    found = find(routes, request)
    return None if found is None else found[0].name


@pytest.mark.parametrize(
    ("authority", "host"),
    [
        ("Web.Emojivoto:80", "web.emojivoto"),
        ("a.b.", "a.b"),
        ("a.b.:80", "a.b"),
        ("[FD00::1]:80", "[fd00::1]"),
        ("[fd00::1]", "[fd00::1]"),
        ("[broken", "[broken"),
        ("", ""),
    ],
)
def test_the_host_of_an_authority(authority: str, host: str) -> None:
    assert host_of(authority) == host


@pytest.mark.parametrize(
    ("match", "path", "matches"),
    [
        (ExactPath("/api"), "/api", True),
        (ExactPath("/api"), "/api/", False),
        (PrefixPath("/"), "/", True),
        (PrefixPath("/"), "/anything/below", True),
        (PrefixPath("/api"), "/api", True),
        (PrefixPath("/api"), "/api/vote", True),
        (PrefixPath("/api/"), "/api", True),
        (PrefixPath("/api/"), "/api/vote", True),
        (PrefixPath("/api"), "/apiary", False),
        (PrefixPath("/api"), "/ap", False),
        (RegexPath(Pattern("/api/[a-z]+")), "/api/vote", True),
        (RegexPath(Pattern("/api/[a-z]+")), "/api/vote/1", False),
    ],
)
def test_paths(match: PathMatch, path: str, matches: bool) -> None:
    assert (HttpMatch(path=match).rank(Request(path=path)) is not None) is matches


def test_the_query_is_no_part_of_the_path() -> None:
    assert (
        chosen(
            [route("a", HttpMatch(ExactPath("/api")), HttpMatch(method="PUT"))],
            Request(path="/api?x=/y"),
        )
        == "a"
    )


def test_any_one_of_repeated_headers_may_match() -> None:
    headers = Headers([("x-user", b"eve"), ("X-User", b"alice")])
    request = Request(headers=headers)
    assert HttpMatch(headers=(HeaderMatch("x-user", b"alice"),)).rank(request)
    assert HttpMatch(headers=(HeaderMatch("x-user", Pattern("al.*")),)).rank(request)
    assert not HttpMatch(headers=(HeaderMatch("x-user", Pattern("lic")),)).rank(request)
    assert not HttpMatch(headers=(HeaderMatch("x-other", b"alice"),)).rank(request)


def test_query_parameters_are_form_decoded() -> None:
    request = Request(path="/vote?choice=dough+nut&n=%31")
    assert HttpMatch(query=(QueryMatch("choice", "dough nut"), QueryMatch("n", "1"))).rank(request)
    assert HttpMatch(query=(QueryMatch("n", Pattern("[0-9]")),)).rank(request)
    assert not HttpMatch(query=(QueryMatch("choice", "dough"),)).rank(request)
    assert not HttpMatch(query=(QueryMatch("none", "1"),)).rank(request)


def test_hosts_rank_before_paths() -> None:
    routes = [
        route("any", HttpMatch(ExactPath("/a/very/long/path"))),
        route("suffix", HttpMatch(), hosts=(SuffixHost(".emojivoto.svc"),)),
        route("exact", HttpMatch(), hosts=(ExactHost("web.emojivoto.svc"),)),
    ]
    assert chosen(routes, Request(path="/a/very/long/path")) == "exact"
    assert (
        chosen(routes, Request(path="/a/very/long/path", authority="api.emojivoto.svc")) == "suffix"
    )
    assert chosen(routes, Request(path="/a/very/long/path", authority="emojivoto.svc")) == "any"
    assert chosen(routes[1:], Request(authority="other")) is None


def test_more_path_then_headers_then_query_then_method_win() -> None:
    headers = Headers([("a", b"1")])
    request = Request("GET", "/api/vote?q=1", headers=headers)
    ladder: list[Match] = [
        HttpMatch(PrefixPath("/api")),
        HttpMatch(PrefixPath("/api"), method="GET"),
        HttpMatch(PrefixPath("/api"), query=(QueryMatch("q", "1"),)),
        HttpMatch(PrefixPath("/api"), headers=(HeaderMatch("a", b"1"),)),
        HttpMatch(PrefixPath("/api/vote")),
    ]
    for better in range(1, len(ladder)):
        routes = [route("worse", ladder[better - 1]), route("better", ladder[better])]
        assert chosen(routes, request) == "better"
        assert chosen(routes[::-1], request) == "better"


def test_the_first_of_equals_wins() -> None:
    assert chosen([route("first", HttpMatch()), route("second", HttpMatch())], Request()) == "first"


def test_a_rule_without_matches_ranks_like_the_root() -> None:
    assert chosen([route("all"), route("root", HttpMatch(PrefixPath("/")))], Request()) == "all"
    assert chosen([route("root", HttpMatch(PrefixPath("/"))), route("all")], Request()) == "root"
    assert chosen([route("alone")], Request()) == "alone"


def test_requests_of_a_rule_without_matches_have_one_match() -> None:
    """Whoever remembers what follows from a match must not remember it for each request."""
    for routes in ([route("alone")], [route("one"), route("other")]):
        first, second = find(routes, Request()), find(routes, Request())
        assert first is not None
        assert second is not None
        assert first[2] is second[2]


def test_a_single_route_for_everything_is_taken_unread() -> None:
    assert chosen([route("only", HttpMatch(PrefixPath("/")))], Request(path="*")) == "only"


def test_no_route_matches() -> None:
    assert chosen([], Request()) is None
    assert chosen([route("put", HttpMatch(method="PUT"))], Request()) is None


@pytest.mark.parametrize(
    ("match", "method", "path", "matches"),
    [
        (GrpcMatch(), "POST", "/emojivoto.v1.VotingService/VoteDoughnut", True),
        (GrpcMatch("emojivoto.v1.VotingService"), "POST", "/emojivoto.v1.VotingService/X", True),
        (GrpcMatch(method="X"), "POST", "/any.Service/X", True),
        (GrpcMatch("a.B", "C"), "POST", "/a.B/C", True),
        (GrpcMatch("a.B", "C"), "POST", "/a.B/D", False),
        (GrpcMatch("a.B", "C"), "POST", "/a.X/C", False),
        (GrpcMatch(), "GET", "/a.B/C", False),
        (GrpcMatch(), "POST", "/a.B", False),
        (GrpcMatch(), "POST", "/a.B/C/D", False),
        (GrpcMatch(), "POST", "a.B/C", False),
        (GrpcMatch(headers=(HeaderMatch("x", b"1"),)), "POST", "/a.B/C", False),
    ],
)
def test_grpc(match: GrpcMatch, method: str, path: str, matches: bool) -> None:
    assert (match.rank(Request(method, path)) is not None) is matches


def test_the_more_specific_grpc_match_wins() -> None:
    routes = [
        route("any", GrpcMatch()),
        route("service", GrpcMatch("a.B")),
        route("method", GrpcMatch("a.B", "C")),
    ]
    assert chosen(routes, Request("POST", "/a.B/C")) == "method"
    assert chosen(routes, Request("POST", "/a.B/D")) == "service"
    assert chosen(routes, Request("POST", "/x.Y/D")) == "any"
