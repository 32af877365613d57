"""`python -m proxy.tests.failing`: the process of a proxy whose leader has a bug, in a task that is not
about one connection. The signal `FAIL` trips it."""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING

import trio

from proxy import app
from proxy.__main__ import main

if TYPE_CHECKING:
    from proxy.authz.store import InboundPolicies
    from proxy.inbound.accept import Inbound

FAIL = signal.SIGUSR2
BUG = "a bug in the leading process"

_leader = os.getpid()
_sweep = app._sweep


async def fail(policies: InboundPolicies, inbound: Inbound, idle_timeout: float) -> None:
    if os.getpid() != _leader:
        await _sweep(policies, inbound, idle_timeout)
    with trio.open_signal_receiver(FAIL) as signals:
        async for _ in signals:
            raise RuntimeError(BUG)


if __name__ == "__main__":
    app._sweep = fail
    sys.exit(main())
