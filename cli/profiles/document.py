"""Routes -> a ServiceProfile. Pure."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from weft.authority import service_name

Json = dict[str, Any]
VERSION = "linkerd.io/v1alpha2"
KIND = "ServiceProfile"
FIRST_FAILURE = 500
_SPECIAL = re.compile(r"[\\.+*?()|\[\]{}^$]")
_PARAMETER = re.compile(r"\{[^}]*\}")


@dataclass(frozen=True, slots=True)
class Service:
    """Whose profile it is."""

    name: str
    namespace: str
    cluster_domain: str

    @property
    def profile_name(self) -> str:
        return service_name(self.name, self.namespace, cluster_domain=self.cluster_domain)


@dataclass(frozen=True, slots=True)
class Statuses:
    """Responses with a status from `first` to `last`; from 500 on they are failures."""

    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Route:
    name: str
    method: str
    path: str
    """With `{}` around what may be anything but a slash."""
    responses: tuple[Statuses, ...] = ()
    retryable: bool = False
    timeout: str = ""
    """As Go writes durations; empty for none."""


def service_profile(service: Service, routes: Iterable[Route]) -> Json:
    """The object, as `kubectl apply` takes it."""
    return {
        "apiVersion": VERSION,
        "kind": KIND,
        "metadata": {"name": service.profile_name, "namespace": service.namespace},
        "spec": {"routes": [_route(one) for one in routes]},
    }


def path_regex(path: str) -> str:
    """`/books/{id}.json` -> `/books/[^/]*\\.json`. Only what every dialect escapes is escaped."""
    return "[^/]*".join(_SPECIAL.sub(r"\\\g<0>", part) for part in _PARAMETER.split(path))


def _route(route: Route) -> Json:
    found: Json = {
        "name": route.name,
        "condition": {"method": route.method, "pathRegex": path_regex(route.path)},
    }
    if route.responses:
        found["responseClasses"] = [_response_class(one) for one in route.responses]
    if route.retryable:
        found["isRetryable"] = True
    if route.timeout:
        found["timeout"] = route.timeout
    return found


def _response_class(one: Statuses) -> Json:
    condition = {"status": {"min": one.first, "max": one.last}}
    failed = {"isFailure": True} if one.first >= FIRST_FAILURE else {}
    return {"condition": condition, **failed}
