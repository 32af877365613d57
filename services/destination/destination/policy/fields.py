"""Reading the fields of an object so that what is wrong says where it stands: `spec.networks[0].cidr`."""

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

from kit.kube.objects import sequence

T = TypeVar("T")
MALFORMED = (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError)
"""What reading an object may raise that is not as its kind is."""


class Unsupported(ValueError):
    """Something that its API has and we do not; the message names it and what is allowed."""


class FieldError(ValueError):
    """A field cannot be used; the message begins with its path."""

    def __init__(self, field: str, why: str, *, unsupported: bool = False) -> None:
        super().__init__(f"{field}: {why}")
        self.field = field
        self.why = why
        self.unsupported = unsupported
        """Whether it is only we who cannot use it."""


@contextmanager
def field(name: str) -> Iterator[None]:
    """What is malformed within the block is so in this field. Raises FieldError."""
    try:
        yield
    except RecursionError:
        raise FieldError(name, "it is nested too deeply") from None
    except MALFORMED as error:
        raise field_error(name, error) from error


def field_error(name: str, error: Exception) -> FieldError:
    """The error as one of this field, or of a field in it."""
    if isinstance(error, FieldError):
        return FieldError(_path(name, error.field), error.why, unsupported=error.unsupported)
    if isinstance(error, KeyError):
        return FieldError(_path(name, str(error.args[0])), "it is missing")
    return FieldError(name, str(error), unsupported=isinstance(error, Unsupported))


def _path(outer: str, inner: str) -> str:
    return f"{outer}{inner}" if inner.startswith("[") else f"{outer}.{inner}"


def each(
    owner: Mapping[str, Any], name: str, read: Callable[[Mapping[str, Any]], T]
) -> tuple[T, ...]:
    """What `read` makes of every object of a list. Raises FieldError."""

    def checked(one: Any) -> T:
        if not isinstance(one, Mapping):
            raise ValueError(f"{one!r} is not an object")
        return read(one)

    return texts(owner, name, checked)


def texts(owner: Mapping[str, Any], name: str, read: Callable[[Any], T]) -> tuple[T, ...]:
    """What `read` makes of every item of a list. Raises FieldError."""
    made = []
    for number, one in enumerate(sequence(owner.get(name))):
        with field(f"{name}[{number}]"):
            made.append(read(one))
    return tuple(made)


def choice(owner: Mapping[str, Any], name: str, usual: str, allowed: Collection[str]) -> str:
    """A word out of few. Raises FieldError."""
    value = str(owner.get(name) or usual)
    if value not in allowed:
        raise FieldError(name, f"{value!r} is not one of {', '.join(filter(None, allowed))}")
    return value
