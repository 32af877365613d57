"""Which Kubernetes a cluster is, by what its API server answers at `/version`."""

from collections.abc import Mapping
from typing import Any

from weft.numbers import whole_number


def kubernetes_version(said: Mapping[str, Any]) -> tuple[int, int] | None:
    """(major, minor), or None where that cannot be read. Providers write more than digits, such as `34+`."""
    major, minor = (
        whole_number("".join(filter(str.isdecimal, str(said.get(part, "")))))
        for part in ("major", "minor")
    )
    return None if major is None or minor is None else (major, minor)
