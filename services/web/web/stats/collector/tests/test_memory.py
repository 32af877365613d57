"""Which targets are remembered, and for how long."""

from web.stats.backend import Group, Sample
from web.stats.collector.memory import HORIZON, Identity, Memory
from web.stats.collector.target import Target
from web.stats.kinds import Kind
from web.stats.links import select_links
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


SENT = 'response_total{direction="outbound",tls="%s",server_id="%s",dst_namespace="emojivoto",dst_deployment="voting",classification="success"}'
OPEN = SENT.replace("response_total", "tcp_open_connections").replace(
    'classification="success"', 'peer="dst"'
)
NEAR = select_links(Ref(Kind.DEPLOYMENT, "emojivoto"))
SENDER = {"namespace": "emojivoto", "deployment": "web"}


def sender(*scrapes: dict[str, float]) -> Memory:
    target = Target(SENDER, since=0.0)
    for index, values in enumerate(scrapes):
        target.apply(values.items(), at=5.0 * index)
    return Memory({WEB: target})


def test_a_link_is_secured_as_its_open_connections_are() -> None:
    secured, plain = ("true", "voting.emojivoto"), ("no_identity", "")
    known = sender(
        {SENT % secured: 1, SENT % plain: 1, OPEN % secured: 0, OPEN % plain: 0},
        {SENT % secured: 4, SENT % plain: 1, OPEN % secured: 1, OPEN % plain: 0},
    )
    ((link, flow),) = known.links(NEAR, 0, 5, 0).items()
    assert link.source is not None
    assert (link.source.name, link.target.name) == ("web", "voting")
    assert flow.traffic.success == 3
    assert flow.traffic.tcp is not None
    assert flow.traffic.tcp.open_connections == 1
    assert [one.server_id for one in flow.security] == ["voting.emojivoto"]


def test_a_link_at_rest_is_secured_as_it_was() -> None:
    known = sender({SENT % ("true", "voting.emojivoto"): 1})
    (flow,) = known.links(NEAR, -10, 0, -1).values()
    assert [one.is_secured for one in flow.security] == [True]


def test_links_older_than_the_window_are_not_told() -> None:
    known = sender({SENT % ("true", "v"): 1}, {SENT % ("true", "v"): 2})
    assert known.links(NEAR, 5, 60, 0) == {}
    assert known.links(select_links(Ref(Kind.DEPLOYMENT, "other")), 0, 5, 0) == {}


def test_history_is_what_each_window_saw() -> None:
    target = Target({"namespace": "emojivoto", "pod": "web"}, since=0.0)
    for at in range(0, 65, 5):
        target.apply([(OK, at), (OK.replace("success", "failure"), at // 2)], at=at)
    past = Memory({WEB: target}).history(PODS, [20, 40, 60], 20)
    assert past == {Group("emojivoto", "web"): [Sample(20, 10), Sample(20, 10), Sample(20, 10)]}
