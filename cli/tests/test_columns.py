"""Tables of names that others chose."""

import pytest

from cli.render import authz, edges, routes, stats
from cli.render.columns import Column, columns, titled
from weftapi.stats.v1.authz_pb2 import Authorization
from weftapi.stats.v1.edges_pb2 import Edge
from weftapi.stats.v1.routes_pb2 import Policy, Route
from weftapi.stats.v1.stats_pb2 import Resource, Row

EVIL = "x\x1b]0;owned\x07\x1b[2J\nfake row"
SHOWN = r"x\x1b]0;owned\x07\x1b[2J\nfake row"
WEB = Resource(kind="deployment", namespace="n", name="web")
ODD = Resource(kind="authority", namespace="n", name=EVIL)
NAMED = Policy(kind="ServiceProfile", name=EVIL)


def test_columns_are_as_wide_as_what_is_shown() -> None:
    heads = [Column("NAME", left=True), Column("RPS")]
    assert columns(heads, [["a\t\tb", "1"], ["grün", "12"]]) == (
        "NAME     RPS\n"
        "a\\t\\tb     1\n"
        "grün      12\n"
    )  # fmt: skip


@pytest.mark.parametrize(
    ("lines", "text"),
    [
        (2, stats.tables([Row(resource=ODD)], namespaces=False, wide=False)),
        (2, routes.tables(routes.by_resource([Route(resource=WEB, route=NAMED)]), wide=False)),
        (2, edges.table([Edge(source=WEB, target=ODD)], wide=False)),
        (2, authz.tables([Authorization(resource=WEB, route=NAMED)], namespaces=False)),
        (1, titled(EVIL, "")),
    ],
)
def test_a_name_cannot_move_the_cursor_or_begin_a_row(lines: int, text: str) -> None:
    assert SHOWN in text
    assert text.count("\n") == lines
    assert all(line.isprintable() for line in text.split("\n"))
