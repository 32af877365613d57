"""What the policy of one destination says to do with a request or connection: route and backend."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from proxy.codec.message import HTTP_2
from proxy.discovery.policy import (
    Backend,
    Balancer,
    DistributionKind,
    Failing,
    Forward,
    Meta,
    Protocol,
    Timeouts,
)
from proxy.net.failure import Failure
from proxy.outbound.concrete import Balanced, Concrete, Failed, Forwarded
from proxy.outbound.course import Course, Plan, classification
from proxy.outbound.hostnames import Hostnames
from proxy.stack.budget import Budget
from proxy.stack.filters import Forbidden, Invalid
from proxy.stack.match import EVERYTHING, find, find_host, takes_everything
from weft import errors
from weft.addresses import SocketAddress

if TYPE_CHECKING:
    from proxy.codec.message import RequestHead
    from proxy.discovery.cache import Target
    from proxy.discovery.policy import Route, Rule
    from proxy.discovery.profile import ProfileRoute
    from proxy.outbound.accept import Outbound
    from proxy.outbound.endpoint import EndpointClient
    from proxy.outbound.metrics import StreamMetrics
    from proxy.stack.filters import Filter
    from proxy.stack.match import Match
    from proxy.telemetry.registry import Labels


LINGER = 60.0
"""Seconds that a backend which no route names stays open for requests from before."""


class Logical:
    """One destination address: its routes, and the backends they lead to.

    Follows the target as it changes; backends that stay the same keep their endpoints and
    connections. A ServiceProfile with routes or a traffic split takes the place of the policy for
    HTTP; without any of them it changes nothing.
    """

    __slots__ = (
        "_backends",
        "_budget",
        "_cancel",
        "_closed",
        "_hostnames",
        "_outbound",
        "_plans",
        "_streams",
        "connections",
        "destination",
        "idle_since",
        "only",
        "target",
    )

    def __init__(self, outbound: Outbound, target: Target) -> None:
        """Takes over one use of the target, which `close` ends."""
        self.target = target
        self.connections = 0
        self.idle_since = 0.0
        self._outbound = outbound
        self._backends: dict[Backend, Concrete] = {}
        self._hostnames = Hostnames(enabled=outbound.settings.hostname_labels)
        self._plans: dict[tuple[int, str], tuple[object, Plan]] = {}
        """By the identity of the rule or profile route, which is held so that it stays one, and
        the host name under which its requests are counted."""
        self._streams: dict[tuple[int, str], tuple[object, StreamMetrics]] = {}
        """By the identity of the route, in the same way."""
        self._budget: Budget | None = None
        self._closed = False
        self.only: dict[bool, Course] = {}
        """Where every request goes, by whether it is HTTP/2, once known to be the same for all
        and to need nothing else."""
        self.destination: str | None = None
        """What a ServiceProfile calls the destination; None where none is in force."""
        self._cancel = target.watch(self._changed)
        self._read_profile()

    @property
    def protocol(self) -> Protocol:
        if self.target.profile.opaque:
            return Protocol.OPAQUE
        return self.target.policy.protocol

    @property
    def needs_http(self) -> bool:
        """Whether somebody wrote HTTP routes: what is not HTTP must not slip past them. Opaque ports have
        none, even where ingress mode looks for HTTP on them."""
        if self.protocol is Protocol.OPAQUE:
            return False
        policy = self.target.policy
        routes = (*policy.http1, *policy.http2)
        return any(route.meta.kind != DEFAULT for route in routes)

    # --- requests -------------------------------------------------------------------------

    def routes(self, head: RequestHead) -> tuple[Route, ...]:
        """The routes that speak of requests of this version."""
        policy = self.target.policy
        if policy.protocol is Protocol.GRPC:
            return policy.grpc
        if head.version == HTTP_2 and policy.protocol is not Protocol.HTTP1:
            routes = policy.http2
        else:
            routes = policy.http1
        if not routes and policy.protocol is Protocol.OPAQUE and self._outbound.settings.ingress:
            # Found to be HTTP by ingress mode: it goes where its bytes would.
            return policy.opaque
        return routes

    def plan(self, head: RequestHead) -> tuple[Plan, Match]:
        """What to do with a request, and what of it decided so. Raises Failure for no route."""
        if self.destination is not None:
            return self._profile_plan(self.target.profile.route(head)), EVERYTHING
        routes = self.routes(head)
        found = find(routes, head)
        if found is None:
            raise Failure(errors.ROUTE_NOT_FOUND, str(self.target.address))
        route, index, match = found
        plan = self._policy_plan(route, route.rules[index], self._hostnames.of(head.authority))
        if plan.only is not None and takes_everything(routes) and not self._hostnames.matter:
            self.only[head.version == HTTP_2] = plan.only
        return plan, match

    def _policy_plan(self, route: Route, rule: Rule, hostname: str = "") -> Plan:
        known = self._plans.get((id(rule), hostname))
        if known is not None:
            return known[1]
        policy = self.target.policy
        measured = self._outbound.metrics
        grpc = policy.protocol is Protocol.GRPC
        metrics = measured.route(policy.meta, route.meta, hostname, grpc=grpc)
        plan = Plan(
            route.meta.name,
            rule.backends.kind,
            metrics,
            filters=rule.filters,
            timeouts=rule.timeouts,
            retry=rule.retry,
            allow_wishes=rule.allow_l5d_request_headers,
        )
        plan.offer(
            tuple(
                Course(
                    plan,
                    self._concrete(one.backend),
                    one.weight,
                    one.filters,
                    _authority(one.backend),
                    (
                        metrics.view,
                        measured.backend(policy.meta, route.meta, one.backend.meta, grpc=grpc),
                    ),
                )
                for one in rule.backends.backends
            )
        )
        self._plans[id(rule), hostname] = (rule, plan)
        return plan

    def _profile_plan(self, route: ProfileRoute | None) -> Plan:
        known = self._plans.get((id(route), ""))
        if known is not None:
            return known[1]
        assert self.destination is not None
        measured = self._outbound.metrics
        labels = route.labels if route is not None else ()
        metrics = measured.profile(self.destination, labels, classification(route))
        plan = Plan(
            f"{self.destination} {dict(labels).get('rt_route', '')}".rstrip(),
            DistributionKind.RANDOM_AVAILABLE,
            metrics,
            timeouts=Timeouts(request=route.timeout if route is not None else None),
            budget=self._budget if route is not None and route.retryable else None,
            profile_route=route,
        )
        views = (metrics.view, measured.profile_tries(self.destination, labels))
        plan.offer(
            tuple(
                Course(plan, self._concrete(backend), weight, (), _authority(backend), views)
                for backend, weight in self._profile_backends()
            )
        )
        self._plans[id(route), ""] = (route, plan)
        return plan

    def _profile_backends(self) -> list[tuple[Backend, int]]:
        """The split, or the Service itself."""
        profile = self.target.profile
        parent = profile.parent or Meta.default("profile")
        assert self.destination is not None
        targets = profile.targets or ((self.destination, 1),)
        queue = self._outbound.settings.http_queue
        return [
            (
                Backend(parent, Balancer(authority), queue.capacity, queue.failfast_timeout),
                weight,
            )
            for authority, weight in targets
        ]

    def _read_profile(self) -> None:
        profile = self.target.profile
        self.destination = None
        if profile.name is not None and (profile.routes or profile.targets):
            self.destination = f"{profile.name}:{self.target.address.port}"
        terms = profile.retry_budget if self.destination is not None else None
        if terms is None:
            self._budget = None
        elif self._budget is None or self._budget.terms != terms:
            self._budget = Budget(terms, self._outbound.reactor.clock())

    # --- connections ----------------------------------------------------------------------

    def connect(self, server_name: str | None = None) -> Concrete:
        """The backend of a connection nobody looks into, beyond the name that its TLS asks for.
        Raises Failure when there is none."""
        route = self._stream_route(server_name)
        rule = route.rules[0]
        self._refuse_by(rule.filters, route)
        if self.target.profile.name is not None and self.target.profile.targets:
            # Of a ServiceProfile only the split means anything to bytes.
            plan = self._profile_plan(None)
        else:
            plan = self._policy_plan(route, rule)
        course = plan.choose()
        self._refuse_by(course.filters, route)
        return course.concrete

    def stream(self, server_name: str | None = None) -> StreamMetrics:
        """Where such a connection is counted. Raises Failure when no route takes it."""
        route = self._stream_route(server_name)
        hostname = self._hostnames.of(server_name)
        known = self._streams.get((id(route), hostname))
        if known is None:
            policy = self.target.policy
            tls = policy.protocol is Protocol.TLS
            address = self.target.address
            made = self._outbound.metrics.stream(
                policy.meta, route.meta, address, hostname, tls=tls
            )
            known = self._streams[id(route), hostname] = route, made
        return known[1]

    def _stream_route(self, server_name: str | None) -> Route:
        policy = self.target.policy
        if policy.protocol is Protocol.TLS and not self.target.profile.opaque:
            found = find_host(policy.tls, server_name)
        else:
            found = next(iter(policy.opaque or policy.tls), None)
        if found is None or not found.rules:
            asked = f", server name {server_name}" if server_name else ""
            raise Failure(errors.ROUTE_NOT_FOUND, f"{self.target.address}{asked}")
        return found

    def _refuse_by(self, filters: tuple[Filter, ...], route: Route) -> None:
        for item in filters:
            if isinstance(item, Forbidden):
                raise Failure(errors.FORBIDDEN_ROUTE, f"{self.target.address}: {route.meta.name}")
            if isinstance(item, Invalid):
                raise Failure(errors.INVALID_POLICY, item.message)

    # --- backends -------------------------------------------------------------------------

    def _concrete(self, backend: Backend) -> Concrete:
        concrete = self._backends.get(backend)
        if concrete is None:
            concrete = self._backends[backend] = self._make(backend)
        return concrete

    def _make(self, backend: Backend) -> Concrete:
        dispatcher = backend.dispatcher
        if isinstance(dispatcher, Forward):
            return Forwarded(self._outbound, dispatcher.endpoint)
        if isinstance(dispatcher, Balancer):
            measured = self._outbound.metrics.balancer(
                self.target.policy.meta, backend.meta, backend.failfast_timeout
            )
            return Balanced(self._outbound, backend, dispatcher, measured)
        assert isinstance(dispatcher, Failing)
        return Failed(dispatcher.message)

    def _changed(self) -> None:
        """The target's profile or policy is another one."""
        self._plans.clear()
        self._streams.clear()
        self._hostnames.clear()
        self.only.clear()
        self._read_profile()
        if isinstance(self.target.address, SocketAddress):
            self._outbound.verdicts.forget(self.target.address)
        self._drop_backends()

    def _drop_backends(self) -> None:
        """Let go of those that no route names any more."""
        policy = self.target.policy
        named = {
            route_backend.backend
            for routes in (policy.http1, policy.http2, policy.grpc, policy.opaque, policy.tls)
            for route in routes
            for rule in route.rules
            for route_backend in rule.backends.backends
        }
        if self.destination is not None:
            named |= {backend for backend, _weight in self._profile_backends()}
        for backend in self._backends.keys() - named:
            self._backends.pop(backend).close(partial(self._again, backend))

    def _again(self, backend: Backend) -> Concrete:
        """A backend that was dropped, for a request from before, which began under another policy."""
        if self._closed:
            return Failed(f"{self.target.address} is not in use any more")
        if backend not in self._backends:
            self._outbound.reactor.call_later(LINGER, self._drop_backends)
        return self._concrete(backend)

    def show(self) -> None:
        """Bring the metrics of its backends up to date. Parts of a split have the same labels, and so have
        the balancers of a Service's requests and of its bytes, which know the same endpoints."""
        alike: dict[Meta, dict[object, list[Balanced]]] = {}
        for backend, concrete in self._backends.items():
            if isinstance(concrete, Balanced):
                parts = alike.setdefault(backend.meta, {})
                parts.setdefault(backend.dispatcher, []).append(concrete)
        for parts in alike.values():
            most = [max(one.counts for one in same) for same in parts.values()]
            together = [one for same in parts.values() for one in same]
            ready = sum(counts[0] for counts in most)
            pending = sum(counts[1] for counts in most)
            waiting = sum(one.counts[2] for one in together)
            for one in together:
                one.show(ready=ready, pending=pending, waiting=waiting)

    def forget(self, client: EndpointClient) -> None:
        """An endpoint is gone for good."""
        for _rule, plan in self._plans.values():
            for course in plan.courses:
                course.measured.pop(client, None)

    def close(self) -> None:
        self._closed = True
        self._cancel()
        for concrete in self._backends.values():
            concrete.close()
        self._backends.clear()
        self._outbound.discovery.release(self.target)

    def __repr__(self) -> str:
        return f"<Logical {self.target.address}: {list(self._backends.values())}>"


DEFAULT = Meta.default("").kind


def _authority(backend: Backend) -> Labels:
    """The `authority` of requests that are balanced; forwarded ones have none."""
    dispatcher = backend.dispatcher
    return (("authority", dispatcher.authority),) if isinstance(dispatcher, Balancer) else ()
