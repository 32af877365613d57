"""What a destination address is: the plain form of a `DestinationProfile`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from proxy.discovery.endpoints import Endpoint
    from proxy.stack.budget import RetryBudget
    from proxy.stack.match import RequestLike
    from proxy.stack.meta import Meta
    from weft.patterns import Pattern

# --- request conditions: a tree -------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PathRegex:
    """The whole path, query left out, matches."""

    pattern: Pattern

    def holds(self, request: RequestLike) -> bool:
        return self.pattern.matches(request.path.partition("?")[0])


@dataclass(frozen=True, slots=True)
class MethodIs:
    method: str

    def holds(self, request: RequestLike) -> bool:
        return request.method == self.method


@dataclass(frozen=True, slots=True)
class AllOf:
    conditions: tuple[Condition, ...]

    def holds(self, request: RequestLike) -> bool:
        return all(condition.holds(request) for condition in self.conditions)


@dataclass(frozen=True, slots=True)
class AnyOf:
    conditions: tuple[Condition, ...]

    def holds(self, request: RequestLike) -> bool:
        return any(condition.holds(request) for condition in self.conditions)


@dataclass(frozen=True, slots=True)
class Not:
    condition: Condition

    def holds(self, request: RequestLike) -> bool:
        return not self.condition.holds(request)


Condition = PathRegex | MethodIs | AllOf | AnyOf | Not


# --- response conditions --------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class StatusIn:
    """Both ends included."""

    minimum: int
    maximum: int

    def holds(self, status: int) -> bool:
        return self.minimum <= status <= self.maximum


@dataclass(frozen=True, slots=True)
class AllStatuses:
    conditions: tuple[StatusCondition, ...]

    def holds(self, status: int) -> bool:
        return all(condition.holds(status) for condition in self.conditions)


@dataclass(frozen=True, slots=True)
class AnyStatus:
    conditions: tuple[StatusCondition, ...]

    def holds(self, status: int) -> bool:
        return any(condition.holds(status) for condition in self.conditions)


@dataclass(frozen=True, slots=True)
class NotStatus:
    condition: StatusCondition

    def holds(self, status: int) -> bool:
        return not self.condition.holds(status)


StatusCondition = StatusIn | AllStatuses | AnyStatus | NotStatus


# --- the profile ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ProfileRoute:
    """One route of a ServiceProfile; the first whose condition holds is the request's route."""

    condition: Condition
    labels: tuple[tuple[str, str], ...] = ()
    """Already `rt_`-prefixed, sorted by name."""
    response_classes: tuple[tuple[StatusCondition, bool], ...] = ()
    """Conditions with whether they mean failure; the first that holds decides."""
    retryable: bool = False
    timeout: float | None = None
    """Seconds for the whole response, retries included."""

    def failure(self, status: int) -> bool | None:
        """Whether this route calls the status a failure; None when it has no opinion."""
        for condition, is_failure in self.response_classes:
            if condition.holds(status):
                return is_failure
        return None


@dataclass(frozen=True, slots=True)
class Profile:
    """What the control plane says of one destination address."""

    name: str | None = None
    """`web.emojivoto.svc.cluster.local` when the address is a Service's."""
    opaque: bool = False
    """The port speaks a protocol that must not be looked at."""
    endpoint: Endpoint | None = None
    """Set when the address is one endpoint, not a Service."""
    routes: tuple[ProfileRoute, ...] = ()
    retry_budget: RetryBudget | None = None
    targets: tuple[tuple[str, int], ...] = ()
    """Traffic split: authority with weight in 1/10,000; empty means the Service itself."""
    parent: Meta | None = field(default=None)
    """The Service behind the name, with its port."""

    def route(self, request: RequestLike) -> ProfileRoute | None:
        for route in self.routes:
            if route.condition.holds(request):
                return route
        return None
