"""A description of a service, read from a file, stdin or an https address -> routes."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cli.failure import CommandError
from cli.profiles import openapi, protobuf
from cli.profiles.document import Route
from cli.profiles.fields import FieldError
from cli.profiles.protoc import describe
from cli.render.yaml_text import YamlError, load_one
from cli.sources import Source, read_one

STDIN = "stdin.proto"
"""What a .proto file without a name is called in errors."""


def read_open_api(argument: str) -> list[Route]:
    """At least one. Raises CommandError."""
    source = _read(argument)
    try:
        return openapi.routes(_document(source))
    except FieldError as error:
        raise CommandError(f"{source.name}: {error}") from None


def read_proto(argument: str, roots: Sequence[Path]) -> list[Route]:
    """At least one. What the file imports is looked for below `roots`, beside it and here. Raises CommandError."""
    source = _read(argument)
    file = Path(argument)
    beside = [file.parent.resolve()] if file.is_file() else []
    places = [*(root.resolve() for root in roots), *beside, Path.cwd()]
    name = file.name if beside else STDIN
    found = protobuf.routes(describe(name, source.text.encode(), places))
    if not found:
        raise CommandError(f"{source.name}: no method of a service is in it to make a route of")
    return found


def _read(argument: str) -> Source:
    source = read_one(argument)
    if not source.text.strip():
        raise CommandError(f"{source.name} is empty")
    return source


def _document(source: Source) -> Any:
    """JSON may be indented by tabs, YAML may not."""
    if not source.text.lstrip().startswith("{"):
        try:
            return load_one(source.text)
        except YamlError as error:
            raise CommandError(f"{source.name}: not YAML: {error}") from None
    try:
        return json.loads(source.text)
    except json.JSONDecodeError as error:
        raise CommandError(f"{source.name}: not JSON: {error}") from None
    except RecursionError:
        raise CommandError(f"{source.name}: not JSON: nested too deeply") from None
