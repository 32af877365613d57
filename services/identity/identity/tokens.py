"""Whose token is this? The API server knows: a TokenReview with our own audience.

A token made for another audience (the API server's own, say) is refused, so a component that holds
a workload's ordinary token cannot take its identity. Tokens are never logged.
"""

from dataclasses import dataclass

from kit.kube import errors
from kit.kube.client import Client
from kit.kube.objects import TOKEN_REVIEWS, mapping, sequence, status
from weft.names import TOKEN_AUDIENCE, Workload, is_dns_label

_PREFIX = "system:serviceaccount:"


class TokenError(Exception):
    """The token does not prove a service account; the message says why, without the token."""


class MalformedToken(TokenError):
    """Not a token at all."""


class RefusedToken(TokenError):
    """The API server does not vouch for it, or not for a service account."""


class ReviewFailed(TokenError):
    """The API server gave no usable answer."""


@dataclass(frozen=True)
class TokenReviewer:
    """Asks the API server."""

    client: Client
    audience: str = TOKEN_AUDIENCE

    async def review(self, token: bytes) -> Workload:
        """The service account the token proves. Raises TokenError."""
        text = _text(token)
        try:
            review = await self.client.create(
                TOKEN_REVIEWS, {"spec": {"token": text, "audiences": [self.audience]}}
            )
        except errors.KubeError as error:
            raise ReviewFailed(f"the token could not be reviewed: {_reason(error)}") from error
        return subject(review, self.audience)


def _text(token: bytes) -> str:
    try:
        text = token.decode("ascii").strip()
    except UnicodeDecodeError:
        raise MalformedToken("the token is not text") from None
    if not text or not text.isprintable() or " " in text:
        raise MalformedToken("the token is not one word of printable characters")
    return text


def _reason(error: errors.KubeError) -> str:
    """Without a message that might quote the request."""
    return f"{error.status} {error.reason}" if isinstance(error, errors.ApiError) else "no answer"


def subject(review: object, audience: str) -> Workload:
    """The service account of a reviewed token. Raises RefusedToken or ReviewFailed."""
    said = status(mapping(review))
    if said.get("authenticated") is not True:
        raise RefusedToken(f"the token is not valid: {said.get('error') or 'not authenticated'}")
    audiences = sequence(said.get("audiences"))
    if audience not in audiences:
        # An API server that knows nothing of audiences answers without them (authentication.k8s.io).
        raise RefusedToken(f"the token is not for the audience {audience!r}")
    return service_account(str(mapping(said.get("user")).get("username") or ""))


def service_account(username: str) -> Workload:
    """`system:serviceaccount:<namespace>:<name>` with DNS labels. Raises RefusedToken."""
    namespace, colon, name = username.removeprefix(_PREFIX).partition(":")
    well_formed = colon and is_dns_label(namespace) and is_dns_label(name)
    if not username.startswith(_PREFIX) or not well_formed:
        raise RefusedToken(f"{username!r} is not a service account")
    return Workload(name, namespace)
