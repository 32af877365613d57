"""Token reviews, against the fake API server and over answers it would never give."""

import asyncio

import pytest

from identity.tokens import (
    MalformedToken,
    RefusedToken,
    ReviewFailed,
    TokenError,
    TokenReviewer,
    service_account,
    subject,
)
from testkit.kube import FakeKube, Token
from weft.names import TOKEN_AUDIENCE, Workload

WEB = "system:serviceaccount:emojivoto:web"
OURS = (TOKEN_AUDIENCE,)


def review(token: bytes, *, tokens: dict[str, Token], status: int = 0) -> Workload:
    async def script() -> Workload:
        async with FakeKube().serving() as kube, kube.client() as client:
            kube.tokens = tokens
            if status:
                kube.fail_with["POST", "/apis/authentication"] = (status, "secret-token")
            return await TokenReviewer(client).review(token)

    return asyncio.run(script())


def test_a_bound_token_proves_its_service_account() -> None:
    assert review(b"t\n", tokens={"t": Token(WEB, OURS)}) == Workload("web", "emojivoto")


@pytest.mark.parametrize(
    ("token", "known", "kind", "why"),
    [
        (b"", {}, MalformedToken, "one word"),
        (b"   ", {}, MalformedToken, "one word"),
        (b"two words", {}, MalformedToken, "one word"),
        (b"\xff\xfe", {}, MalformedToken, "not text"),
        (b"a\x00b", {}, MalformedToken, "one word"),
        (b"unknown", {}, RefusedToken, "invalid bearer token"),
        (b"t", {"t": Token(WEB, ("https://kubernetes.default",))}, RefusedToken, "audience"),
        (b"t", {"t": Token(WEB, ())}, RefusedToken, "audience"),
        (b"t", {"t": Token(WEB, OURS, "token has expired")}, RefusedToken, "expired"),
        (b"t", {"t": Token("system:node:a", OURS)}, RefusedToken, "not a service account"),
    ],
)
def test_what_proves_nothing(
    token: bytes, known: dict[str, Token], kind: type[TokenError], why: str
) -> None:
    with pytest.raises(kind, match=why):
        review(token, tokens=known)


@pytest.mark.parametrize("status", [401, 403, 404, 429, 500])
def test_an_api_server_that_fails_is_our_fault_and_quotes_nothing(status: int) -> None:
    with pytest.raises(ReviewFailed) as caught:
        review(b"t", tokens={}, status=status)
    assert str(status) in str(caught.value)
    assert "secret-token" not in str(caught.value)


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"status": None},
        {"status": {"authenticated": "true", "audiences": [TOKEN_AUDIENCE]}},
        {"status": {"authenticated": True, "user": {"username": WEB}}},
        {"status": {"authenticated": True, "user": {"username": WEB}, "audiences": []}},
        {"status": {"authenticated": True, "user": None, "audiences": [TOKEN_AUDIENCE]}},
        [],
        "text",
    ],
)
def test_any_other_answer_is_refused(answer: object) -> None:
    with pytest.raises(RefusedToken):
        subject(answer, TOKEN_AUDIENCE)


@pytest.mark.parametrize(
    "username",
    [
        "",
        "admin",
        "system:serviceaccount:",
        "system:serviceaccount:ns",
        "system:serviceaccount:ns:",
        "system:serviceaccount::sa",
        "system:serviceaccount:ns:sa:more",
        "system:serviceaccount:NS:sa",
        "system:serviceaccount:ns:s.a",
        "system:serviceaccount:ns.other:sa",
        "system:serviceaccount:ns:sa\n",
        "xsystem:serviceaccount:ns:sa",
        "ns:sa",
    ],
)
def test_only_service_accounts_with_dns_labels(username: str) -> None:
    with pytest.raises(RefusedToken, match="not a service account"):
        service_account(username)
