"""Why a connection or request failed, in the words of the error catalogue."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from weft import errors

if TYPE_CHECKING:
    from weft.errors import ErrorKind


class Failure(Exception):
    """A cause from the catalogue with what was seen.

    `unprocessed` says that the request certainly had no effect on the other side, so that it may
    be sent again whatever its method. `broken` says that the connection broke before anything of a
    response came, and nobody knows: only what may be done twice may be sent again.
    """

    def __init__(
        self,
        kind: ErrorKind,
        detail: str = "",
        *,
        unprocessed: bool = False,
        broken: bool = False,
    ) -> None:
        super().__init__(detail or kind.text)
        self.kind = kind
        self.detail = detail
        self.unprocessed = unprocessed
        self.broken = broken

    def __str__(self) -> str:
        return f"[{self.kind.number}] {self.kind.text}" + (
            f": {self.detail}" if self.detail else ""
        )


def connect_failure(error: OSError | None, where: str) -> Failure:
    """A connection that could not be made; None means that the time was up."""
    if error is None:
        return Failure(errors.CONNECT_TIMEOUT, where, unprocessed=True)
    kind = errors.CONNECT_REFUSED if error.errno == errno.ECONNREFUSED else errors.CONNECT_FAILED
    detail = where if kind is errors.CONNECT_REFUSED else f"{where}: {error.strerror or error}"
    return Failure(kind, detail, unprocessed=True)


def detail_of(error: Exception) -> str:
    """What was seen, without the words of the catalogue."""
    if isinstance(error, Failure):
        return error.detail
    return symbol(error) or str(error)


def symbol(error: BaseException | None) -> str:
    """`ECONNRESET`: the `errno` label; empty for an orderly end or one without a number."""
    number = getattr(error, "errno", None)
    return errno.errorcode.get(number, "") if isinstance(number, int) else ""
