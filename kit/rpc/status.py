"""Errors a handler raises and the gRPC code each becomes.

RpcError
|-- InvalidArgument      the caller's fault, and it should not try again
|-- NotFound             no such thing now; it may appear
|-- FailedPrecondition   understood, and refused in the present state
|-- Unavailable          ours, and passing
|-- Unimplemented        a part of the API this server does not offer
|-- Unknown              ours, and the reference gives it no better code
`-- Internal             ours
"""

from __future__ import annotations

from typing import ClassVar

from grpc import StatusCode


class RpcError(Exception):
    """The message is what the caller reads in `grpc-message`: no secrets, no stack."""

    code: ClassVar[StatusCode] = StatusCode.UNKNOWN


class InvalidArgument(RpcError):
    code = StatusCode.INVALID_ARGUMENT


class NotFound(RpcError):
    code = StatusCode.NOT_FOUND


class FailedPrecondition(RpcError):
    code = StatusCode.FAILED_PRECONDITION


class Unavailable(RpcError):
    code = StatusCode.UNAVAILABLE


class Unimplemented(RpcError):
    code = StatusCode.UNIMPLEMENTED


class Unknown(RpcError):
    code = StatusCode.UNKNOWN


class Internal(RpcError):
    code = StatusCode.INTERNAL
