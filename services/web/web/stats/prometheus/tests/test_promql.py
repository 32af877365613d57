"""Queries as text."""

from web.stats.prometheus.promql import Either, Increase, Now, count, label


def test_an_increase() -> None:
    query = Increase("response_total", (("job", "seed"), ("pod", 'a"\\')), ("job", "dst_job"), 90.5)
    assert str(query) == (
        "sum by (k8s_job, dst_job) "
        '(increase(response_total{k8s_job="seed",pod="a\\"\\\\"}[90500ms]))'
    )
    assert label("k8s_job") == "job"


def test_a_gauge() -> None:
    assert str(Now("tcp_open_connections", (), ("pod",))) == "sum by (pod) (tcp_open_connections)"
    assert count("up", (("a", "b"),)) == 'count(up{a="b"})'


def test_either_of_two() -> None:
    matches = ((("a", "1"),), (("b", "2"),))
    assert str(Either("x", matches, ("c",), 60)) == (
        'sum by (c) (increase(x{a="1"}[60000ms]) or increase(x{b="2"}[60000ms]))'
    )
    assert str(Either("x", ((),), ("c",), None)) == "sum by (c) (x)"
