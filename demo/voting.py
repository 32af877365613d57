"""The ballot box over gRPC: one method an emoji. A vote for the doughnut always fails.

ARTIFICIAL_DELAY (seconds) slows every successful vote down, for watching latency.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import grpc
from prometheus_client import Counter

from demo import settings
from demo.ballots import Ballots
from demo.catalogue import FAILING, shortcode_of
from demo.serving import REGISTRY, Handlers, serve
from emojivoto.v1 import voting_pb2 as pb

if TYPE_CHECKING:
    from demo.serving import Context, Handler

SERVICE = pb.DESCRIPTOR.services_by_name["VotingService"]
_VOTES = Counter(
    "emojivoto_votes", "Votes that were counted, by emoji.", ["emoji"], registry=REGISTRY
)
_REFUSED = Counter(
    "emojivoto_votes_refused", "Votes that failed, by emoji.", ["emoji"], registry=REGISTRY
)


class BallotBox:
    def __init__(self, *, delay: float = 0.0) -> None:
        self._ballots = Ballots()
        self._delay = delay

    def handlers(self) -> Handlers:
        """A handler for every method of the service: a hundred votes and the results."""
        votes = {
            method.name: self._vote_for(shortcode_of(method.name))
            for method in SERVICE.methods
            if method.name != "Results"
        }
        return Handlers(SERVICE, {**votes, "Results": self._results})

    def _vote_for(self, shortcode: str) -> Handler:
        async def vote(_: pb.VoteRequest, context: Context) -> pb.VoteResponse:
            if shortcode == FAILING:
                _REFUSED.labels(shortcode).inc()
                await context.abort(grpc.StatusCode.UNKNOWN, "ERROR")
            if self._delay:
                await asyncio.sleep(self._delay)
            self._ballots.vote(shortcode)
            _VOTES.labels(shortcode).inc()
            return pb.VoteResponse()

        return vote

    async def _results(self, _: pb.ResultsRequest, __: Context) -> pb.ResultsResponse:
        return pb.ResultsResponse(
            results=[
                pb.VotingResult(Shortcode=code, Votes=votes)
                for code, votes in self._ballots.results()
            ]
        )


async def main() -> None:
    await serve(BallotBox(delay=settings.number("ARTIFICIAL_DELAY", 0.0)).handlers())
