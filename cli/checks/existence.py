"""weft-existence: is the control plane installed, and does it run?"""

import ipaddress

from cli.certificates import CertificateError
from cli.checks.context import COMPONENTS, Context, Json, not_ready, pod_name
from cli.checks.identity import issuer_chain
from cli.checks.model import Category, Check
from cli.checks.problem import Problem
from cli.cluster.errors import ClusterError
from cli.cluster.paths import DEPLOYMENTS, NODES, PODS, SERVICES, find, items

CONSEQUENCES = {
    "identity": "Without identity no proxy gets or renews a certificate.",
    "destination": "Without destination proxies learn of no new endpoints; those they know keep working.",
    "proxy-injector": "Without the webhook pods are created without a proxy.",
    "tap": "Without tap there is no `mesh tap` and `mesh top`; traffic is not affected.",
    "web": "Without web there is no `mesh stat`; traffic is not affected.",
}


def config_exists(context: Context) -> None:
    """ConfigMap weft-config is there and readable."""
    context.installed()


def deployments_ready(context: Context) -> None:
    """Each component has the replicas it should have."""
    short = []
    for component, name in COMPONENTS.items():
        found = find(context.cluster, DEPLOYMENTS, name, context.weft_namespace)
        if found is None:
            short.append(f"deployment/{name} does not exist. {CONSEQUENCES[component]}")
            continue
        wanted = (found.get("spec") or {}).get("replicas", 1)
        ready = (found.get("status") or {}).get("readyReplicas") or 0
        if wanted == 0:
            short.append(f"deployment/{name} is scaled to 0. {CONSEQUENCES[component]}")
        elif ready < wanted:
            short.append(
                f"deployment/{name} has {ready} of {wanted} pods ready. {CONSEQUENCES[component]}"
            )
    if short:
        hopeless = all("does not exist" in one or "scaled to 0" in one for one in short)
        raise Problem("\n".join(short), advice=_scale_advice(context, short), hopeless=hopeless)


def _scale_advice(context: Context, short: list[str]) -> str:
    scaled = [one.split()[0] for one in short if "scaled to 0" in one]
    if scaled:
        return f"Run `kubectl -n {context.weft_namespace} scale --replicas=1 {' '.join(scaled)}`."
    return ""


def nothing_unschedulable(context: Context) -> None:
    """A node has room for every pod."""
    found: list[str] = []
    for pod in context.control_plane_pods():
        found += [
            f"{pod_name(pod)}: {condition.get('message', 'unschedulable')}"
            for condition in (pod.get("status") or {}).get("conditions") or []
            if condition.get("reason") == "Unschedulable"
        ]
    if found:
        raise Problem("\n".join(found))


def pods_ready(context: Context) -> None:
    """Each component has a pod, and all containers of its pods are ready."""
    found, hopeless, advice = [], False, ""
    for component, workload in COMPONENTS.items():
        pods = context.component_pods(component)
        if not pods:
            found.append(f'No running pods for "{workload}". {CONSEQUENCES[component]}')
        reasons = [sentence for pod in pods for sentence in not_ready(pod)]
        found += reasons
        if (
            component == "identity"
            and (reasons or not pods)
            and (expired := _expired_issuer(context))
        ):
            found.append(f"{expired}, so identity signs nothing")
            advice = "Give it a new issuer: docs/how-to/rotate-certificates.md."
            hopeless = True
    if found:
        raise Problem("\n".join(found), advice=advice, hopeless=hopeless)


def _expired_issuer(context: Context) -> str:
    try:
        issuer_chain(context)[0].check_time(context.now())
    except CertificateError as error:
        return str(error)
    except (Problem, ClusterError):
        return ""
    return ""


def networks_contain_nodes(context: Context) -> None:
    """Pod ranges of nodes are cluster networks."""
    ranges = [
        (f"node {node['metadata']['name']}", str(cidr))
        for node in items(context.cluster, NODES)
        for cidr in _pod_ranges(node)
    ]
    _require_inside(context, ranges)


def _pod_ranges(node: Json) -> list[str]:
    spec = node.get("spec") or {}
    return spec.get("podCIDRs") or ([spec["podCIDR"]] if spec.get("podCIDR") else [])


def networks_contain_pods(context: Context) -> None:
    """Pods' addresses are in cluster networks."""
    addresses = []
    for pod in items(context.cluster, PODS):
        address = (pod.get("status") or {}).get("podIP")
        if address and not (pod.get("spec") or {}).get("hostNetwork"):
            addresses.append((f"pod {pod_name(pod)}", address))
    _require_inside(context, addresses)


def networks_contain_services(context: Context) -> None:
    """Services' addresses are in cluster networks."""
    addresses = []
    for service in items(context.cluster, SERVICES):
        address = (service.get("spec") or {}).get("clusterIP")
        if address and address != "None":
            addresses.append((f"service {pod_name(service)}", address))
    _require_inside(context, addresses)


def _require_inside(context: Context, found: list[tuple[str, str]]) -> None:
    text = str(context.installed().values.get("clusterNetworks", ""))
    networks = [ipaddress.ip_network(one.strip()) for one in text.split(",") if one.strip()]
    outside = []
    for what, address in found:
        network = ipaddress.ip_network(address, strict=False)
        if not any(_contains(one, network) for one in networks):
            outside.append(f"{what}: {address} is not in the clusterNetworks")
    if outside:
        raise Problem(
            "\n".join(outside[:5] + ([f"and {len(outside) - 5} more"] if len(outside) > 5 else []))
        )


def _contains(
    outer: ipaddress.IPv4Network | ipaddress.IPv6Network,
    inner: ipaddress.IPv4Network | ipaddress.IPv6Network,
) -> bool:
    if isinstance(outer, ipaddress.IPv4Network) and isinstance(inner, ipaddress.IPv4Network):
        return inner.subnet_of(outer)
    if isinstance(outer, ipaddress.IPv6Network) and isinstance(inner, ipaddress.IPv6Network):
        return inner.subnet_of(outer)
    return False


NETWORKS_ADVICE = "Install with --set clusterNetworks=..., naming the networks of nodes, pods and services: proxies look up only addresses inside them."

CATEGORY = Category(
    "weft-existence",
    (
        Check(
            "'weft-config' config map exists", "l5d-existence-linkerd-config",
            "Install the control plane with `mesh install | kubectl apply -f -`, or name its namespace with -L.",
            config_exists, fatal=True,
        ),
        Check(
            "control plane replica sets are ready", "l5d-existence-replicasets",
            "Ask `kubectl -n weft describe deploy` and `kubectl -n weft get events` why pods are missing.",
            deployments_ready, retry=True,
        ),
        Check(
            "no unschedulable pods", "l5d-existence-unschedulable-pods",
            "Free or add CPU and memory, or lower the requests.",
            nothing_unschedulable, warning=True, retry=True,
        ),
        Check(
            "control plane pods are ready", "l5d-api-control-ready",
            "Read the container's log: `kubectl -n weft logs POD -c CONTAINER --previous`.",
            pods_ready, retry=True,
        ),
        Check("cluster networks contains all node podCIDRs", "l5d-cluster-networks-cidr", NETWORKS_ADVICE, networks_contain_nodes),
        Check("cluster networks contains all pods", "l5d-cluster-networks-pods", NETWORKS_ADVICE, networks_contain_pods),
        Check("cluster networks contains all services", "l5d-cluster-networks-pods", NETWORKS_ADVICE, networks_contain_services),
    ),
)  # fmt: skip
