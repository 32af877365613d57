"""Who owns whom, how pods count, and what a query selects, while objects come and go."""

from kit.kube.objects import Key
from kit.kube.selectors import parse_selector
from web.stats.inventory import Inventory, PodCounts
from web.stats.kinds import Kind
from web.stats.query import Query, Ref
from web.stats.sources import targets
from web.stats.tests.cluster import emojivoto, obj, pod


def names(known: Inventory, query: Query) -> list[str]:
    return sorted(item.key.name for item in known.select(query))


def test_pods_count_for_every_owner_up_to_the_namespace() -> None:
    known = emojivoto()
    assert known.counts(Kind.DEPLOYMENT) == {
        Key("emojivoto", "web"): PodCounts(meshed=1, running=2),
        Key("emojivoto", "emoji"): PodCounts(meshed=1, running=1),
    }
    assert known.counts(Kind.REPLICA_SET)[Key("emojivoto", "web-1")] == PodCounts(1, 2)
    assert known.counts(Kind.NAMESPACE) == {Key("", "emojivoto"): PodCounts(2, 3, failed=1)}
    assert known.counts(Kind.POD)[Key("emojivoto", "web-1-b")] == PodCounts(0, 1)


def test_completed_pods_count_nowhere_and_failed_ones_as_failed() -> None:
    assert emojivoto().counts(Kind.JOB) == {Key("emojivoto", "seed"): PodCounts(0, 0, failed=1)}


def test_selection_by_kind_namespace_name_and_labels() -> None:
    known = emojivoto()
    deployments = Ref(Kind.DEPLOYMENT, "emojivoto")
    assert names(known, Query(deployments)) == ["emoji", "web"]
    assert names(known, Query(Ref(Kind.DEPLOYMENT))) == ["emoji", "web"]
    assert names(known, Query(Ref(Kind.DEPLOYMENT, "elsewhere"))) == []
    assert names(known, Query(Ref(Kind.DEPLOYMENT, "emojivoto", "web"))) == ["web"]
    assert names(known, Query(deployments, parse_selector("app=web-svc"))) == ["web"]
    assert names(known, Query(Ref(Kind.NAMESPACE))) == ["emojivoto", "empty"]


def test_completed_pods_get_no_row() -> None:
    assert names(emojivoto(), Query(Ref(Kind.POD, "emojivoto"))) == [
        "emoji-1-a",
        "web-1-a",
        "web-1-b",
    ]


def test_ownership_is_known_in_whatever_order_objects_come() -> None:
    known = Inventory("weft")
    known.put(Kind.POD, pod("web-1-a", ("ReplicaSet", "web-1")))
    (one,) = known.pods()
    assert known.belonging(one) == {
        "namespace": "emojivoto", "pod": "web-1-a", "replicaset": "web-1",
    }  # fmt: skip
    known.put(Kind.REPLICA_SET, obj("web-1", owner=("Deployment", "web")))
    assert known.belonging(one)["deployment"] == "web"
    known.remove(Kind.POD, Key("emojivoto", "web-1-a"))
    known.remove(Kind.POD, Key("emojivoto", "never-there"))
    assert list(known.pods()) == []


def test_a_cron_job_owns_what_its_jobs_own() -> None:
    known = Inventory("weft")
    known.put(Kind.CRON_JOB, obj("backup"))
    known.put(Kind.JOB, obj("backup-1", owner=("CronJob", "backup")))
    known.put(Kind.POD, pod("backup-1-a", ("Job", "backup-1")))
    assert known.counts(Kind.CRON_JOB) == {Key("emojivoto", "backup"): PodCounts(1, 1)}


def test_routes_of_two_api_groups_with_one_name_are_one_item() -> None:
    known, routes = Inventory("weft"), Query(Ref(Kind.HTTP_ROUTE))
    for group in ("policy.linkerd.io", "gateway.networking.k8s.io"):
        known.put(Kind.HTTP_ROUTE, obj("votes"), group)
    assert names(known, routes) == ["votes"]
    known.remove(Kind.HTTP_ROUTE, Key("emojivoto", "votes"), "policy.linkerd.io")
    assert names(known, routes) == ["votes"]
    known.remove(Kind.HTTP_ROUTE, Key("emojivoto", "votes"), "gateway.networking.k8s.io")
    assert names(known, routes) == []


def test_owners_that_are_not_workloads_are_not_followed() -> None:
    known = Inventory("weft")
    known.put(Kind.POD, pod("static", ("Node", "n1")))
    (one,) = known.pods()
    assert known.belonging(one) == {"namespace": "emojivoto", "pod": "static"}


def test_a_pod_of_another_mesh_or_without_proxy_is_not_meshed() -> None:
    known = Inventory("other")
    known.put(Kind.POD, pod("web-1-a"))
    assert [one.meshed for one in known.pods()] == [False]
    known = Inventory("weft")
    known.put(
        Kind.POD, pod("web-1-a", meshed=False, labels={"linkerd.io/control-plane-ns": "weft"})
    )
    assert [one.meshed for one in known.pods()] == [False]


def test_targets_are_running_meshed_pods_with_an_address() -> None:
    known = emojivoto()
    known.put(Kind.POD, pod("no-address", ip=""))
    assert [(one.uid, one.address, one.port) for one in targets(known)] == [
        ("uid-web-1-a", "10.0.0.1", 4191)
    ]
    assert next(iter(targets(known).values())) == {
        "namespace": "emojivoto", "pod": "web-1-a", "replicaset": "web-1", "deployment": "web",
    }  # fmt: skip
