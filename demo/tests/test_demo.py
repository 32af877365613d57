import asyncio
import random
import signal
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import grpc
import httpx
import pytest
import uvicorn

from demo import emoji, settings, vote_bot, voting, web
from demo.ballots import Ballots
from demo.catalogue import EMOJI, FAILING, method_name, shortcode_of
from demo.serving import Handlers
from emojivoto.v1 import voting_pb2


def test_the_catalogue_has_ninety_nine_emoji_and_a_method_for_each() -> None:
    methods = {m.name for m in voting_pb2.DESCRIPTOR.services_by_name["VotingService"].methods}
    assert len(EMOJI) == 99
    assert {method_name(code) for code in EMOJI} == methods - {"Results", "VoteRelaxed"}
    assert all(shortcode_of(method_name(code)) == code for code in EMOJI)
    assert method_name(":100:") == "Vote100"


def test_results_are_ordered_by_votes() -> None:
    ballots = Ballots()
    for code in (":b:", ":a:", ":c:", ":c:"):
        ballots.vote(code)
    assert ballots.results() == [(":c:", 2), (":a:", 1), (":b:", 1)]


def test_about_one_vote_in_six_goes_to_the_doughnut() -> None:
    chance = random.Random(1)
    votes = Counter(vote_bot.choose(list(EMOJI), chance) for _ in range(10_000))
    assert 0.14 < votes[FAILING] / 10_000 < 0.18
    assert len(votes) == 99


def test_a_failing_page_does_not_stop_the_bot(capsys: pytest.CaptureFixture[str]) -> None:
    def fail(_: httpx.Request) -> httpx.Response:
        return httpx.Response(500, json={"error": "UNAVAILABLE: no emoji"})

    async def visit() -> None:
        transport = httpx.MockTransport(fail)
        async with httpx.AsyncClient(transport=transport, base_url="http://web") as client:
            await vote_bot.visit(client, random.Random(1))

    asyncio.run(visit())
    assert "visit failed" in capsys.readouterr().err


def test_the_page_answers_for_a_while_after_it_is_asked_to_stop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(web, "LINGER_SECONDS", 0.05)

    async def asked_to_stop() -> list[bool]:
        server = web.PatientServer(uvicorn.Config(web.application("emoji", "voting")))
        server.handle_exit(signal.SIGTERM, None)
        await asyncio.sleep(0)
        stopping = [server.should_exit]
        await asyncio.sleep(0.1)
        return [*stopping, server.should_exit]

    assert asyncio.run(asked_to_stop()) == [False, True]


@pytest.mark.parametrize("value", ["http", "-1", "65536", "1.5"])
def test_an_unusable_setting_is_named(value: str) -> None:
    with pytest.raises(ValueError, match="GRPC_PORT is"):
        settings.port("GRPC_PORT", env={"GRPC_PORT": value})
    with pytest.raises(ValueError, match="WEB_HOST must be set"):
        settings.text("WEB_HOST", env={})
    with pytest.raises(ValueError, match="allowed is a number"):
        settings.number("TTL", 0.0, env={"TTL": "nan"})


@asynccontextmanager
async def running(handlers: Handlers) -> AsyncIterator[str]:
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((handlers,))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(None)


async def _visit() -> None:
    async with (
        running(emoji.handlers()) as emoji_host,
        running(voting.BallotBox().handlers()) as voting_host,
    ):
        app = web.application(emoji_host, voting_host)
        transport = httpx.ASGITransport(app)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://web") as client,
        ):
            listing = (await client.get("/api/list")).json()
            assert {one["shortcode"]: one["unicode"] for one in listing} == EMOJI
            for _ in range(2):
                assert (await client.get("/api/vote?choice=:joy:")).status_code == 200
            failed = await client.get(f"/api/vote?choice={FAILING}")
            assert (failed.status_code, failed.json()) == (500, {"error": "UNKNOWN: ERROR"})
            assert (await client.get("/api/vote")).status_code == 400
            assert (await client.get("/api/vote?choice=:relaxed:")).status_code == 400
            assert (await client.get("/api/leaderboard")).json() == [
                {"shortcode": ":joy:", "unicode": EMOJI[":joy:"], "votes": "2"}
            ]
            for path in ("/", "/leaderboard", "/anything/else"):
                assert "<title>Emoji vote</title>" in (await client.get(path)).text
            assert (await client.get("/static/page.js")).status_code == 200


def test_the_three_services_together() -> None:
    asyncio.run(_visit())
