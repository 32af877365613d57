"""Bodies in Kubernetes' protobuf, as JSON data. Answers are always JSON, which clients accept.

A body is `k8s\\0` and a `runtime.Unknown`: {1: {1: apiVersion, 2: kind}, 2: the object's bytes}.
Go writes every field that is no pointer, set or not: zero there means absent.
"""

import base64
import json
import struct
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from sandbox.apiserver.builtin.table import Field, Shape, message_name, messages
from sandbox.apiserver.errors import BadRequestError, UnsupportedMediaTypeError
from sandbox.apiserver.objects import Obj

MEDIA_TYPE = "application/vnd.kubernetes.protobuf"
MAGIC = b"k8s\x00"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
DEPTH_LIMIT = 64

Value = int | bytes


def decode(body: bytes) -> Obj:
    """The object in a body. BadRequestError when it is damaged, 415 for a kind without a table."""
    if not body.startswith(MAGIC):
        raise BadRequestError("the object provided is unrecognized (no protobuf magic)")
    try:
        outer = dict(_read(body[len(MAGIC) :]))
        type_meta = dict(_read(_bytes(outer[1])))
        api_version, kind = _bytes(type_meta[1]).decode(), _bytes(type_meta[2]).decode()
        raw = _bytes(outer.get(2, b""))
        group, _, version = api_version.rpartition("/")
        name = message_name(group, version, kind)
        if name is None:
            raise UnsupportedMediaTypeError(f"{kind} in {api_version} is understood as JSON only")
        return {"apiVersion": api_version, "kind": kind, **_message(name, raw, 0)}
    except (KeyError, ValueError, IndexError, struct.error, OverflowError) as error:
        raise BadRequestError(f"the object provided is unrecognized: {error!r}") from error


def _read(data: bytes) -> Iterator[tuple[int, Value]]:
    """Field numbers and raw values, in the order of the wire."""
    position = 0
    while position < len(data):
        key, position = _varint(data, position)
        number, wire = key >> 3, key & 7
        if wire == VARINT:
            value, position = _varint(data, position)
            yield number, value
            continue
        if wire == BYTES:
            size, position = _varint(data, position)
        elif wire in (FIXED64, FIXED32):
            size = 8 if wire == FIXED64 else 4
        else:
            raise ValueError(f"unknown wire type {wire}")
        piece = data[position : position + size]
        if len(piece) != size:
            raise ValueError("the message ends too early")
        position += size
        yield number, piece


def _varint(data: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if not byte & 0x80:
            return value, position
        shift += 7
        if shift > 63:
            raise ValueError("a varint is too long")


def _bytes(value: Value) -> bytes:
    if not isinstance(value, bytes):
        raise ValueError("a number where bytes are expected")
    return value


def _message(name: str, data: bytes, depth: int) -> Obj:
    if depth > DEPTH_LIMIT:
        raise ValueError("nested too deeply")
    fields = messages()[name]
    result: Obj = {}
    for number, raw in _read(data):
        field = fields.get(number)
        if field is None:
            continue
        if field.embedded:
            result |= _message(field.code, _bytes(raw), depth + 1)
        elif field.shape is Shape.MAP:
            key, value = _entry(field, _bytes(raw), depth)
            result.setdefault(field.name, {})[key] = value
        elif field.shape is Shape.LIST:
            result.setdefault(field.name, []).append(_value(field, raw, depth))
        else:
            value = _whole(field, raw, depth)
            if field.pointer or value not in ("", 0, False, None, {}, []):
                result[field.name] = value
    return result


def _entry(field: Field, data: bytes, depth: int) -> tuple[str, Any]:
    pair = dict(_read(data))
    key = _bytes(pair.get(1, b"")).decode()
    return key, _whole(field, pair.get(2, 0 if field.code in "bi" else b""), depth)


def _whole(field: Field, raw: Value, depth: int) -> Any:
    if field.wrapped:
        return [_value(field, item, depth) for number, item in _read(_bytes(raw)) if number == 1]
    return _value(field, raw, depth)


def _value(field: Field, raw: Value, depth: int) -> Any:
    if field.is_message:
        return _message(field.code, _bytes(raw), depth + 1)
    match field.code:
        case "b":
            return bool(raw)
        case "i":
            return _signed(raw)
        case "d":
            return struct.unpack("<d", _bytes(raw))[0]
        case "s":
            return _bytes(raw).decode()
        case "y":
            return base64.b64encode(_bytes(raw)).decode()
    inner = dict(_read(_bytes(raw)))
    match field.code:
        case "Q":
            return _bytes(inner.get(1, b"")).decode()
        case "I":
            return _bytes(inner[3]).decode() if inner.get(1) else _signed(inner.get(2, 0))
        case "T" | "U":
            return _moment(inner, fraction=field.code == "U")
        case "R" | "F":
            content = _bytes(inner.get(1, b""))
            return json.loads(content) if content else None
    raise ValueError(f"unknown type code {field.code}")


def _signed(raw: Value) -> int:
    if not isinstance(raw, int):
        raise ValueError("bytes where a number is expected")
    return raw - (1 << 64) if raw >> 63 else raw


def _moment(inner: dict[int, Value], *, fraction: bool) -> str | None:
    """None for Go's zero time, which is written as an empty message."""
    if not inner:
        return None
    moment = EPOCH + timedelta(seconds=_signed(inner.get(1, 0)))
    if not fraction:
        return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
    return moment.strftime("%Y-%m-%dT%H:%M:%S") + f".{_signed(inner.get(2, 0)) // 1000:06d}Z"
