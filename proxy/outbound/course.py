"""The course of a request: the plan its route or profile makes for it, and the backend it goes to.

Everything that can be known before a request comes is worked out here, once per route, backend and
endpoint: the path of a request only looks up and adds.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from proxy.discovery.policy import DistributionKind, Timeouts
from proxy.net.failure import Failure
from weft import errors
from weft.classification import is_success

if TYPE_CHECKING:
    from proxy.discovery.policy import Retry
    from proxy.discovery.profile import ProfileRoute
    from proxy.outbound.concrete import Concrete
    from proxy.outbound.endpoint import EndpointClient
    from proxy.outbound.metrics import PlanMetrics
    from proxy.stack.budget import Budget
    from proxy.stack.filters import Filter
    from proxy.telemetry.registry import Labels
    from proxy.telemetry.request import Classify, RequestMetrics, View


class Course:
    """One backend of a plan."""

    __slots__ = ("concrete", "filters", "labels", "measured", "plan", "views", "weight")

    def __init__(
        self,
        plan: Plan,
        concrete: Concrete,
        weight: int,
        filters: tuple[Filter, ...],
        labels: Labels,
        views: tuple[View, ...],
    ) -> None:
        """`labels` come with every endpoint's own; `views` are the other faces of the same count."""
        self.plan = plan
        self.concrete = concrete
        self.weight = weight
        self.filters = filters
        self.labels = labels
        self.views = views
        self.measured: dict[EndpointClient, RequestMetrics] = {}

    def measure(self, client: EndpointClient) -> RequestMetrics:
        """What is counted of requests that go to this endpoint; resolved once."""
        found = self.measured.get(client)
        if found is None:
            found = self.measured[client] = client.metrics(
                self.labels, self.views, self.plan.is_success
            )
        return found

    def __repr__(self) -> str:
        return f"<Course {self.plan!r} to {self.concrete!r}>"


class Plan:
    """What a rule of a route, or a route of a ServiceProfile, wants done with a request."""

    __slots__ = (
        "_kind",
        "_weights",
        "allow_wishes",
        "budget",
        "courses",
        "filters",
        "is_success",
        "metrics",
        "name",
        "only",
        "retry",
        "timeouts",
    )

    def __init__(
        self,
        name: str,
        kind: DistributionKind,
        metrics: PlanMetrics,
        *,
        filters: tuple[Filter, ...] = (),
        timeouts: Timeouts = Timeouts(),  # noqa: B008 (frozen)
        retry: Retry | None = None,
        allow_wishes: bool = False,
        budget: Budget | None = None,
        profile_route: ProfileRoute | None = None,
    ) -> None:
        """`courses` are added before use. `budget`: failures are retried as far as it lasts."""
        self.name = name
        self.metrics = metrics
        self.filters = filters
        self.timeouts = timeouts
        self.retry = retry
        self.allow_wishes = allow_wishes
        self.budget = budget
        self.courses: tuple[Course, ...] = ()
        self.only: Course | None = None
        """Where every request goes, when there is nothing to choose and nothing to do besides."""
        self._kind = kind
        self.is_success = classification(profile_route)
        """Whether a response with an HTTP status, and a gRPC status if it has one, is one."""
        self._weights: list[int] = []

    def offer(self, courses: tuple[Course, ...]) -> None:
        """Set the backends there are."""
        self.courses = courses
        self._weights = [course.weight for course in courses]
        self.only = courses[0] if self.is_plain else None

    @property
    def is_plain(self) -> bool:
        """Whether requests are only forwarded."""
        return (
            len(self.courses) == 1
            and self.courses[0].weight > 0
            and not self.filters
            and not self.courses[0].filters
            and self.timeouts == Timeouts()
            and self.retry is None
            and not self.allow_wishes
            and self.metrics.is_policy
        )

    def choose(self) -> Course:
        """The backend for a try. Raises Failure when there is none."""
        courses = self.courses
        if not courses:
            raise Failure(errors.NO_BACKEND, self.name)
        if self._kind is DistributionKind.FIRST_AVAILABLE:
            for course in courses:
                if course.concrete.available:
                    return course
            return courses[0]
        if not any(self._weights):
            raise Failure(errors.NO_BACKEND, "every backend has weight 0")
        return random.choices(courses, self._weights)[0]  # noqa: S311 (load, not secrets)

    def __repr__(self) -> str:
        return f"<Plan {self.name}>"


def classification(route: ProfileRoute | None) -> Classify:
    """What a response means: a ServiceProfile's route may say so."""
    if route is None or not route.response_classes:
        return is_success

    def judge(status: int, grpc: int | None) -> bool:
        failure = route.failure(status)
        return is_success(status, grpc) if failure is None else not failure

    return judge
