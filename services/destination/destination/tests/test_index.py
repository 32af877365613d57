"""Tables and facts. The invariant: whoever read something hears of every change to it."""

from hypothesis import given
from hypothesis import strategies as st

from destination.index import Fact, Index, Reader, Table
from destination.tests.cluster import BASIC, Cluster, pod, service
from kit.kube.objects import Key


def test_look_up_by_key_and_by_group() -> None:
    cluster = Cluster(*BASIC)
    reader = Reader(cluster.index)
    found = reader.by(cluster.index.services, "ip", "10.96.0.1")
    assert [one.key.name for one in found] == ["web"]
    assert reader.get(cluster.index.pods, Key("ns", "none")) is None
    assert reader.facts == {("services by ip", "10.96.0.1"), ("pods", Key("ns", "none"))}


def test_a_change_touches_old_and_new_facts() -> None:
    cluster = Cluster(service(ip="10.96.0.1"))
    touched = cluster.put(service(ip="10.96.0.2"))
    assert touched == {
        ("services", Key("ns", "web")),
        ("services by ip", "10.96.0.1"),
        ("services by ip", "10.96.0.2"),
    }
    assert cluster.index.services.by("ip", "10.96.0.1") == []


def test_what_changes_nothing_touches_nothing() -> None:
    cluster = Cluster(*BASIC)
    assert cluster.put(*BASIC) == set()
    assert cluster.gone(pod("unknown")) == set()


def test_a_pod_that_ends_goes() -> None:
    cluster = Cluster(pod())
    assert ("pods by ip", "10.244.0.1") in cluster.put(pod(phase="Succeeded"))
    assert len(cluster.index.pods) == 0


def test_a_host_network_pod_is_not_found_by_the_nodes_address() -> None:
    cluster = Cluster(pod(ip="192.168.0.1", hostNetwork=True))
    assert cluster.index.pods.by("ip", "192.168.0.1") == []


def test_reprs_are_summaries() -> None:
    assert repr(Index().pods) == "<Table pods: 0>"


_KEYS = st.sampled_from([Key("a", "x"), Key("a", "y"), Key("b", "x")])
_VALUES = st.frozensets(st.integers(0, 3), max_size=3)


@given(st.lists(st.tuples(_KEYS, st.none() | _VALUES), max_size=30))
def test_no_change_escapes_its_readers(steps: list[tuple[Key, frozenset[int] | None]]) -> None:
    """After any step, every look-up whose answer differs is among the facts touched."""
    table: Table[frozenset[int]] = Table("t", n=lambda value: value)
    keys = [Key("a", "x"), Key("a", "y"), Key("b", "x")]
    for key, value in steps:
        before = {("t", one): table.get(one) for one in keys}
        groups = {table.fact("n", number): table.by("n", number) for number in range(4)}
        touched = table.drop(key) if value is None else table.put(key, value)
        changed: set[Fact] = {("t", one) for one in keys if table.get(one) != before["t", one]}
        changed |= {fact for fact, old in groups.items() if table.by("n", fact[1]) != old}
        assert changed <= touched
        assert bool(touched) == bool(changed)
