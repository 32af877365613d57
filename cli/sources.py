"""Where what a command reads comes from: files, directories, stdin (`-`) and https addresses."""

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cli.failure import CommandError
from cli.proxies import http_proxy_of, pool_through

SUFFIXES = (".yaml", ".yml", ".json")
LARGEST = 32 * 1024 * 1024
ALLOWED = "a file, a directory, an address that begins with https://, or - for stdin"
ALLOWED_ONE = "a file, an address that begins with https://, or - for stdin"
HTTP_HINT = "Anyone on the way could change it: use https, or download and read it first."


@dataclass(frozen=True, slots=True)
class Source:
    """One text and what to call it in errors."""

    name: str
    text: str


def read_sources(arguments: tuple[str, ...]) -> Iterator[Source]:
    """Every text the arguments name; directories are searched, in the order of their paths.

    Raises CommandError.
    """
    for argument in arguments:
        if argument == "-":
            yield Source("stdin", decode("stdin", sys.stdin.buffer.read(LARGEST + 1)))
        elif argument.startswith("https://"):
            yield Source(argument, decode(argument, download(argument)))
        elif argument.startswith("http://"):
            raise CommandError(f"{argument} would be read without encryption", hint=HTTP_HINT)
        elif not argument or re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", argument):
            raise CommandError(f"cannot read {argument!r}: allowed are {ALLOWED}")
        else:
            yield from read_path(Path(argument))


def read_one(argument: str) -> Source:
    """The text of a file, of stdin or of an https address. Raises CommandError."""
    if argument not in ("", "-") and Path(argument).is_dir():
        raise CommandError(f"{argument} is a directory: allowed are {ALLOWED_ONE}")
    (found,) = read_sources((argument,))
    return found


def read_path(path: Path) -> Iterator[Source]:
    """A file, or the manifests below a directory. Raises CommandError."""
    if path.is_dir():
        found = sorted(one for one in path.rglob("*") if one.suffix in SUFFIXES and one.is_file())
        if not found:
            raise CommandError(f"directory {path} has no {', '.join(SUFFIXES)} file")
    else:
        found = [path]
    for file in found:
        try:
            with file.open("rb") as stream:
                data = stream.read(LARGEST + 1)
        except OSError as error:
            raise CommandError(f"cannot read {file}: {error.strerror}") from None
        yield Source(str(file), decode(str(file), data))


def decode(name: str, data: bytes) -> str:
    """UTF-8 text of bounded size. Raises CommandError."""
    if len(data) > LARGEST:
        raise CommandError(f"{name} is larger than {LARGEST // 2**20} MiB")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise CommandError(f"{name}: line {line}: not UTF-8 text (byte {error.start})") from None


def download(address: str) -> bytes:
    """The body of an https address; redirects must stay on https. Raises CommandError."""
    import urllib3

    for _ in range(5):
        try:
            pool = pool_through(
                http_proxy_of(address),
                timeout=urllib3.Timeout(connect=5.0, read=30.0),
                retries=False,
            )
            answer = pool.request("GET", address, redirect=False, preload_content=False)
            body = answer.read(LARGEST + 1)
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            raise CommandError(f"cannot read {address}: {error}") from None
        target = answer.get_redirect_location()
        if not target:
            break
        if not target.startswith(("https://", "/")):
            raise CommandError(
                f"{address} redirects to {target}, which is not https", hint=HTTP_HINT
            )
        address = target if target.startswith("https://") else _same_host(address, target)
    if answer.status != 200:
        raise CommandError(f"cannot read {address}: the server answered {answer.status}")
    return body


def _same_host(address: str, path: str) -> str:
    return "https://" + address.removeprefix("https://").partition("/")[0] + path
