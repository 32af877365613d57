"""What one subscriber must hear to know a new set of endpoints. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from destination.model import Endpoint
from weft.addresses import SocketAddress


@dataclass(frozen=True)
class Difference:
    """`add` also replaces what is known of an address."""

    add: tuple[Endpoint, ...] = ()
    remove: tuple[SocketAddress, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.add or self.remove)


def diff(
    old: Mapping[SocketAddress, Endpoint], new: Mapping[SocketAddress, Endpoint]
) -> Difference:
    """In order of address, so that equal changes are equal bytes."""
    return Difference(
        add=tuple(new[at] for at in sorted(new) if old.get(at) != new[at]),
        remove=tuple(at for at in sorted(old) if at not in new),
    )
