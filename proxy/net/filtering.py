"""A rule's filters, acting on a request on either side of the proxy."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from proxy.net.answer import FAILED_PRECONDITION, NOT_FOUND, policy_answer
from proxy.net.failure import Failure
from proxy.stack.filters import (
    FailGrpc,
    FailHttp,
    Forbidden,
    Invalid,
    Redirect,
    RequestHeaderModifier,
    ResponseHeaderModifier,
    injects,
)
from proxy.stack.redirect import location
from weft import errors

if TYPE_CHECKING:
    from proxy.codec.message import RequestHead, ResponseHead
    from proxy.stack.filters import Filter, HeaderModifier
    from proxy.stack.match import Match

_NOWHERE = Redirect()


def act(
    filters: tuple[Filter, ...],
    head: RequestHead,
    match: Match,
    modifiers: list[HeaderModifier],
    *,
    informational: bool,
) -> ResponseHead | None:
    """Let filters act in their order; the answer, when one of them answers.

    The request's headers are changed at once; what is to be done to the response's is added to
    `modifiers`. `informational`: whether this client may see why a filter answers. Raises Failure where
    policy forbids the request or makes no sense.
    """
    chance = random.random()  # noqa: S311 (which requests fail, not a secret)
    for item in filters:
        if isinstance(item, RequestHeaderModifier):
            item.modifier.apply(head.headers)
        elif isinstance(item, ResponseHeaderModifier):
            modifiers.append(item.modifier)
        elif isinstance(item, FailHttp):
            if injects(item, chance):
                message = item.message if informational else ""
                return policy_answer(head, item.status, message, FAILED_PRECONDITION)
        elif isinstance(item, FailGrpc):
            if injects(item, chance):
                message = item.message if informational else ""
                return policy_answer(head, 200, message, item.code, grpc=True)
        elif isinstance(item, Redirect):
            answer = _redirected(item, head, match)
            if answer is not None:
                return answer
        elif isinstance(item, Forbidden):
            raise Failure(errors.FORBIDDEN_ROUTE)
        elif isinstance(item, Invalid):
            raise Failure(errors.INVALID_POLICY, item.message)
    return None


def _redirected(item: Redirect, head: RequestHead, match: Match) -> ResponseHead | None:
    """None for a redirect to where the request is: its client would go round for ever."""
    try:
        where = location(item, head.scheme, head.authority, head.path, match)
        if where == location(_NOWHERE, head.scheme, head.authority, head.path, match):
            return None
    except ValueError as error:
        raise Failure(errors.INVALID_POLICY, str(error)) from None
    return policy_answer(head, item.status, "", NOT_FOUND, where=where)
