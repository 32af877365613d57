"""From a resource to proxies, and why not others."""

import pytest

from kit.kube.selectors import parse_selector
from tap.query import Peer, Target
from tap.targets import NothingToTap, absent, resolve
from tap.tests.world import IDENTITIES, SUFFIX, Object, cluster, pod

ALL = Target("shop", "namespace", "shop")


def reasons(*pods: Object, target: Target = ALL) -> dict[str, str]:
    found = resolve(cluster(pod("ok", "10.244.0.99"), *pods), target, IDENTITIES)
    return {one.pod.removeprefix("shop/"): one.reason for one in found.skipped}


@pytest.mark.parametrize(
    "target",
    [
        ALL,
        Target("shop", "deployment", "web"),
        Target("shop", "replicaset", "web-1"),
        Target("shop", "pod", "web-1-a"),
        Target("shop", "service", "web-svc"),
    ],
)
def test_every_kind_finds_the_pod(target: Target) -> None:
    world = cluster(pod("web-1-a"), pod("other", namespace="elsewhere"))
    (proxy,) = resolve(world, target, IDENTITIES).proxies
    assert proxy.pod == "shop/web-1-a"
    assert str(proxy.address) == "10.244.0.5:4190"
    assert proxy.identity == f"web.shop.{SUFFIX}"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"meshed": False}, "it is not meshed"),
        ({"annotations": {"viz.linkerd.io/disable-tap": "true"}}, "its annotation viz.linkerd.io/disable-tap says no"),
        ({"client": None}, "its proxy was started without tap; restart the pod"),
        ({"client": "tap.other"}, "its proxy answers tap.other only"),
        ({"phase": "Pending"}, "it is pending"),
        ({"ip": ""}, "it is running"),
        ({"labels": {"linkerd.io/control-plane-ns": "weft2"}}, None),
    ],
)  # fmt: skip
def test_why_not(changes: dict[str, object], reason: str | None) -> None:
    found = reasons(pod("p", **{"ip": "10.244.0.6", **changes}))  # type: ignore[arg-type]
    assert found == ({} if reason is None else {"p": reason})


def test_another_meshs_proxy() -> None:
    other = pod("p", "10.244.0.6")
    other["metadata"]["labels"]["linkerd.io/control-plane-ns"] = "linkerd"
    assert reasons(other) == {"p": "its proxy belongs to the mesh of namespace linkerd"}


def test_tap_does_not_watch_itself() -> None:
    world = cluster(pod("tap", account="weft-tap", namespace="weft"))
    with pytest.raises(NothingToTap, match="it is tap itself"):
        resolve(world, Target("weft", "namespace", "weft"), IDENTITIES)


def test_finished_pods_are_not_mentioned() -> None:
    assert reasons(pod("job", phase="Succeeded")) == {}


def test_nothing_at_all() -> None:
    with pytest.raises(NothingToTap, match=r"deployment/nope in namespace shop has no running pod"):
        resolve(cluster(pod("a")), Target("shop", "deployment", "nope"), IDENTITIES)


def test_nothing_that_can_be_asked() -> None:
    pods = [pod(f"p{n}", meshed=False) for n in range(7)]
    with pytest.raises(NothingToTap, match=r"shop/p0: it is not meshed;.*; and 2 more"):
        resolve(cluster(*pods), ALL, IDENTITIES)


def test_a_service_without_selector_means_no_pod() -> None:
    world = cluster(pod("a"))
    world.put_service({"metadata": {"name": "manual", "namespace": "shop"}, "spec": {}})
    with pytest.raises(NothingToTap):
        resolve(world, Target("shop", "service", "manual"), IDENTITIES)


def test_labels_choose_among_the_pods() -> None:
    world = cluster(pod("web-1-a"), pod("web-1-b", labels={"tier": "gold"}))
    found = resolve(world, ALL, IDENTITIES, parse_selector("tier=gold"))
    assert [proxy.pod for proxy in found.proxies] == ["shop/web-1-b"]
    with pytest.raises(NothingToTap, match="no running pod with the labels asked for"):
        resolve(world, ALL, IDENTITIES, parse_selector("tier=silver"))


@pytest.mark.parametrize(
    "to",
    [
        None,
        Peer("shop", "deployment", "web"),
        Peer("shop", "service", "web-svc"),
        Peer("shop", "service", "elsewhere-svc"),
        Peer("shop", "pod", "web-1-a"),
        Peer("shop", "deployment"),
        Peer("shop", "namespace", "shop"),
    ],
)
def test_another_end_that_is_there_needs_no_word(to: Peer | None) -> None:
    world = cluster(pod("web-1-a"))
    world.put_service({"metadata": {"name": "elsewhere-svc", "namespace": "shop"}, "spec": {}})
    assert absent(world, ALL, to) == ""


@pytest.mark.parametrize("kind", ["deployment", "pod", "service"])
def test_another_end_that_is_not_there_is_told(kind: str) -> None:
    said = absent(cluster(pod("web-1-a")), ALL, Peer("shop", kind, "wbe"))
    assert said == f"nothing goes to {kind}/wbe: namespace shop has no such {kind} with pods"


def test_what_other_namespaces_hold_is_nobodys_business() -> None:
    assert absent(cluster(pod("web-1-a")), ALL, Peer("bank", "deployment", "vault")) == ""
