"""What the API server refuses, as exceptions that know their `Status` answer.

    ApiError                      code, reason, message, details
      BadRequestError       400   UnauthorizedError   401   ForbiddenError        403
      NotFoundError         404   MethodNotAllowedError 405 NotAcceptableError    406
      AlreadyExistsError    409   ConflictError       409   GoneError             410
      TooLargeError         413   UnsupportedMediaTypeError 415
      InvalidError          422   TooManyRequestsError 429
      InternalError         500   NotImplementedByNodeError 501
      UnavailableError      503   GatewayTimeoutError 504

The texts are Kubernetes' own (apimachinery `api/errors`), because people and programs match on them.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from sandbox.apiserver.kinds import Kind
from sandbox.apiserver.objects import Obj


class ApiError(Exception):
    code: ClassVar[int] = 500
    reason: ClassVar[str] = "InternalError"

    def __init__(self, message: str, *, details: Obj | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.details = details

    def status(self) -> Obj:
        """The body of the answer: `kind: Status`."""
        body: Obj = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
            "code": self.http_code,
        }
        if not self.reason:
            del body["reason"]
        if self.details is not None:
            body["details"] = self.details
        return body

    @property
    def http_code(self) -> int:
        return self.code


def _details(kind: Kind, name: str) -> Obj:
    return _named({"name": name, "group": kind.group, "kind": kind.plural})


def _named(details: Obj) -> Obj:
    """Without what is empty: the core group, an object that has no name yet."""
    return {key: value for key, value in details.items() if value}


class BadRequestError(ApiError):
    code, reason = 400, "BadRequest"


class UnauthorizedError(ApiError):
    code, reason = 401, "Unauthorized"

    def __init__(self) -> None:
        super().__init__("Unauthorized")


class ForbiddenError(ApiError):
    code, reason = 403, "Forbidden"

    @classmethod
    def on(cls, kind: Kind, name: str, why: str) -> "ForbiddenError":
        named = f'{kind.resource} "{name}"' if name else kind.resource
        return cls(f"{named} is forbidden: {why}", details=_details(kind, name))


class NotFoundError(ApiError):
    code, reason = 404, "NotFound"

    @classmethod
    def of(cls, kind: Kind, name: str) -> "NotFoundError":
        return cls(f'{kind.resource} "{name}" not found', details=_details(kind, name))

    @classmethod
    def path(cls) -> "NotFoundError":
        """No such resource or path; clients tell it from a missing object by the text."""
        return cls("the server could not find the requested resource", details={})


class MethodNotAllowedError(ApiError):
    code, reason = 405, "MethodNotAllowed"

    def __init__(self) -> None:
        super().__init__("the server does not allow this method on the requested resource")


class NotAcceptableError(ApiError):
    code, reason = 406, "NotAcceptable"


class AlreadyExistsError(ApiError):
    code, reason = 409, "AlreadyExists"

    @classmethod
    def of(cls, kind: Kind, name: str) -> "AlreadyExistsError":
        return cls(f'{kind.resource} "{name}" already exists', details=_details(kind, name))


class ConflictError(ApiError):
    code, reason = 409, "Conflict"

    @classmethod
    def modified(cls, kind: Kind, name: str) -> "ConflictError":
        return cls.on(
            kind,
            name,
            "the object has been modified; please apply your changes to the latest version"
            " and try again",
        )

    @classmethod
    def on(cls, kind: Kind, name: str, why: str) -> "ConflictError":
        message = f'Operation cannot be fulfilled on {kind.resource} "{name}": {why}'
        return cls(message, details=_details(kind, name))

    @classmethod
    def deletion(
        cls, kind: Kind, name: str, what: str, wanted: str, has: str, perhaps: str
    ) -> "ConflictError":
        """Of a deletion that means an object of another uid or version. It names the kind, not the resource."""
        named = f"{kind.kind}.{kind.group}" if kind.group else kind.kind
        why = (
            f"the {what} in the precondition ({wanted}) does not match the {what} in record ({has})."
            f" The object might have been {perhaps}"
        )
        message = f'Operation cannot be fulfilled on {named} "{name}": {why}'
        return cls(message, details=_named({"name": name, "group": kind.group, "kind": kind.kind}))


class GoneError(ApiError):
    """A watch asked to start before what the replay window still holds. List again."""

    code, reason = 410, "Expired"

    @classmethod
    def too_old(cls, wanted: int, oldest: int) -> "GoneError":
        return cls(f"too old resource version: {wanted} ({oldest})")


class TooLargeError(ApiError):
    code, reason = 413, "RequestEntityTooLarge"


class UnsupportedMediaTypeError(ApiError):
    code, reason = 415, "UnsupportedMediaType"


@dataclass(frozen=True, slots=True)
class Cause:
    """One field that is wrong, in the words of apimachinery `util/validation/field`."""

    field: str
    reason: str
    message: str

    def __str__(self) -> str:
        return f"{self.field}: {self.message}" if self.field else self.message


def required(field: str, hint: str = "") -> Cause:
    return Cause(
        field, "FieldValueRequired", f"Required value: {hint}" if hint else "Required value"
    )


def invalid(field: str, value: Any, why: str) -> Cause:
    return Cause(field, "FieldValueInvalid", f"Invalid value: {_shown(value)}: {why}")


def wrong_type(field: str, value: Any, why: str) -> Cause:
    return Cause(field, "FieldValueTypeInvalid", f"Invalid value: {_shown(value)}: {why}")


def not_supported(field: str, value: Any, allowed: Iterable[str]) -> Cause:
    choices = ", ".join(_shown(one) for one in allowed)
    return Cause(
        field,
        "FieldValueNotSupported",
        f"Unsupported value: {_shown(value)}: supported values: {choices}",
    )


def duplicate(field: str, value: Any) -> Cause:
    return Cause(field, "FieldValueDuplicate", f"Duplicate value: {_shown(value)}")


def not_found(field: str, value: Any) -> Cause:
    return Cause(field, "FieldValueNotFound", f"Not found: {_shown(value)}")


def forbidden(field: str, why: str) -> Cause:
    return Cause(field, "FieldValueForbidden", f"Forbidden: {why}")


def _shown(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)


class InvalidError(ApiError):
    code, reason = 422, "Invalid"

    @classmethod
    def of(cls, kind: Kind, name: str, causes: Sequence[Cause]) -> "InvalidError":
        return cls.about(kind.group, kind.kind, name, causes)

    @classmethod
    def about(cls, group: str, kind: str, name: str, causes: Sequence[Cause]) -> "InvalidError":
        """Of what is no kind of ours to store: a Scale, the options of a request."""
        shown = str(causes[0]) if len(causes) == 1 else f"[{', '.join(map(str, causes))}]"
        details = _named({"name": name, "group": group, "kind": kind})
        details["causes"] = [
            {"reason": cause.reason, "message": cause.message, "field": cause.field}
            for cause in causes
        ]
        full = f"{kind}.{group}" if group else kind
        return cls(f'{full} "{name}" is invalid: {shown}', details=details)


class TooManyRequestsError(ApiError):
    code, reason = 429, "TooManyRequests"

    @classmethod
    def budget(cls, why: str) -> "TooManyRequestsError":
        """Of an eviction that a PodDisruptionBudget forbids."""
        causes = [{"reason": "DisruptionBudget", "message": why}]
        return cls(
            "Cannot evict pod as it would violate the pod's disruption budget.",
            details={"causes": causes},
        )


class InternalError(ApiError):
    code, reason = 500, "InternalError"

    def __init__(self, message: str) -> None:
        super().__init__(
            f"Internal error occurred: {message}", details={"causes": [{"message": message}]}
        )


class NotImplementedByNodeError(ApiError):
    code, reason = 501, "NotImplemented"


class UnavailableError(ApiError):
    code, reason = 503, "ServiceUnavailable"


class GatewayTimeoutError(ApiError):
    code, reason = 504, "Timeout"
