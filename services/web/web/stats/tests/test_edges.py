"""Links become edges: identities, reasons, order."""

import asyncio

import pytest

from web.stats.backend import Flow, MeasuredLinks, TcpTotals, Traffic
from web.stats.edges import Edge, answer_edges
from web.stats.kinds import Kind
from web.stats.links import End, Link, LinkSelection, Security
from web.stats.query import QueryError, Question
from web.stats.tests.cluster import emojivoto
from web.stats.tests.unasked import Unasked
from weft.names import TrustDomain

DOMAIN = TrustDomain("weft", "cluster.local")
WEB = End(Kind.DEPLOYMENT, "emojivoto", "web")
EMOJI = End(Kind.DEPLOYMENT, "emojivoto", "emoji")
SUFFIX = ".serviceaccount.identity.weft.cluster.local"
SECURED = Security("true", f"emoji.emojivoto{SUFFIX}", "")
PLAIN = Security("no_identity", "", "not_provided_by_service_discovery")


class Known(Unasked):
    """A backend that knows these flows and nothing else."""

    def __init__(self, flows: dict[Link, Flow]) -> None:
        self.flows = flows
        self.asked: LinkSelection | None = None

    async def links(self, selection: LinkSelection, window: float) -> MeasuredLinks:
        self.asked = selection
        return MeasuredLinks(self.flows, 30.0)


def edges(flows: dict[Link, Flow], kind: str = "deployment") -> list[Edge]:
    found = answer_edges(Question(kind, "emojivoto"), emojivoto(), Known(flows), DOMAIN)
    return asyncio.run(found).edges


def test_both_identities_of_a_secured_edge() -> None:
    (edge,) = edges({Link(EMOJI, WEB): Flow(Traffic(9, 1), frozenset((SECURED,)))})
    assert (edge.client_id, edge.server_id) == (f"default.emojivoto{SUFFIX}", SECURED.server_id)
    assert (edge.is_secured, edge.reason) == (True, "")
    assert edge.requests is not None
    assert (edge.requests.success, edge.requests.failure) == (9, 1)
    assert edge.requests.rps == pytest.approx(10 / 30)


def test_one_connection_that_is_not_secured_is_enough() -> None:
    (edge,) = edges({Link(EMOJI, WEB): Flow(Traffic(1), frozenset((SECURED, PLAIN)))})
    assert (edge.is_secured, edge.reason, edge.client_id) == (
        False,
        "not_provided_by_service_discovery",
        "",
    )


def test_a_source_whose_pods_differ_has_no_identity_of_its_own() -> None:
    """Of web's two pods only one is meshed."""
    (edge,) = edges({Link(WEB, EMOJI): Flow(Traffic(1), frozenset((SECURED,)))})
    assert edge.client_id == ""


def test_nothing_said_is_not_secured() -> None:
    (edge,) = edges({Link(EMOJI, WEB): Flow(Traffic())})
    assert (edge.is_secured, edge.reason, edge.requests) == (False, "unknown", None)


def test_tcp_and_no_source() -> None:
    flow = Flow(Traffic(tcp=TcpTotals(2, 300, 60)), frozenset((PLAIN,)))
    (edge,) = edges({Link(None, WEB): flow})
    assert edge.source is None
    assert edge.tcp is not None
    assert (edge.tcp.open_connections, edge.tcp.read_rate) == (2, 10)


def test_edges_are_in_order_of_source_then_target() -> None:
    links = [Link(WEB, EMOJI), Link(None, EMOJI), Link(EMOJI, WEB)]
    found = edges({link: Flow(Traffic()) for link in links})
    assert [(edge.source, edge.target) for edge in found] == [
        (EMOJI, WEB),
        (None, EMOJI),
        (WEB, EMOJI),
    ]


def test_all_asks_for_whatever_owns_the_pods() -> None:
    known = Known({})
    asyncio.run(answer_edges(Question("all", "emojivoto"), emojivoto(), known, DOMAIN))
    assert known.asked is not None
    assert known.asked.sources[0] is Kind.DEPLOYMENT
    assert len(known.asked.sources) > 1


def test_what_cannot_be_asked() -> None:
    with pytest.raises(QueryError, match="colour"):
        edges({}, kind="colour")
