"""The generated modules against the table of the wire, in both directions.

`wire.json` lists every package of Linkerd's proxy API with its messages, fields, enumerations and
services (linkerd2-proxy-api 0.20, and the transport header of linkerd2-proxy 2.366). It is a
record of facts, not generated from our protos: a field that is missing here, extra here, renumbered
or moved out of its oneof would be a proxy that misunderstands its control plane.
"""

import importlib
import json
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.descriptor import (
    Descriptor,
    EnumDescriptor,
    FieldDescriptor,
    FileDescriptor,
    MethodDescriptor,
)
from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto

WIRE: dict[str, Any] = json.loads((Path(__file__).parent / "wire.json").read_text())
PROTOS = Path(__file__).parent.parent / "weftapi" / "proxy"

JsonObject = dict[str, Any]


def generated(package: str) -> FileDescriptor:
    module_name = WIRE[package]["file"].removesuffix(".proto") + "_pb2"
    module = importlib.import_module(f"weftapi.proxy.{module_name}")
    descriptor: FileDescriptor = module.DESCRIPTOR
    return descriptor


def type_name(field: FieldDescriptor) -> str:
    if field.message_type is not None:
        if field.message_type.GetOptions().map_entry:
            key, value = field.message_type.fields
            return f"map<{type_name(key)},{type_name(value)}>"
        return field.message_type.full_name
    if field.enum_type is not None:
        return field.enum_type.full_name
    scalar = FieldDescriptorProto.Type.DESCRIPTOR.values_by_number[field.type].name
    return scalar.removeprefix("TYPE_").lower()


def field_facts(field: FieldDescriptor) -> JsonObject:
    facts: JsonObject = {"name": field.name, "number": field.number, "type": type_name(field)}
    if field.is_repeated and not facts["type"].startswith("map<"):
        facts["repeated"] = True
    if field.containing_oneof is not None:
        facts["oneof"] = field.containing_oneof.name
    if field.GetOptions().deprecated:
        facts["deprecated"] = True
    return facts


def message_facts(message: Descriptor) -> JsonObject:
    facts: JsonObject = {
        "fields": [field_facts(field) for field in sorted(message.fields, key=lambda f: f.number)]
    }
    proto = DescriptorProto()
    message.CopyToProto(proto)
    reserved = [number for span in proto.reserved_range for number in range(span.start, span.end)]
    if reserved:
        facts["reserved"] = reserved
    if proto.reserved_name:
        facts["reserved_names"] = list(proto.reserved_name)
    return facts


def method_facts(method: MethodDescriptor) -> JsonObject:
    kinds = {
        (False, False): "unary",
        (False, True): "server-stream",
        (True, False): "client-stream",
        (True, True): "two-way-stream",
    }
    return {
        "input": method.input_type.full_name,
        "output": method.output_type.full_name,
        "kind": kinds[method.client_streaming, method.server_streaming],
    }


def package_facts(file: FileDescriptor) -> JsonObject:
    messages: JsonObject = {}
    enums: dict[str, EnumDescriptor] = dict(file.enum_types_by_name)

    def visit(message: Descriptor) -> None:
        messages[message.full_name.removeprefix(f"{file.package}.")] = message_facts(message)
        for enum in message.enum_types:
            enums[enum.full_name.removeprefix(f"{file.package}.")] = enum
        for nested in message.nested_types:
            if not nested.GetOptions().map_entry:
                visit(nested)

    for message in file.message_types_by_name.values():
        visit(message)
    return {
        "file": Path(file.name).name,
        "messages": messages,
        "enums": {
            name: {value.name: value.number for value in enum.values}
            for name, enum in enums.items()
        },
        "services": {
            service.name: {method.name: method_facts(method) for method in service.methods}
            for service in file.services_by_name.values()
        },
    }


@pytest.mark.parametrize("package", WIRE)
def test_package_is_the_table(package: str) -> None:
    file = generated(package)

    assert file.package == package
    assert package_facts(file) == WIRE[package]


def test_every_proto_is_in_the_table() -> None:
    assert {path.name for path in PROTOS.glob("*.proto")} == {
        facts["file"] for facts in WIRE.values()
    }


@pytest.mark.parametrize("package", WIRE)
def test_messages_are_proto3_without_defaults_of_their_own(package: str) -> None:
    """Presence is told by messages and oneofs alone, as the peers' code expects."""
    for message in generated(package).message_types_by_name.values():
        for field in message.fields:
            assert not field.has_default_value, field.full_name
            if field.message_type is None and field.containing_oneof is None:
                assert not field.has_presence, field.full_name
