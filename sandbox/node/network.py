"""The pod network: one bridge, a namespace and a veth pair per pod.

A pod's address is a /32 with the bridge as its only neighbour, so every packet between pods is
routed by the host, never switched past it. That lets the host undo a service's address
translation on the way back without bridge netfilter, which not every kernel has. Link addresses
follow from IP addresses and are entered on both sides: no ARP, and no neighbour table to overflow.
"""

import contextlib
import json
import re
import socket
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path

from sandbox.node import netns
from sandbox.node.addresses import GATEWAY, POD_NETWORK, AddressPool, mac_of
from sandbox.node.paths import Paths
from sandbox.node.process import CommandError, run

BRIDGE = "weft0"
NAMESPACE_PREFIX = "weft-pod-"
VETH_PREFIX = "wv"
_VETH = re.compile(f"{VETH_PREFIX}[0-9a-f]{{8}}")
EGRESS_TABLE = "weft-egress"

_HOST_SYSCTLS = {
    "net/ipv4/ip_forward": "1",
    f"net/ipv4/conf/{BRIDGE}/send_redirects": "0",
    "net/ipv4/conf/all/send_redirects": "0",
    f"net/ipv4/conf/{BRIDGE}/rp_filter": "0",
    f"net/ipv6/conf/{BRIDGE}/disable_ipv6": "1",
}
_FORWARDING = (("-i", BRIDGE, "-j", "ACCEPT"), ("-o", BRIDGE, "-j", "ACCEPT"))
_POD_SYSCTLS = {
    "net.ipv4.ip_unprivileged_port_start": "0",
    "net.ipv4.ping_group_range": "0 2147483647",
    "net.ipv4.conf.all.accept_redirects": "0",
    "net.ipv4.conf.eth0.accept_redirects": "0",
    "net.ipv6.conf.eth0.disable_ipv6": "1",
}


@dataclass(frozen=True, slots=True)
class PodNetwork:
    """What a pod was given. `namespace` is None for a pod on the host's network."""

    address: IPv4Address
    namespace: Path | None


HOST = PodNetwork(GATEWAY, None)


class Network:
    """The bridge and everybody's addresses."""

    def __init__(self, paths: Paths) -> None:
        self._paths = paths
        self._pool = AddressPool()

    async def up(self) -> None:
        """Make the bridge and let the host forward; what it changes is remembered for `down`."""
        if not _exists(BRIDGE):
            await run("ip", "link", "add", BRIDGE, "type", "bridge")
        commands = [
            f"address replace {GATEWAY}/{POD_NETWORK.prefixlen} dev {BRIDGE}",
            f"link set {BRIDGE} address {mac_of(GATEWAY)} up",
        ]
        await _ip(commands)
        self._set_host_sysctls()
        await run("nft", "-f", "-", data=_egress_rules().encode())
        await _open_forwarding()

    async def down(self) -> None:
        """Undo `up`, and remove what is left of pods' interfaces. Nothing there is fine."""
        await _close_forwarding()
        with contextlib.suppress(CommandError):
            await run("nft", "delete", "table", "ip", EGRESS_TABLE)
        # Those of pods too: a namespace that a killed daemon left may be out of sight, as in a chroot,
        # and its interface goes with the end that is here.
        for interface in own_interfaces():
            with contextlib.suppress(CommandError):
                await run("ip", "link", "delete", interface)
        self._restore_host_sysctls()

    async def attach(self, uid: str) -> PodNetwork:
        """A namespace with an address, `lo` and a default route. Raises CommandError, NoAddressError."""
        address = self._pool.take()
        namespace = namespace_name(uid)
        veth, mac = veth_name(address), mac_of(address)
        try:
            await _ip(
                [
                    f"netns add {namespace}",
                    f"link add {veth} type veth peer name eth0 address {mac} netns {namespace}",
                    f"link set {veth} master {BRIDGE} up",
                    # Where bridge netfilter is on, a pod that reaches itself through its Service
                    # comes back out of the port it came in by.
                    f"link set {veth} type bridge_slave hairpin on",
                    f"neighbour replace {address} lladdr {mac} dev {BRIDGE} nud permanent",
                ]
            )
            await _ip(
                [
                    "link set lo up",
                    f"address add {address}/32 dev eth0",
                    "link set eth0 up",
                    f"route add {GATEWAY} dev eth0 scope link",
                    f"route add default via {GATEWAY} dev eth0",
                    f"neighbour replace {GATEWAY} lladdr {mac_of(GATEWAY)} dev eth0 nud permanent",
                ],
                namespace,
            )
            path = netns.NAMESPACES / namespace
            await netns.set_sysctls(path, _POD_SYSCTLS)
        except BaseException:
            await self.detach(uid, PodNetwork(address, netns.NAMESPACES / namespace))
            raise
        return PodNetwork(address, path)

    async def detach(self, uid: str, network: PodNetwork) -> None:
        """Take the namespace away with its interface; a second time is fine."""
        if network.namespace is None:
            return
        with contextlib.suppress(CommandError):
            await run("ip", "link", "delete", veth_name(network.address))
        with contextlib.suppress(CommandError):
            await run("ip", "netns", "delete", namespace_name(uid))
        with contextlib.suppress(CommandError):
            await run("ip", "neighbour", "delete", str(network.address), "dev", BRIDGE)
        self._pool.free(network.address)

    def _set_host_sysctls(self) -> None:
        saved = self._paths.saved_sysctls
        before = json.loads(saved.read_text()) if saved.exists() else {}
        for key, value in _HOST_SYSCTLS.items():
            path = Path("/proc/sys", key)
            if path.exists():
                before.setdefault(key, path.read_text().strip())
                path.write_text(value)
        saved.parent.mkdir(parents=True, exist_ok=True)
        saved.write_text(json.dumps(before))

    def _restore_host_sysctls(self) -> None:
        saved = self._paths.saved_sysctls
        if not saved.exists():
            return
        for key, value in json.loads(saved.read_text()).items():
            with contextlib.suppress(FileNotFoundError):  # the bridge's own went with it
                Path("/proc/sys", key).write_text(value)
        saved.unlink()


def own_interfaces() -> list[str]:
    """The bridge, and the ends of pods' interfaces that are here, ordered."""
    names = (name for _, name in socket.if_nameindex())
    return sorted(name for name in names if name == BRIDGE or _VETH.fullmatch(name))


def _exists(interface: str) -> bool:
    return any(name == interface for _, name in socket.if_nameindex())


def namespace_name(uid: str) -> str:
    return NAMESPACE_PREFIX + uid


def veth_name(address: IPv4Address) -> str:
    return VETH_PREFIX + address.packed.hex()


async def _ip(commands: list[str], namespace: str | None = None) -> None:
    where = ["-netns", namespace] if namespace else []
    await run("ip", *where, "-batch", "-", data="\n".join(commands).encode() + b"\n")


async def _open_forwarding() -> None:
    """Where somebody else (Docker, a firewall) drops what is forwarded, ask for our bridge to be spared.

    An accepting chain of our own would not do: in netfilter a drop anywhere is final.
    """
    if "-P FORWARD DROP" not in (await run("iptables", "-S", "FORWARD")).decode():
        return
    for rule in _FORWARDING:
        try:
            await run("iptables", "-C", "FORWARD", *rule)
        except CommandError:
            await run("iptables", "-I", "FORWARD", *rule)


async def _close_forwarding() -> None:
    for rule in _FORWARDING:
        with contextlib.suppress(CommandError):
            await run("iptables", "-D", "FORWARD", *rule)


def _egress_rules() -> str:
    """Pods speak to the outside with the host's address, and the host lets them be forwarded."""
    return (
        f"table ip {EGRESS_TABLE} {{}}\n"
        f"flush table ip {EGRESS_TABLE}\n"
        f"table ip {EGRESS_TABLE} {{\n"
        "  chain postrouting {\n"
        "    type nat hook postrouting priority 110; policy accept;\n"
        f'    ip saddr {POD_NETWORK} ip daddr != {POD_NETWORK} oifname != "{BRIDGE}" masquerade\n'
        "  }\n"
        "}\n"
    )
