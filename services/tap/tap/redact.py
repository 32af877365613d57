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

    def reaches(self, prefix: str) -> bool:
        """Whether asking for paths that begin so would tell something of what is held back.

        Whoever may ask for `/login?token=a`, then for `/login?token=b`, reads the token letter by letter. A prefix
        may end where the secret begins, or within a parameter's name; a secret with something behind it is known
        whole.
        """
        if secret := self._secret(prefix):
            return prefix != secret
        *whole, last = _SEPARATOR.split(prefix.partition("?")[2])
        begun = last.partition("=")[2] != ""
        return any(map(self._is_held, whole)) or (begun and self._is_held(last))

    def hides(self, header: str) -> bool:
        return header.lower() in self.headers

    def _parameter(self, text: str) -> str:
        return f"{text.partition('=')[0]}={REDACTED}" if self._is_held(text) else text

    def _is_held(self, text: str) -> bool:
        """Whether it is a parameter with a value that is held back."""
        name, equals, _ = text.partition("=")
        return bool(equals) and unquote_plus(name).lower() in self.parameters


def policy(headers: Iterable[str], parameters: Iterable[str], paths: Iterable[str] = ()) -> Policy:
    """Names in any case, paths as they are."""
    return Policy(
        frozenset(name.lower() for name in headers),
        frozenset(name.lower() for name in parameters),
        tuple(paths),
    )
