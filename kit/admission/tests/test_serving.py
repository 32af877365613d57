"""The HTTPS server: what it needs, and what it takes."""

import asyncio
from pathlib import Path

import pytest

from kit.admission.answer import Answer
from kit.admission.serving import LARGEST_BODY, Serving
from kit.settings import SettingsError
from testkit import webhooks
from weft.addresses import SocketAddress

HOST = "hook.weft.svc"


async def echo(body: bytes) -> Answer:
    return Answer(200, b"%d" % len(body))


def test_without_a_certificate_it_does_not_start(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"WEFT_TLS_PATH: .* has no usable tls\.crt"):
        Serving(echo, tmp_path)


@pytest.mark.slow
def test_a_body_is_judged_unless_no_review_is_that_large(tmp_path: Path) -> None:
    authority = webhooks.write_certificate(tmp_path, HOST)
    serving = Serving(echo, tmp_path)

    async def story() -> None:
        async with serving.listening(SocketAddress("127.0.0.1", 0)) as bound:
            address = f"https://{bound}/"
            assert await webhooks.post(address, HOST, authority, b"four") == (200, 4)
            status, answer = await webhooks.post(
                address, HOST, authority, b"x" * (LARGEST_BODY + 1)
            )
            assert (status, answer["kind"]) == (413, "Status")
            assert not serving.reload(), "the files have not changed"

    asyncio.run(story())
