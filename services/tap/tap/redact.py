"""What is held back: values of secret headers and query parameters. Bodies are never seen at all."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import unquote_plus

REDACTED = "REDACTED"
_SEPARATOR = re.compile("([&;])")


@dataclass(frozen=True, slots=True)
class Policy:
    """Names in lower case."""

    headers: frozenset[str]
    parameters: frozenset[str]

    def path(self, path: str) -> str:
        """The path with secret parameters replaced; the rest stays byte for byte."""
        plain, mark, query = path.partition("?")
        if not mark or not self.parameters:
            return path
        return plain + mark + "".join(self._parameter(one) for one in _SEPARATOR.split(query))

    def hides(self, header: str) -> bool:
        return header.lower() in self.headers

    def _parameter(self, text: str) -> str:
        name, equals, _ = text.partition("=")
        if equals and unquote_plus(name).lower() in self.parameters:
            return f"{name}={REDACTED}"
        return text


def policy(headers: Iterable[str], parameters: Iterable[str]) -> Policy:
    """Names in any case."""
    return Policy(
        frozenset(name.lower() for name in headers),
        frozenset(name.lower() for name in parameters),
    )
