"""What is held back: values of secret headers and query parameters, and what follows some paths.

Bodies are never seen at all.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import unquote, unquote_plus

REDACTED = "REDACTED"
_SEPARATOR = re.compile("([&;])")


@dataclass(frozen=True, slots=True)
class Policy:
    """Names in lower case."""

    headers: frozenset[str]
    parameters: frozenset[str]
    paths: tuple[str, ...] = ()
    """Prefixes; the longest that fits counts."""

    def path(self, path: str) -> str:
        """The path with its secrets replaced; the rest stays byte for byte."""
        if self.paths and (secret := self._secret(path)):
            return secret if path == secret else secret + REDACTED
        plain, mark, query = path.partition("?")
        if not mark or not self.parameters:
            return path
        return plain + mark + "".join(self._parameter(one) for one in _SEPARATOR.split(query))

    def _secret(self, path: str) -> str:
        """The longest prefix that it has, however it is written."""
        spelt = unquote(path)
        fitting = (one for one in self.paths if path.startswith(one) or spelt.startswith(one))
        return max(fitting, key=len, default="")

    def hides(self, header: str) -> bool:
        return header.lower() in self.headers

    def _parameter(self, text: str) -> str:
        name, equals, _ = text.partition("=")
        if equals and unquote_plus(name).lower() in self.parameters:
            return f"{name}={REDACTED}"
        return text


def policy(headers: Iterable[str], parameters: Iterable[str], paths: Iterable[str] = ()) -> Policy:
    """Names in any case, paths as they are."""
    return Policy(
        frozenset(name.lower() for name in headers),
        frozenset(name.lower() for name in parameters),
        tuple(paths),
    )
