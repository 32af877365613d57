"""Which targets are remembered, and for how long."""

from web.stats.backend import Group
from web.stats.collector.memory import HORIZON, Identity, Memory
from web.stats.collector.target import Target
from web.stats.kinds import Kind
from web.stats.query import Query, Ref
from web.stats.selection import select

OK = 'response_total{direction="inbound",classification="success"}'
OTHER = 'response_total{direction="inbound",classification="maybe"}'
PODS = select(Query(Ref(Kind.POD)))
WEB = Identity("uid", "10.0.0.1", 4191)


def memory(spelling: str = OK, **labels: str) -> Memory:
    target = Target({"namespace": "emojivoto", **labels}, since=0.0)
    target.apply([(spelling, 1)], at=0)
    target.apply([(spelling, 9)], at=5)
    return Memory({WEB: target})


def test_a_pod_that_is_gone_is_remembered_to_the_horizon_and_no_longer() -> None:
    known = memory(pod="web")
    known.forget(5 + HORIZON, present=())
    assert known.measure(PODS, 0, 5 + HORIZON, 0)[Group("emojivoto", "web")].success == 8
    known.forget(5 + HORIZON + 1, present=())
    assert not known.targets


def test_a_present_target_is_kept_even_when_it_says_nothing() -> None:
    known = Memory({WEB: Target({}, 0.0)})
    known.forget(10_000, present=[WEB])
    assert WEB in known.targets


def test_pods_without_the_label_of_the_rows_are_in_no_row() -> None:
    deployments = select(Query(Ref(Kind.DEPLOYMENT)))
    assert memory(pod="static").measure(deployments, 0, 5, 0) == {}


def test_a_classification_that_is_neither_counts_as_neither() -> None:
    (traffic,) = memory(OTHER, pod="web").measure(PODS, 0, 5, 0).values()
    assert (traffic.success, traffic.failure) == (0, 0)
