"""Objects of policy as series name them, and the resources whose pods counted by them. Pure."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from web.stats.backend import Traffic
from web.stats.inventory import Inventory
from web.stats.kinds import NAMESPACE_LABEL, Kind
from web.stats.query import Query, Ref
from weft.numbers import whole_number


class Policy(NamedTuple):
    """An object of policy, or the default that stands in for one. What is not known is empty."""

    kind: str
    name: str
    namespace: str = ""
    port: int = 0


SERVER = ("srv_kind", "srv_name", "srv_port")
INBOUND_ROUTE = ("route_kind", "route_name")
AUTHORIZATION = ("authz_kind", "authz_name")
PARENT = ("parent_kind", "parent_namespace", "parent_name", "parent_port")
OUTBOUND_ROUTE = ("route_kind", "route_namespace", "route_name")


@dataclass(frozen=True, slots=True)
class Owned:
    """What the pods of one of the query's resources counted, by their own labels."""

    query: Query

    @property
    def by(self) -> tuple[str, str]:
        """Labels that say whose it is."""
        return NAMESPACE_LABEL, self.query.rows.kind.value

    @property
    def match(self) -> tuple[tuple[str, str], ...]:
        rows = self.query.rows
        wanted = {NAMESPACE_LABEL: rows.namespace, rows.kind.value: rows.name}
        return tuple(sorted((label, value) for label, value in wanted.items() if value))

    def resource(self, values: tuple[str, str]) -> Ref | None:
        """Whose group has these values of `by`; None when its pods belong to nothing of the kind."""
        namespace, name = values
        kind = self.query.rows.kind
        if not name:
            return None
        return Ref(kind, "" if kind is Kind.NAMESPACE else namespace, name)


def asked_for(query: Query, inventory: Inventory) -> Collection[Ref]:
    """The resources a query is about."""
    return {Ref(item.kind, item.key.namespace, item.key.name) for item in inventory.select(query)}


def groups(
    traffic: Mapping[tuple[str, ...], Traffic], labels: tuple[str, ...]
) -> Iterator[tuple[dict[str, str], Traffic]]:
    """Groups with their values by label; those in which nothing moved are left out."""
    for key, one in traffic.items():
        if one.success or one.failure:
            yield dict(zip(labels, key, strict=True)), one


def policy(values: Mapping[str, str], prefix: str) -> Policy:
    """The object that labels `<prefix>_kind`, `_name`, `_namespace`, `_port` name."""
    return Policy(
        values.get(f"{prefix}_kind", ""),
        values.get(f"{prefix}_name", ""),
        values.get(f"{prefix}_namespace", ""),
        whole_number(values.get(f"{prefix}_port", "")) or 0,
    )
