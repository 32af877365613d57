"""The three files every pod gets: /etc/hosts, /etc/hostname and /etc/resolv.conf. Pure."""

from ipaddress import IPv4Address

from sandbox.node.objects import Object, host_network, name, namespace, spec

CLUSTER_DNS = IPv4Address("10.96.0.10")
CLUSTER_DOMAIN = "cluster.local"
_LONGEST_HOSTNAME = 63


def hostname(pod: Object) -> str:
    return str(spec(pod).get("hostname") or name(pod))[:_LONGEST_HOSTNAME].rstrip("-.")


def hosts(pod: Object, address: str) -> str:
    """The managed hosts file, `hostAliases` included."""
    domain = spec(pod).get("subdomain")
    own = hostname(pod)
    if domain:
        own = f"{own}.{domain}.{namespace(pod)}.svc.{CLUSTER_DOMAIN}\t{own}"
    lines = [
        "# Kubernetes-managed hosts file.",
        "127.0.0.1\tlocalhost",
        "::1\tlocalhost ip6-localhost ip6-loopback",
        f"{address}\t{own}",
    ]
    aliases = spec(pod).get("hostAliases") or ()
    lines += ["\t".join([str(one["ip"]), *map(str, one.get("hostnames") or ())]) for one in aliases]
    return "\n".join(lines) + "\n"


def resolv_conf(pod: Object, host: str) -> str:
    """By `dnsPolicy` and `dnsConfig`; `host` is the host's own resolv.conf."""
    policy = str(spec(pod).get("dnsPolicy") or "ClusterFirst")
    if policy == "ClusterFirst" and host_network(pod):
        policy = "Default"
    extra = spec(pod).get("dnsConfig") or {}
    servers, searches, options = _base(policy, namespace(pod), host)
    servers += [str(one) for one in extra.get("nameservers") or ()]
    searches += [str(one) for one in extra.get("searches") or ()]
    for one in extra.get("options") or ():
        options[str(one["name"])] = str(one.get("value") or "")
    lines = [f"search {' '.join(searches)}"] if searches else []
    lines += [f"nameserver {one}" for one in dict.fromkeys(servers)]
    if options:
        shown = (f"{key}:{value}" if value else key for key, value in options.items())
        lines.append(f"options {' '.join(shown)}")
    return "\n".join(lines) + "\n"


def _base(policy: str, ns: str, host: str) -> tuple[list[str], list[str], dict[str, str]]:
    if policy == "None":
        return [], [], {}
    if policy == "Default":
        return _parse(host)
    searches = [f"{ns}.svc.{CLUSTER_DOMAIN}", f"svc.{CLUSTER_DOMAIN}", CLUSTER_DOMAIN]
    return [str(CLUSTER_DNS)], searches, {"ndots": "5"}


def _parse(text: str) -> tuple[list[str], list[str], dict[str, str]]:
    servers: list[str] = []
    searches: list[str] = []
    options: dict[str, str] = {}
    for line in text.splitlines():
        word, *rest = line.split() or [""]
        if word == "nameserver":
            servers += rest[:1]
        elif word == "search":
            searches = rest
        elif word == "options":
            options |= dict(one.partition(":")[::2] for one in rest)
    return servers, searches, options
