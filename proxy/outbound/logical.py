"""What the policy of one destination says to do with a request or connection: route and backend."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from proxy.codec.message import HTTP_2
from proxy.discovery.policy import Balancer, DistributionKind, Failing, Forward, Protocol
from proxy.net.failure import Failure
from proxy.outbound.concrete import Balanced, Concrete, Failed, Forwarded
from proxy.stack.filters import Forbidden, Invalid
from proxy.stack.match import find, takes_everything
from weft import errors

if TYPE_CHECKING:
    from proxy.codec.message import RequestHead
    from proxy.discovery.cache import Target
    from proxy.discovery.policy import Backend, Distribution, Route, RouteBackend, Rule
    from proxy.outbound.accept import Outbound


class Logical:
    """One destination address: its routes, and the backends they lead to.

    Follows the target as it changes; backends that stay the same keep their endpoints and
    connections.
    """

    __slots__ = (
        "_backends",
        "_cancel",
        "_outbound",
        "_simple",
        "connections",
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
        self._simple: dict[int, tuple[Rule, Concrete]] = {}
        self.only: dict[bool, tuple[Rule, Concrete]] = {}
        """Where every request goes, by whether it is HTTP/2, once known to be the same for all."""
        self._cancel = target.watch(self._changed)

    @property
    def protocol(self) -> Protocol:
        if self.target.profile.opaque:
            return Protocol.OPAQUE
        return self.target.policy.protocol

    # --- requests -------------------------------------------------------------------------

    def routes(self, head: RequestHead) -> tuple[Route, ...]:
        """The routes that speak of requests of this version."""
        policy = self.target.policy
        if policy.protocol is Protocol.GRPC:
            return policy.grpc
        if head.version == HTTP_2 and policy.protocol is not Protocol.HTTP1:
            return policy.http2
        return policy.http1

    def route(self, head: RequestHead) -> tuple[Rule, Concrete]:
        """The rule and backend of a request. Raises Failure when there is none."""
        routes = self.routes(head)
        found = find(routes, head)
        if found is None:
            raise Failure(errors.ROUTE_NOT_FOUND, str(self.target.address))
        rule = found[0].rules[found[1]]
        simple = self._simple.get(id(rule))
        if simple is None:
            distribution = rule.backends
            concrete = self._choose(distribution)
            simple = (rule, concrete)
            if len(distribution.backends) == 1:
                self._simple[id(rule)] = simple
                if takes_everything(routes):
                    self.only[head.version == HTTP_2] = simple
        return simple

    # --- connections ----------------------------------------------------------------------

    def connect(self) -> Concrete:
        """The backend of a connection nobody looks into. Raises Failure when there is none."""
        policy = self.target.policy
        routes: tuple[Route, ...] = policy.opaque or policy.tls
        if not routes or not routes[0].rules:
            raise Failure(errors.ROUTE_NOT_FOUND, str(self.target.address))
        rule = routes[0].rules[0]
        for item in rule.filters:
            if isinstance(item, Forbidden):
                raise Failure(
                    errors.FORBIDDEN_ROUTE, f"{self.target.address}: {routes[0].meta.name}"
                )
            if isinstance(item, Invalid):
                raise Failure(errors.INVALID_POLICY, item.message)
        return self._choose(rule.backends)

    # --- backends -------------------------------------------------------------------------

    def _choose(self, distribution: Distribution) -> Concrete:
        backends = distribution.backends
        if distribution.kind is DistributionKind.EMPTY or not backends:
            raise Failure(errors.NO_BACKEND, str(self.target.address))
        if distribution.kind is DistributionKind.FIRST_AVAILABLE:
            for backend in backends:
                concrete = self._concrete(backend)
                if concrete.available:
                    return concrete
            return self._concrete(backends[0])
        weights = [backend.weight for backend in backends]
        if not any(weights):
            raise Failure(errors.NO_BACKEND, "every backend has weight 0")
        return self._concrete(random.choices(backends, weights)[0])  # noqa: S311 (load, not secrets)

    def _concrete(self, route_backend: RouteBackend) -> Concrete:
        backend = route_backend.backend
        concrete = self._backends.get(backend)
        if concrete is None:
            concrete = self._backends[backend] = self._make(backend)
        return concrete

    def _make(self, backend: Backend) -> Concrete:
        dispatcher = backend.dispatcher
        if isinstance(dispatcher, Forward):
            return Forwarded(self._outbound, dispatcher.endpoint)
        if isinstance(dispatcher, Balancer):
            return Balanced(self._outbound, backend, dispatcher)
        assert isinstance(dispatcher, Failing)
        return Failed(dispatcher.message)

    def _changed(self) -> None:
        """The target's profile or policy is another one."""
        self._simple.clear()
        self.only.clear()
        policy = self.target.policy
        named = {
            route_backend.backend
            for routes in (policy.http1, policy.http2, policy.grpc, policy.opaque, policy.tls)
            for route in routes
            for rule in route.rules
            for route_backend in rule.backends.backends
        }
        for backend in self._backends.keys() - named:
            self._backends.pop(backend).close()

    def close(self) -> None:
        self._cancel()
        for concrete in self._backends.values():
            concrete.close()
        self._backends.clear()
        self._outbound.discovery.release(self.target)

    def __repr__(self) -> str:
        return f"<Logical {self.target.address}: {list(self._backends.values())}>"
