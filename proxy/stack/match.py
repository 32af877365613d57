"""Which requests a route means, and which of several matching routes wins.

Order of preference (Linkerd's): host (exact before suffix before none, then the longer), then the
number of path characters matched, then headers, then query parameters, then whether a method was
asked for; the first in the list wins a tie. gRPC: service length, method length, headers.

Regular expressions must match the whole value. They are compiled once, when the policy arrives.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar
from urllib.parse import parse_qsl

if TYPE_CHECKING:
    from collections.abc import Sequence

    from proxy.stack.filters import Filter
    from proxy.stack.meta import Meta
    from weft.patterns import Pattern


class HeadersLike(Protocol):
    """Request headers as the codec hands them over: lower-case names, byte values."""

    def get_all(self, name: str, /) -> list[bytes]: ...


class RequestLike(Protocol):
    """As much of a request as routing looks at."""

    @property
    def method(self) -> str: ...
    @property
    def path(self) -> str:
        """Path and query as sent: `/emoji?choice=doughnut`."""

    @property
    def authority(self) -> str:
        """`:authority` or Host, port included when sent."""

    @property
    def headers(self) -> HeadersLike: ...


# --- hosts -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ExactHost:
    """Exactly this host, whatever its case or trailing dot."""

    name: str

    def rank(self, host: str) -> tuple[int, int] | None:
        return (2, len(self.name)) if host == self.name else None


@dataclass(frozen=True, slots=True)
class SuffixHost:
    """`*.example.com`: at least one label in front of these."""

    suffix: str
    """With its leading dot: `.example.com`."""

    def rank(self, host: str) -> tuple[int, int] | None:
        if host.endswith(self.suffix) and len(host) > len(self.suffix):
            return (1, len(self.suffix))
        return None


HostMatch = ExactHost | SuffixHost


def host_of(authority: str) -> str:
    """The host of an authority: lower case, without port and trailing dot.

    >>> host_of("Web.Emojivoto.svc:80"), host_of("[fd00::1]:80"), host_of("a.b.")
    ('web.emojivoto.svc', '[fd00::1]', 'a.b')
    """
    if authority.startswith("["):
        end = authority.find("]")
        return authority[: end + 1].lower() if end > 0 else authority.lower()
    return (
        authority.rpartition(":")[0].lower().rstrip(".")
        if ":" in authority
        else authority.lower().rstrip(".")
    )


# --- paths, headers, queries -----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ExactPath:
    value: str

    def length(self, path: str) -> int | None:
        return len(path) if path == self.value else None


@dataclass(frozen=True, slots=True)
class PrefixPath:
    """Whole path segments: `/api` means `/api` and `/api/x`, never `/apiary`."""

    value: str

    def length(self, path: str) -> int | None:
        prefix = self.value.rstrip("/")
        if not path.startswith(prefix):
            return None
        if len(path) > len(prefix) and path[len(prefix)] != "/":
            return None
        return len(self.value)


@dataclass(frozen=True, slots=True)
class RegexPath:
    pattern: Pattern

    def length(self, path: str) -> int | None:
        return len(path) if self.pattern.matches(path) else None


PathMatch = ExactPath | PrefixPath | RegexPath


@dataclass(frozen=True, slots=True)
class HeaderMatch:
    """One header: any one of its repeated values may be the one that matches."""

    name: str
    """Lower case."""
    value: bytes | Pattern

    def matches(self, headers: HeadersLike) -> bool:
        wanted = self.value
        if isinstance(wanted, bytes):
            return wanted in headers.get_all(self.name)
        return any(wanted.matches(value.decode("latin-1")) for value in headers.get_all(self.name))


@dataclass(frozen=True, slots=True)
class QueryMatch:
    name: str
    value: str | Pattern

    def matches(self, query: Sequence[tuple[str, str]]) -> bool:
        wanted = self.value
        for name, value in query:
            if name == self.name and (
                value == wanted if isinstance(wanted, str) else wanted.matches(value)
            ):
                return True
        return False


# --- one match of a rule ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class HttpMatch:
    """All conditions hold together; an empty match means every request, ranked like `/`."""

    path: PathMatch | None = None
    headers: tuple[HeaderMatch, ...] = ()
    query: tuple[QueryMatch, ...] = ()
    method: str | None = None

    @property
    def is_everything(self) -> bool:
        return not (self.headers or self.query or self.method) and (
            self.path is None or (isinstance(self.path, PrefixPath) and self.path.value == "/")
        )

    def rank(self, request: RequestLike) -> tuple[int, ...] | None:
        """How specifically this match means the request; None when it does not."""
        if self.method is not None and request.method != self.method:
            return None
        path, _, query = request.path.partition("?")
        length = 1
        if self.path is not None:
            matched = self.path.length(path)
            if matched is None:
                return None
            length = matched
        if not all(header.matches(request.headers) for header in self.headers):
            return None
        if self.query:
            pairs = parse_qsl(query, keep_blank_values=True)
            if not all(wanted.matches(pairs) for wanted in self.query):
                return None
        return (length, len(self.headers), len(self.query), 1 if self.method else 0)


EVERYTHING = HttpMatch()
"""The match of every rule that has none: always this one, for what follows from a match is remembered."""


@dataclass(frozen=True, slots=True)
class GrpcMatch:
    """POST to `/service/method`; an empty service or method means any."""

    service: str = ""
    method: str = ""
    headers: tuple[HeaderMatch, ...] = ()

    @property
    def is_everything(self) -> bool:
        return False

    def rank(self, request: RequestLike) -> tuple[int, ...] | None:
        if request.method != "POST":
            return None
        empty, _, rest = request.path.partition("?")[0].partition("/")
        service, slash, method = rest.partition("/")
        if empty or not slash or not service or not method or "/" in method:
            return None
        if (self.service and service != self.service) or (self.method and method != self.method):
            return None
        if not all(header.matches(request.headers) for header in self.headers):
            return None
        return (len(self.service), len(self.method), len(self.headers))


Match = HttpMatch | GrpcMatch


# --- the choice among routes -----------------------------------------------------------------


class RuleLike(Protocol):
    @property
    def matches(self) -> tuple[Match, ...]: ...
    @property
    def filters(self) -> tuple[Filter, ...]: ...


_R = TypeVar("_R", bound=RuleLike, covariant=True)


class RouteLike(Protocol[_R]):
    @property
    def meta(self) -> Meta: ...
    @property
    def hosts(self) -> tuple[HostMatch, ...]: ...
    @property
    def rules(self) -> tuple[_R, ...]: ...


_Route = TypeVar("_Route", bound=RouteLike[RuleLike])


def find(routes: Sequence[_Route], request: RequestLike) -> tuple[_Route, int, Match] | None:
    """The winning route, the index of its rule, and the match that won; None when no route fits.

    One route for everything, which is what a Service without routes has, costs no comparison.
    """
    if takes_everything(routes):
        only = routes[0]
        matches = only.rules[0].matches
        return only, 0, matches[0] if matches else EVERYTHING
    host = host_of(request.authority)
    best: tuple[tuple[int, ...], _Route, int, Match] | None = None
    for route in routes:
        host_rank = _host_rank(route.hosts, host)
        if host_rank is None:
            continue
        for index, rule in enumerate(route.rules):
            for match in rule.matches or (EVERYTHING,):
                rank = match.rank(request)
                if rank is not None and (best is None or (*host_rank, *rank) > best[0]):
                    best = ((*host_rank, *rank), route, index, match)
    return None if best is None else best[1:]


def find_host(routes: Sequence[_Route], host: str | None) -> _Route | None:
    """The route whose hosts mean this one best; a client that names none fits routes without hosts."""
    best: tuple[tuple[int, int], _Route] | None = None
    for route in routes:
        rank = (0, 0) if not route.hosts else None
        if host is not None:
            rank = _host_rank(route.hosts, host)
        if rank is not None and (best is None or rank > best[0]):
            best = (rank, route)
    return None if best is None else best[1]


def takes_everything(routes: Sequence[RouteLike[RuleLike]]) -> bool:
    """Whether there is but one route and it means every request."""
    if len(routes) != 1 or routes[0].hosts or len(routes[0].rules) != 1:
        return False
    matches = routes[0].rules[0].matches
    return not matches or (len(matches) == 1 and matches[0].is_everything)


def _host_rank(hosts: tuple[HostMatch, ...], host: str) -> tuple[int, int] | None:
    if not hosts:
        return (0, 0)
    return max((rank for rank in (match.rank(host) for match in hosts) if rank), default=None)
