"""A plan as the text of the nftables table, loaded whole in one transaction.

A packet to a service address is looked up once, by address, protocol and port, and goes to that
front's chain, which rewrites the destination to one of the endpoints at random (by the client's
address where the Service asks for affinity). Established connections follow conntrack, so a new
table never moves them. What is left of the service range after translation had no endpoint: it is
rejected, so that clients hear "connection refused" at once instead of waiting.

Replies come back by the host because a pod has no neighbour but the host, so nothing is hidden from
the pod about who called. The one exception is a pod that reaches itself through its Service: its own
address would come back in on its own interface as forged, so that flow alone is masqueraded.
"""

from ipaddress import IPv4Network

from sandbox.services.plan import Endpoint, Front, Plan

TABLE = "weft_sandbox"


def render(plan: Plan, service_range: IPv4Network) -> str:
    """The input of ``nft -f -``: makes, empties and fills the table at once."""
    chains = {front: f"front_{number}" for number, front in enumerate(plan.fronts)}
    lookups = [
        f"{address} . {front.protocol} . {front.port} : goto {chain}"
        for front, chain in chains.items()
        if front.endpoints
        for address in front.addresses
    ]
    node_ports = [
        f"{front.protocol} . {front.node_port} : goto {chain}"
        for front, chain in chains.items()
        if front.endpoints and front.node_port is not None
    ]
    empty = [
        f"{address} . {front.protocol} . {front.port}"
        for front in plan.fronts
        if not front.endpoints
        for address in front.addresses
    ]
    pods = [f"{address} . {address}" for address in sorted(plan.pods)]
    lines = [
        f"table ip {TABLE}",
        f"delete table ip {TABLE}",
        f"table ip {TABLE} {{",
        *_map("fronts", "ip daddr . meta l4proto . th dport : verdict", lookups),
        *_map("node_ports", "meta l4proto . th dport : verdict", node_ports),
        *_set("empty", "ip daddr . meta l4proto . th dport", empty),
        *_set("itself", "ip saddr . ip daddr", pods),
    ]
    for front, chain in chains.items():
        if front.endpoints:
            lines += _front(front, chain)
    lines += [
        "  chain services {",
        "    ip daddr . meta l4proto . th dport vmap @fronts",
        "    fib daddr type local meta l4proto . th dport vmap @node_ports",
        "  }",
        "  chain from_pods {",
        "    type nat hook prerouting priority dstnat; policy accept;",
        "    jump services",
        "  }",
        "  chain from_host {",
        "    type nat hook output priority -100; policy accept;",
        "    jump services",
        "  }",
        "  chain itself {",
        "    type nat hook postrouting priority srcnat; policy accept;",
        "    ct status dnat ip saddr . ip daddr @itself masquerade",
        "  }",
        "  chain unanswered {",
        f"    ip daddr {service_range} reject",
        "    ip daddr . meta l4proto . th dport @empty reject",
        "  }",
        "  chain refuse_pods {",
        "    type filter hook forward priority filter; policy accept;",
        "    jump unanswered",
        "  }",
        "  chain refuse_host {",
        "    type filter hook output priority filter; policy accept;",
        "    jump unanswered",
        "  }",
        "}",
    ]
    return "\n".join(lines) + "\n"


def removal() -> str:
    """The input of ``nft -f -`` that takes the table away, there or not."""
    return f"table ip {TABLE}\ndelete table ip {TABLE}\n"


def _map(name: str, shape: str, elements: list[str]) -> list[str]:
    return _container("map", name, shape, elements)


def _set(name: str, shape: str, elements: list[str]) -> list[str]:
    return _container("set", name, shape, elements)


def _container(kind: str, name: str, shape: str, elements: list[str]) -> list[str]:
    body = [f"    typeof {shape}"]
    if elements:
        body.append("    elements = {")
        body += [f"      {element}," for element in elements]
        body.append("    }")
    return [f"  {kind} {name} {{", *body, "  }"]


def _front(front: Front, chain: str) -> list[str]:
    return [
        f"  chain {chain} {{",
        f'    meta l4proto {front.protocol} {_translate(front)} comment "{front.name}"',
        "  }",
    ]


def _translate(front: Front) -> str:
    if len(front.endpoints) == 1:
        only = front.endpoints[0]
        return f"dnat to {only.address}:{only.port}"
    # Affinity by hash keeps a client with its endpoint for as long as the endpoints stay the same,
    # which is longer than the timeout asks for and needs no memory of clients.
    chance = "jhash ip saddr" if front.affinity_seconds else "numgen random"
    choices = ", ".join(f"{n} : {_target(e)}" for n, e in enumerate(front.endpoints))
    return f"dnat ip to {chance} mod {len(front.endpoints)} map {{ {choices} }}"


def _target(endpoint: Endpoint) -> str:
    return f"{endpoint.address} . {endpoint.port}"
