"""Pod addresses: which are free. Pure."""

from ipaddress import IPv4Address, IPv4Network

POD_NETWORK = IPv4Network("10.244.0.0/16")
GATEWAY = IPv4Address("10.244.0.1")


class NoAddressError(Exception):
    """Every address of the pod network is taken."""


class AddressPool:
    """Addresses in order, a freed one not again before all others: a late packet meets nobody new."""

    def __init__(self, network: IPv4Network = POD_NETWORK) -> None:
        self._network = network
        self._first = int(network.network_address) + 2  # after the network's and the gateway's
        self._last = int(network.broadcast_address) - 1
        self._next = self._first
        self._taken: set[int] = set()

    def __repr__(self) -> str:
        return f"<AddressPool {self._network} taken={len(self._taken)}>"

    def take(self) -> IPv4Address:
        """Raises NoAddressError."""
        if len(self._taken) > self._last - self._first:
            raise NoAddressError(f"all addresses of {self._network} are taken")
        while self._next in self._taken:
            self._advance()
        address = self._next
        self._taken.add(address)
        self._advance()
        return IPv4Address(address)

    def free(self, address: IPv4Address) -> None:
        self._taken.discard(int(address))

    def _advance(self) -> None:
        self._next = self._first if self._next == self._last else self._next + 1


def mac_of(address: IPv4Address) -> str:
    """The link address of the interface with this address, so that nobody needs to ask for it."""
    return "02:58:" + ":".join(f"{byte:02x}" for byte in address.packed)
