"""Every command of `mesh`, said without importing any of them.

`mesh --help` and shell completion read only this table; a command's module is imported when it is run.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Entry:
    """Where a command lives and its one line in the list of commands."""

    module: str
    attribute: str
    help: str


@dataclass(frozen=True, slots=True)
class Absent:
    """A command of Linkerd's that there is none of here: that it is so, and what to do instead."""

    sentence: str
    instead: str


COMMANDS: dict[str, Entry] = {
    "authz": Entry("cli.commands.authz", "authz", "Show what policy lets in and what it keeps out."),
    "check": Entry("cli.commands.check", "check", "Say whether the mesh works, and what to do if not."),
    "completion": Entry("cli.commands.completion", "completion", "Print the completion script of a shell."),
    "dashboard": Entry("cli.commands.dashboard", "dashboard", "Open the dashboard in a browser."),
    "diagnostics": Entry("cli.commands.diagnostics.group", "diagnostics", "Look into the mesh: discovery, policy, metrics, and why requests fail."),
    "edges": Entry("cli.commands.edges", "edges", "Show who talks to whom, and whether it is secured."),
    "identity": Entry("cli.commands.identity", "identity", "Print the certificate a pod's proxy presents."),
    "inject": Entry("cli.commands.inject", "inject", "Add the proxy to the workloads of manifests."),
    "install": Entry("cli.commands.install", "install", "Print the manifests of the control plane."),
    "list": Entry("cli.commands.list_pods", "list_pods", "List the meshed pods, by whether they can be tapped."),
    "metrics": Entry("cli.commands.diagnostics.metrics", "proxy_metrics", "Print the metrics of proxies: `diagnostics proxy-metrics`."),
    "profile": Entry("cli.commands.profile", "profile", "Print a ServiceProfile, made of an API's description or of live requests."),
    "prune": Entry("cli.commands.prune", "prune", "Print what to delete after an upgrade."),
    "routes": Entry("cli.commands.routes", "routes", "Show how each route does."),
    "sandbox": Entry("cli.commands.sandbox", "sandbox", "Run a cluster of one host, without Kubernetes."),
    "stat": Entry("cli.commands.stat", "stat", "Show success rate, requests per second and latency."),
    "tap": Entry("cli.commands.tap", "tap", "Show requests as they happen."),
    "top": Entry("cli.commands.top", "top", "Show which calls are most frequent, live."),
    "uninject": Entry("cli.commands.uninject", "uninject", "Remove the proxy from the workloads of manifests."),
    "uninstall": Entry("cli.commands.uninstall", "uninstall", "Print what to delete to remove the control plane."),
    "upgrade": Entry("cli.commands.upgrade", "upgrade", "Print the installed control plane's manifests anew."),
    "version": Entry("cli.commands.version", "version", "Print the versions of the command and the control plane."),
}  # fmt: skip

DIAGNOSTICS: dict[str, Entry] = {
    "controller-metrics": Entry("cli.commands.diagnostics.metrics", "controller_metrics", "Print the metrics of the control plane."),
    "endpoints": Entry("cli.commands.diagnostics.endpoints", "endpoints", "Show where the mesh sends requests for a Service."),
    "policy": Entry("cli.commands.diagnostics.policy", "policy", "Show the policy a proxy is given for a port."),
    "profile": Entry("cli.commands.diagnostics.profile", "profile", "Show what a proxy is told about an address."),
    "proxy-metrics": Entry("cli.commands.diagnostics.metrics", "proxy_metrics", "Print the metrics of proxies."),
    "why": Entry("cli.commands.diagnostics.why", "why", "Say what fails at a workload, since when, and what to do."),
}  # fmt: skip
"""The commands of `mesh diagnostics`."""

EXTENSIONS: dict[str, tuple[str, ...]] = {
    "viz": (
        "authz",
        "check",
        "dashboard",
        "edges",
        "list",
        "profile",
        "routes",
        "stat",
        "tap",
        "top",
    ),
}
"""Linkerd's extension groups: `mesh viz stat` is `mesh stat`, so that fingers need not learn anew."""

ALIASES = {"dg": "diagnostics"}
"""Other names of commands, as Linkerd has them."""

_MULTICLUSTER = Absent(
    "Weft links no clusters yet: there is no multicluster command",
    "A proxy can be the gateway that other clusters' proxies come in by: docs/how-to/gateway.md.",
)
_PART_OF_IT = Absent(
    "there is no viz extension: statistics, tap and the dashboard are parts of the control plane",
    "They come with `mesh install` and go with `mesh uninstall`.",
)

ABSENT: dict[str, Absent] = {
    "install-cni": Absent("Weft has no CNI plugin yet", "The init container that redirects traffic needs NET_ADMIN and NET_RAW."),
    "jaeger": Absent("Weft has no jaeger extension", "Proxies send their spans to a collector of yours: docs/how-to/tracing.md."),
    "mc": _MULTICLUSTER,
    "multicluster": _MULTICLUSTER,
}  # fmt: skip
"""Names of Linkerd's that mean nothing here."""

ABSENT_OF_EXTENSIONS: dict[str, dict[str, Absent]] = {
    "viz": {
        "allow-scrapes": Absent("no policy of Weft's keeps a Prometheus from a proxy's metrics", "Who may read them is a NetworkPolicy's business: docs/how-to/prometheus.md."),
        "install": _PART_OF_IT,
        "prune": _PART_OF_IT,
        "stat-inbound": Absent("there is no stat-inbound", "`mesh authz RESOURCE` shows what a workload serves, by server and route; `mesh routes RESOURCE` by route alone."),
        "stat-outbound": Absent("there is no stat-outbound", "`mesh routes RESOURCE --to svc/NAME -o wide` shows the routes that a workload takes, with each try."),
        "uninstall": _PART_OF_IT,
    },
}  # fmt: skip
"""The same within Linkerd's extension groups."""
