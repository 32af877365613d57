"""Where a policy, route, backend or authorization came from: the names metrics carry."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Meta:
    """A resource's coordinates; a default made by the controller has kind `default`."""

    group: str
    """API group: `core`, `policy.linkerd.io`, `gateway.networking.k8s.io`, or empty."""
    kind: str
    """`Service`, `HTTPRoute`, `server`, ...; `default` when no resource stands behind it."""
    namespace: str
    name: str
    section: str = ""
    """The section of the resource that is meant, such as a listener's name."""
    port: str = ""
    """The port of the resource as digits, or empty."""

    @classmethod
    def default(cls, name: str) -> Meta:
        """What the controller, or the proxy itself, made up without a resource."""
        return cls("", "default", "", name)

    def labels(self, prefix: str) -> tuple[tuple[str, str], ...]:
        """The three labels of routes and authorizations: `<prefix>_group`, `_kind`, `_name`."""
        return (
            (f"{prefix}_group", self.group),
            (f"{prefix}_kind", self.kind),
            (f"{prefix}_name", self.name),
        )

    def full_labels(self, prefix: str) -> tuple[tuple[str, str], ...]:
        """The six labels of parents and backends, sorted by name."""
        return (
            (f"{prefix}_group", self.group),
            (f"{prefix}_kind", self.kind),
            (f"{prefix}_name", self.name),
            (f"{prefix}_namespace", self.namespace),
            (f"{prefix}_port", self.port),
            (f"{prefix}_section_name", self.section),
        )


def route_labels(parent: Meta, route: Meta) -> tuple[tuple[str, str], ...]:
    """A route of a parent, with the route's namespace."""
    return (
        *parent.full_labels("parent"),
        *route.labels("route"),
        ("route_namespace", route.namespace),
    )
