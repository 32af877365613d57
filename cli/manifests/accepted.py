"""What the API server, or a process of the mesh at its start, would refuse long after `mesh install` is over.

Each function returns what it was given, or raises ValueError that names the part that cannot be used. Values
with a type of their own in `weft/` are checked by that.
"""

from typing import Any

from weft.addresses import AddressError, is_address, split_host_port
from weft.durations import parse_go_duration
from weft.images import is_image_name
from weft.label_text import is_label_key, is_label_value
from weft.names import is_dns_name
from weft.variables import check_variables


def labels(given: dict[str, str]) -> dict[str, str]:
    """Of objects, or of nodes."""
    for key, value in given.items():
        if not is_label_key(key):
            raise ValueError(
                f"{key!r} is not the key of a label: allowed are up to 63 letters, digits, '-', '_' and '.', "
                "perhaps with a domain and '/' before them"
            )
        if not is_label_value(value):
            raise ValueError(
                f"{value!r} is not the value of a label, here of {key}: allowed are up to 63 letters, digits, "
                "'-', '_' and '.'"
            )
    return given


def registry(text: str) -> str:
    """What stands before `/proxy` in the name of an image."""
    image = f"{text}/proxy"
    if "//" in image or not is_image_name(image):
        raise ValueError(
            f"{text!r} is not a registry: the form is HOST[:PORT][/PATH], without a slash at its end"
        )
    return text


def identity(text: str) -> str:
    """A name in a certificate, or empty. A proxy does not start with another."""
    if text and not is_dns_name(text.lower().removesuffix(".")):
        raise ValueError(f"{text!r} is not an identity: it is a name such as a certificate has")
    return text


def paths(text: str) -> str:
    """Prefixes separated by commas. The tap service does not start with another."""
    for one in (part.strip() for part in text.split(",")):
        if one and not one.startswith("/"):
            raise ValueError(f"{one!r} is no prefix of a path: it must begin with /")
    return text


def lifetime(text: str) -> str:
    """Above nothing. The identity service does not start with another."""
    if parse_go_duration(text) <= 0:
        raise ValueError(f"{text!r} is not a lifetime: it must be longer than 0s")
    return text


def collector(text: str) -> str:
    """`host:port`."""
    try:
        host, port = split_host_port(text)
    except AddressError:
        host, port = "", None
    if port is None or not (is_dns_name(host.lower().removesuffix(".")) or is_address(host)):
        raise ValueError(f"enabled needs collector.endpoint, host:port, not {text!r}")
    return text


def variables(given: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """EnvVar objects. One that is wrong would be refused with every pod of the mesh."""
    check_variables(given)
    return given


def strategy(unavailable: int | str, surge: int | str) -> None:
    """A rollout must be able to begin."""
    if {unavailable, surge} <= {0, "0%"}:
        raise ValueError(
            "maxUnavailable and maxSurge are both 0: no pod could ever be replaced by another"
        )
