"""Which EgressNetwork an address outside the cluster belongs to. Pure.

Networks of the client's own namespace come first; only where it has none do those of the namespace
for all, `linkerd-egress` by default, count. Of several that hold the address the one with the most
specific network wins, then the oldest, then the first by name.
"""

import ipaddress

from destination.index import Reader
from destination.policy.attach import egress_accepted
from destination.policy.model import Network
from destination.policy.route import EgressNetwork
from weft.addresses import IPAddress, IPNetwork

EVERYTHING = tuple(Network(ipaddress.ip_network(net)) for net in ("0.0.0.0/0", "::/0"))


def egress_network(
    reader: Reader, ip: str, client: str, everyones: str, cluster: tuple[IPNetwork, ...]
) -> EgressNetwork | None:
    """None when no accepted network holds the address. `client` and `everyones` are namespaces."""
    address = ipaddress.ip_address(ip)
    for namespace in dict.fromkeys((client, everyones)):
        found = reader.by(reader.index.egress_networks, "namespace", namespace)
        usable = [one for one in found if egress_accepted(one, cluster).holds]
        if usable:
            return _best(usable, address, cluster)
    return None


def _best(
    networks: list[EgressNetwork], address: IPAddress, cluster: tuple[IPNetwork, ...]
) -> EgressNetwork | None:
    holding = [(_prefix(one, address, cluster), one) for one in networks]
    ranked = [
        (-prefix, not one.created, one.created, one.key, one)
        for prefix, one in holding
        if prefix is not None
    ]
    return min(ranked, key=lambda rank: rank[:-1])[-1] if ranked else None


def _prefix(
    network: EgressNetwork, address: IPAddress, cluster: tuple[IPNetwork, ...]
) -> int | None:
    """The longest prefix of its networks that holds the address."""
    if not network.networks and any(address in inside for inside in cluster):
        return None
    lengths = [
        one.net.prefixlen
        for one in network.networks or EVERYTHING
        if address in one.net and not any(address in hole for hole in one.excepted)
    ]
    return max(lengths, default=None)
