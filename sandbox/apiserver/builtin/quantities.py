"""Quantities in the one form in which the server shows them: `1024Mi` is `1Gi`, `0.5` is `500m`.

The rules are apimachinery's (`api/resource/quantity.go`): the largest suffix that leaves a whole
number, within the same family (powers of 1000 or of 1024) as it was written in.
"""

from collections.abc import Iterator
from decimal import ROUND_CEILING, Decimal
from typing import Any

from sandbox.apiserver.builtin.table import Field, Shape, json_fields, message_of
from sandbox.apiserver.kinds import Kind
from sandbox.apiserver.objects import Obj
from weft.quantities import BINARY, DECIMAL, QuantityError, parse_quantity


def canonical(value: Any) -> Any:
    """The server's form; what is no quantity comes back as it is, for validation to refuse."""
    amount = number(value)
    if amount is None:
        return value
    return _binary(amount) if str(value).endswith("i") else _decimal(amount)


def number(value: Any) -> Decimal | None:
    """The amount; None for what is no quantity."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        return parse_quantity(value)
    except QuantityError:
        return None


def canonicalize(kind: Kind, obj: Obj) -> None:
    """Rewrites every quantity of a built-in object in place."""
    message = message_of(kind)
    if message is not None:
        _message(message, obj)


def _binary(amount: Decimal) -> str:
    if amount == amount.to_integral_value():
        for suffix, power in reversed(BINARY.items()):
            if amount and amount % 2**power == 0:
                return f"{int(amount) // 2**power}{suffix}"
    return _decimal(amount)


def _decimal(amount: Decimal) -> str:
    nano = int((amount * 10**9).to_integral_value(ROUND_CEILING))
    if not nano:
        return "0"
    for suffix, exponent in reversed(DECIMAL.items()):
        unit = 10 ** (exponent + 9)
        if nano % unit == 0:
            return f"{nano // unit}{suffix}"
    raise AssertionError("every number of nanos has a suffix")


def _message(message: str, value: Any) -> None:
    if not isinstance(value, dict):
        return
    for name, field in json_fields(message).items():
        if name in value:
            for holder, key in _places(field, value, name):
                if field.code == "Q":
                    holder[key] = canonical(holder[key])
                elif field.is_message:
                    _message(field.code, holder[key])


def _places(field: Field, value: Obj, name: str) -> Iterator[tuple[Any, Any]]:
    """Where values of the field's type stand: the field itself, or the entries of its list or map."""
    found = value[name]
    if field.shape is Shape.LIST and isinstance(found, list):
        yield from ((found, at) for at in range(len(found)))
    elif field.shape is Shape.MAP and isinstance(found, dict) and not field.wrapped:
        yield from ((found, key) for key in found)
    elif field.shape is Shape.ONE:
        yield value, name
