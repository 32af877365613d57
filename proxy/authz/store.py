"""The policy of each inbound port: a cell that starts with the default and follows the controller."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol
from weakref import finalize

from proxy.stack.lately import Lately
from proxy.watchers import Watchers

if TYPE_CHECKING:
    from collections.abc import Callable

    from proxy.authz.policy import ServerPolicy
    from proxy.watchers import Cancel


class PolicyCell:
    """The policy of one port, which changes under its readers."""

    __slots__ = ("__weakref__", "_watchers", "current", "known", "port", "version")

    def __init__(self, port: int, default: ServerPolicy) -> None:
        self.port = port
        self.current = default
        self.version = 0
        """Bumped on every change; a connection re-checks its authorization when it differs."""
        self.known = False
        """True once the policy controller answered; until then `current` is the default."""
        self._watchers = Watchers(f"policy of port {port}")

    def watch(self, callback: Callable[[], None]) -> Cancel:
        """Run `callback` after every change until cancelled."""
        return self._watchers.add(callback)

    def update(self, policy: ServerPolicy) -> None:
        self.known = True
        if policy == self.current:
            return
        self.current = policy
        self.version += 1
        self._watchers.notify()

    def __repr__(self) -> str:
        return f"<PolicyCell {self.port}: {self.current.meta.name}, version {self.version}>"


class Source(Protocol):
    """Where policies come from."""

    def watch_port(self, cell: PolicyCell) -> Cancel:
        """Keep the cell up to date until cancelled; must not keep it alive, nor may the answer."""


class InboundPolicies:
    """The ports met lately: a client that tries every port of a pod must not leave a stream behind for
    each. A stream ends with its cell."""

    def __init__(self, source: Source, default: Callable[[int], ServerPolicy]) -> None:
        """`default` makes the policy a port has until the controller answers."""
        self._source = source
        self._default = default
        self._cells = Lately(self._watch)

    def port(self, port: int) -> PolicyCell:
        """The cell of a port, watched from now on."""
        return self._cells.find(port)

    def sweep(self) -> None:
        """Let go of what was not asked for since the sweep before; to be called now and then."""
        self._cells.sweep()

    def _watch(self, port: int) -> PolicyCell:
        cell = PolicyCell(port, self._default(port))
        finalize(cell, self._source.watch_port(cell)).atexit = False
        return cell

    def __repr__(self) -> str:
        return f"<InboundPolicies: {len(self._cells)} ports>"
