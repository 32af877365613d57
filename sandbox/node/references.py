"""Image references: `nginx` means `docker.io/library/nginx:latest`. Pure."""

import re
from dataclasses import dataclass

_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_PATH = re.compile(
    r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*"
)
_HOST = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]*(?::[0-9]+)?|\[[0-9a-fA-F:]+\](?::[0-9]+)?")


class InvalidReference(ValueError):
    """Text that names no image; the message says what is allowed."""


@dataclass(frozen=True, slots=True)
class Reference:
    """A full image name. Exactly one of `tag` and `digest` decides; a digest wins over a tag."""

    host: str
    path: str
    tag: str
    digest: str = ""

    def __str__(self) -> str:
        end = f"@{self.digest}" if self.digest else f":{self.tag}"
        return f"{self.host}/{self.path}{end}"


def parse(text: str) -> Reference:
    """Raises InvalidReference."""
    rest, at, digest = text.partition("@")
    if at and not _DIGEST.fullmatch(digest):
        raise _bad(text)
    host, rest = _split_host(rest)
    path, colon, tag = rest.partition(":")
    if (colon and not _TAG.fullmatch(tag)) or not _PATH.fullmatch(path):
        raise _bad(text)
    if not _HOST.fullmatch(host):
        raise _bad(text)
    if host == "docker.io" and "/" not in path:
        path = f"library/{path}"
    return Reference(host, path, tag or "latest", digest)


def default_pull_policy(reference: Reference) -> str:
    """What Kubernetes assumes when a container names no imagePullPolicy."""
    return "Always" if reference.tag == "latest" and not reference.digest else "IfNotPresent"


def _split_host(text: str) -> tuple[str, str]:
    first, slash, rest = text.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        return first, rest
    return "docker.io", text


def _bad(text: str) -> InvalidReference:
    return InvalidReference(
        f'couldn\'t parse image name "{text}": invalid reference format: allowed is '
        "[HOST[:PORT]/]PATH[:TAG][@sha256:DIGEST] with a lower-case PATH"
    )
