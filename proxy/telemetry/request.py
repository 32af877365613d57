"""Counts and latencies of HTTP requests. One `RequestMetrics` per route, endpoint and TLS.

metrics = families.requests(view, ...)          # when the route or connection is set up
metrics.requests += 1                           # a request began
tally = metrics.outcomes.get(key) or metrics.outcome(key)
tally.observe(milliseconds)                     # its response ended; key = (status, grpc, error)
metrics.response_frames                         # where pieces of its body are counted
metrics.waits.correct(counted, waited)          # its request's body took its time

A view is one face of the same requests: per endpoint, per backend, per route. Where a request may
be tried more than once, some views count tries and others the request as a whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import Enum
from itertools import chain
from typing import TYPE_CHECKING, Protocol

from proxy.telemetry.frames import FrameSizes
from proxy.telemetry.tally import Ledger, Tally
from proxy.telemetry.waits import Waits
from weft.metrics import REQUEST_TOTAL, RESPONSE_LATENCY_MS, RESPONSE_TOTAL

if TYPE_CHECKING:
    from proxy.telemetry.frames import Sizes
    from proxy.telemetry.registry import Counter, Family, Histogram, Labels, Registry

    Shown = tuple[Counter, tuple[Histogram, ...]]

Ending = tuple[int, int | None, str | None]
"""HTTP status (0: none was sent), gRPC status if there is one, our error's name if it was ours."""

MAX_ENDINGS = 128
"""Endings that one label set tells apart: there are some sixty HTTP statuses, seventeen gRPC codes and
under forty errors of ours. A peer may combine them, and make up statuses, to tens of thousands; each
would be held, and looked at whenever metrics are read."""

Classify = Callable[[int, int | None], bool]
"""Whether an HTTP status, or a gRPC status if there is one, is a success."""


class Scope(Enum):
    BOTH = "a request of one try"
    TRY = "a try that another followed"
    WHOLE = "a request of several tries"


class View(Protocol):
    """One face of a label set."""

    @property
    def per_try(self) -> bool: ...

    def request(self) -> Counter | None:
        """Where requests are counted when they begin."""

    def response(self, ending: Ending, success: bool) -> Shown: ...

    def overflow(self) -> Shown:
        """Where responses show whose endings are not told apart."""

    def request_sizes(self) -> tuple[Sizes, ...]:
        """Where sizes of pieces of requests show."""

    def response_sizes(self) -> tuple[Sizes, ...]: ...

    def waits(self) -> tuple[Histogram, ...]:
        """Those of its histograms that count from the end of the request."""


class Classified:
    """The older families: `response_total{status_code,classification,grpc_status,error}`."""

    __slots__ = ("_counts", "_labels", "_latencies", "_requests", "per_try")

    def __init__(
        self,
        labels: Labels,
        requests: Family[Counter] | None,
        counts: Family[Counter],
        latencies: Family[Histogram] | None,
        *,
        per_try: bool = True,
    ) -> None:
        self.per_try = per_try
        self._labels = labels
        self._requests = requests
        self._counts = counts
        self._latencies = latencies

    def request(self) -> Counter | None:
        return self._requests.child(self._labels) if self._requests is not None else None

    def response(self, ending: Ending, success: bool) -> Shown:
        status, grpc, error = ending
        labels = self._labels
        if status:
            labels += (("status_code", str(status)),)
        outcome: Labels = (("classification", "success" if success else "failure"),)
        if grpc is not None:
            outcome += (("grpc_status", str(grpc)),)
        if error is not None:
            outcome += (("error", error),)
        latency = (self._latencies.child(labels),) if self._latencies is not None else ()
        return self._counts.child(labels + outcome), latency

    def overflow(self) -> Shown:
        latency = (self._latencies.overflow(),) if self._latencies is not None else ()
        return self._counts.overflow(), latency

    def request_sizes(self) -> tuple[Sizes, ...]:
        return ()

    def response_sizes(self) -> tuple[Sizes, ...]:
        return ()

    def waits(self) -> tuple[Histogram, ...]:
        return ()


class Statuses:
    """The newer families: `*_statuses_total{http_status,error}` and durations."""

    __slots__ = (
        "_durations",
        "_grpc",
        "_labels",
        "_request_sizes",
        "_requests",
        "_response_sizes",
        "_statuses",
        "_waits",
        "per_try",
    )

    def __init__(
        self,
        labels: Labels,
        requests: Family[Counter] | None,
        statuses: Family[Counter],
        durations: Family[Histogram] | None = None,
        *,
        waits: Family[Histogram] | None = None,
        request_sizes: Family[Histogram] | None = None,
        response_sizes: Family[Histogram] | None = None,
        grpc: bool,
        per_try: bool = True,
    ) -> None:
        """`durations` count from a request's head, `waits` from its end.

        `grpc`: the families tell gRPC codes and not HTTP statuses.
        """
        self.per_try = per_try
        self._waits = waits
        self._request_sizes = request_sizes
        self._response_sizes = response_sizes
        self._grpc = grpc
        self._labels = labels
        self._requests = requests
        self._statuses = statuses
        self._durations = durations

    def request(self) -> Counter | None:
        return self._requests.child(self._labels) if self._requests is not None else None

    def response(self, ending: Ending, success: bool) -> Shown:
        status, grpc, error = ending
        if self._grpc:
            shown = ("grpc_status", "" if grpc is None else str(grpc))
        else:
            shown = ("http_status", str(status) if status else "")
        labels = (*self._labels, shown, ("error", error or ""))
        return self._statuses.child(labels), self._times()

    def overflow(self) -> Shown:
        return self._statuses.overflow(), self._times()

    def _times(self) -> tuple[Histogram, ...]:
        """They tell no endings apart."""
        durations = (self._durations.child(self._labels),) if self._durations is not None else ()
        return durations + self.waits()

    def request_sizes(self) -> tuple[Sizes, ...]:
        return ((self._request_sizes, self._labels),) if self._request_sizes is not None else ()

    def response_sizes(self) -> tuple[Sizes, ...]:
        return ((self._response_sizes, self._labels),) if self._response_sizes is not None else ()

    def waits(self) -> tuple[Histogram, ...]:
        return (self._waits.child(self._labels),) if self._waits is not None else ()


class RequestMetrics:
    """The tallies of one label set; each way for a response to end is resolved once."""

    __slots__ = (
        "_classify",
        "_counters",
        "_overflows",
        "_poured",
        "_scoped",
        "_views",
        "outcomes",
        "request_frames",
        "requests",
        "response_frames",
        "waits",
    )

    def __init__(self, views: tuple[View, ...], classify: Classify) -> None:
        self.requests = 0
        """Tries that began."""
        self.outcomes: dict[Ending, Tally] = {}
        """What `outcome` has answered for requests of one try."""
        self.request_frames = FrameSizes(
            tuple(chain.from_iterable(view.request_sizes() for view in views))
        )
        self.response_frames = FrameSizes(
            tuple(chain.from_iterable(view.response_sizes() for view in views))
        )
        self.waits = Waits(tuple(chain.from_iterable(view.waits() for view in views)))
        self._views = views
        self._classify = classify
        self._counters = tuple(one for one in (view.request() for view in views) if one is not None)
        self._poured = 0
        self._scoped: dict[tuple[Ending, Scope], Tally] = {}
        self._overflows: dict[tuple[bool, Scope], Tally] = {}

    def outcome(self, ending: Ending, scope: Scope = Scope.BOTH) -> Tally:
        """Where to count a response that ended like this.

        After `MAX_ENDINGS` of them others are told apart by their success only.
        """
        found = (
            self.outcomes.get(ending) if scope is Scope.BOTH else self._scoped.get((ending, scope))
        )
        if found is not None:
            return found
        status, grpc, error = ending
        success = error is None and self._classify(status, grpc)
        if len(self.outcomes) + len(self._scoped) >= MAX_ENDINGS:
            return self._overflow(success, scope)
        found = _tally(success, [view.response(ending, success) for view in self._showing(scope)])
        if scope is Scope.BOTH:
            self.outcomes[ending] = found
        else:
            self._scoped[ending, scope] = found
        return found

    def _overflow(self, success: bool, scope: Scope) -> Tally:
        found = self._overflows.get((success, scope))
        if found is None:
            found = _tally(success, [view.overflow() for view in self._showing(scope)])
            self._overflows[success, scope] = found
        return found

    def _showing(self, scope: Scope) -> Iterator[View]:
        for view in self._views:
            if scope is Scope.BOTH or view.per_try is (scope is Scope.TRY):
                yield view

    def pour(self) -> None:
        began, self._poured = self.requests - self._poured, self.requests
        for counter in self._counters:
            counter.value += began
        for tally in chain(self.outcomes.values(), self._scoped.values(), self._overflows.values()):
            tally.pour()
        self.request_frames.pour()
        self.response_frames.pour()


def _tally(success: bool, series: list[Shown]) -> Tally:
    return Tally(
        success,
        tuple(counter for counter, _ in series),
        tuple(chain.from_iterable(durations for _, durations in series)),
    )


class HttpMetrics:
    """The three families every request is in, and the ledger of all label sets."""

    def __init__(self, registry: Registry) -> None:
        self._requests = registry.counter(REQUEST_TOTAL)
        self._counts = registry.counter(RESPONSE_TOTAL)
        self._latencies = registry.histogram(RESPONSE_LATENCY_MS)
        self._ledger = Ledger(registry)

    def requests(self, labels: Labels, *views: View, classify: Classify) -> RequestMetrics:
        """Resolve a label set: `direction`, `target_*`, TLS, server and route, or `dst_*`; and
        the other views of the same requests.

        Hold on to the answer: it keeps its series alive, and its outcomes resolved.
        """
        own = Classified(labels, self._requests, self._counts, self._latencies)
        return self.viewed(own, *views, classify=classify)

    def viewed(self, *views: View, classify: Classify) -> RequestMetrics:
        """Only these views."""
        made = RequestMetrics(views, classify)
        self._ledger.enter(made)
        return made
