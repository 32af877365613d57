"""Messages for tests, from text."""

from typing import TypeVar

from google.protobuf import text_format
from google.protobuf.message import Message

M = TypeVar("M", bound=Message)


def parse(kind: type[M], text: str) -> M:
    """A message in protobuf's text form."""
    return text_format.Parse(text, kind())
