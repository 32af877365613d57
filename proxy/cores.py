"""More cores than one: a process for each, on the same ports, behind one admin server.

A process of Python uses one core. Where a proxy may use more, the first process, the leader, forks
siblings before anything of it runs. Each has listening sockets of its own on the same ports
(SO_REUSEPORT), so the kernel spreads connections over them, and everything else as well: loop,
certificate, discovery, pools. They share nothing but what rate limits count
(`proxy/stack/shared_rate.py`), and never wait for each other.

The leader alone has the admin port and the tap port. It asks its siblings over socket pairs: by the
requests that an admin server answers anyway (`proxy/admin/together.py`), and for the requests that
somebody watches (`proxy/control/tap_together.py`). It ends them with itself by a signal. A process
that ends by itself takes the others with it: half a proxy is worse than one that starts anew.
"""

from __future__ import annotations

import os
import signal
import socket
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

END = signal.SIGUSR1
"""What the leader tells its siblings; once more means at once."""

_WELL = (0, -END)
"""Told to end before it could listen, a process is ended by the signal itself."""

_PAUSE = 0.01


class EndedError(Exception):
    """A process of this proxy failed; the message says which and how."""


@dataclass(frozen=True, slots=True)
class Ways:
    """One end of what connects the leader and a sibling."""

    admin: socket.socket
    """For questions and answers."""
    tap: socket.socket
    """For who watches requests, and what they are told."""

    @classmethod
    def make(cls) -> tuple[Ways, Ways]:
        (our_admin, their_admin), (our_tap, their_tap) = socket.socketpair(), socket.socketpair()
        return cls(our_admin, our_tap), cls(their_admin, their_tap)

    def close(self) -> None:
        self.admin.close()
        self.tap.close()


@dataclass(frozen=True, slots=True)
class Place:
    """Which of the processes this is."""

    number: int = 0
    siblings: Mapping[int, Ways] = field(default_factory=dict)
    """The leader's, by process id: the ways to each. Nobody else has any."""
    leader: Ways | None = None
    """The ways to the leader, from a sibling."""

    @property
    def alone(self) -> bool:
        """Whether this process is the whole proxy."""
        return self.leader is None and not self.siblings

    @property
    def endings(self) -> tuple[signal.Signals, ...]:
        """The signals that end this process."""
        return (signal.SIGTERM, signal.SIGINT) if self.leader is None else (END,)


def spread(cores: int) -> Place:
    """Fork until there is a process for each core; returns in every one of them.

    To be called before any thread is started.
    """
    siblings: dict[int, Ways] = {}
    for number in range(1, cores):
        ours, theirs = Ways.make()
        pid = os.fork()
        if pid == 0:
            for ways in (ours, *siblings.values()):
                ways.close()
            # The leader says when it is time, also when all of them are told.
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            return Place(number, leader=theirs)
        theirs.close()
        siblings[pid] = ours
    return Place(siblings=siblings)


def reap(place: Place, grace: float) -> None:
    """Wait for the siblings, which were told to end, and after so many seconds end them.

    Raises EndedError when one of them did not end well.
    """
    failed = []
    deadline = time.monotonic() + grace
    for pid in place.siblings:
        while (code := _exit_code(pid)) is None:
            if time.monotonic() > deadline:
                os.kill(pid, signal.SIGKILL)
            time.sleep(_PAUSE)
        if code not in _WELL:
            failed.append(f"process {pid} of this proxy ended with {code}")
    if failed:
        raise EndedError("; ".join(failed))


def end(place: Place) -> None:
    """End the siblings without telling them first, as this process ends: by a failure, not by a wish."""
    with suppress(EndedError):
        reap(place, 0.0)


def _exit_code(pid: int) -> int | None:
    """None while it runs; less than zero for a signal."""
    ended, status = os.waitpid(pid, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if ended else None
