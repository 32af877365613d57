"""Whether a failed request may be sent again, and when.

A request may be sent again only as long as everything that was sent of it is still at hand and
nothing of an answer has reached the requester.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from proxy.stack.backoff import Backoff


IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"})
"""Methods that mean the same done twice as done once (RFC 9110, section 9.2.2)."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What a route allows."""

    max_retries: int
    max_request_bytes: int
    statuses: Sequence[tuple[int, int]]
    """HTTP status ranges worth another attempt, both ends included."""
    grpc_codes: Collection[int]
    backoff: Backoff


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an attempt went."""

    status: int | None = None
    """HTTP status; None when there was no answer."""
    grpc_status: int | None = None
    unprocessed: bool = False
    """The peer certainly did nothing: connection refused, REFUSED_STREAM, fail-fast."""
    timed_out: bool = False
    """The attempt's own time ran out."""


def retry_in(
    terms: Terms, outcome: Outcome, *, retries: int, body_bytes: int, chance: float
) -> float | None:
    """Seconds to wait before the next attempt, or None to give up.

    `retries` were made already; `body_bytes` of the request were sent; `chance` in [0, 1).
    """
    if retries >= terms.max_retries or body_bytes > terms.max_request_bytes:
        return None
    if not is_worth(terms, outcome):
        return None
    return terms.backoff.wait(retries, chance)


def is_worth(terms: Terms, outcome: Outcome) -> bool:
    """Whether the terms ask for another attempt after this outcome."""
    if outcome.unprocessed or outcome.timed_out:
        return True
    if outcome.grpc_status is not None and outcome.grpc_status in terms.grpc_codes:
        return True
    status = outcome.status
    return status is not None and any(low <= status <= high for low, high in terms.statuses)
