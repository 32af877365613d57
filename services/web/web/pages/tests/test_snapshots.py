"""What each page says, and that it is made once for all who look."""

import asyncio
import json

import pytest

from web.pages.snapshots import NotThere, Snapshots
from web.pages.tests.world import Standing, away, world
from web.pages.views import (
    ControlPlane,
    Errors,
    Namespace,
    Namespaces,
    Routes,
    View,
    Workload,
)
from web.stats.backend import BackendError, Tallied, Traffic
from web.stats.kinds import Kind
from web.stats.tallies import RESPONSES, TallySelection
from web.stats.tests.cluster import emojivoto, pod
from web.tests.proxies import FakeProxy, serving
from weft.errors import CONNECT_REFUSED

DEPLOYMENT = Workload(Kind.DEPLOYMENT, "emojivoto", "web")


def get(view: View, snapshots: Snapshots | None = None) -> dict[str, object]:
    return asyncio.run((snapshots or Snapshots(world(), clock=lambda: 500.0)).get(view))


def page(view: View) -> dict[str, object]:
    found = get(view)["page"]
    assert isinstance(found, dict)
    return found


def test_what_every_page_says_of_itself() -> None:
    found = get(Namespaces())
    assert (found["at"], found["measuredAt"], found["window"]) == (500.0, 499.0, 60.0)
    assert (found["backend"], found["mesh"]) == ("embedded", "weft")
    assert isinstance(found["down"], list)
    assert [one["name"] for one in found["down"]] == [
        "destination",
        "identity",
        "proxy-injector",
        "web",
    ]


def test_namespaces() -> None:
    rows = page(Namespaces())["rows"]
    assert isinstance(rows, list)
    assert [(row["name"], row["pods"]["meshed"]) for row in rows] == [
        ("emojivoto", 2),
        ("empty", 0),
    ]
    assert rows[0]["requests"] == {
        "success": 54, "failure": 6, "rps": 1.0, "p50": None, "p95": None, "p99": None,
    }  # fmt: skip
    assert rows[1]["requests"] is None


def test_a_namespace_has_rows_of_all_kinds_and_edges() -> None:
    found = page(Namespace("emojivoto"))
    assert isinstance(found["rows"], list)
    assert {row["kind"] for row in found["rows"]} == {
        "deployment", "job", "pod", "replicaset", "service",
    }  # fmt: skip
    assert isinstance(found["edges"], list)
    (edge,) = found["edges"]
    assert (edge["source"]["name"], edge["target"]["name"]) == ("web", "emoji")
    assert (edge["secured"], edge["serverId"]) == (True, "emoji.emojivoto")


def test_a_workload_has_its_pods_and_its_neighbours() -> None:
    found = page(DEPLOYMENT)
    assert isinstance(found["row"], dict)
    assert isinstance(found["pods"], list)
    assert isinstance(found["neighbours"], list)
    assert found["row"]["name"] == "web"
    assert [row["name"] for row in found["pods"]] == ["web-1-a", "web-1-b"]
    assert [row["name"] for row in found["neighbours"]] == ["emoji"]


def test_the_control_plane() -> None:
    snapshots = Snapshots(world(failing={"emojivoto/web-1-a": "refused"}))
    found = get(ControlPlane(), snapshots)["page"]
    assert isinstance(found, dict)
    assert found["proxies"] == [{"version": "", "pods": 2}]
    assert found["failing"] == [{"pod": "emojivoto/web-1-a", "reason": "refused"}]
    assert [one["name"] for one in found["components"]][:2] == ["destination", "identity"]


@pytest.mark.parametrize("view", [Namespace("nowhere"), Workload(Kind.JOB, "emojivoto", "web")])
def test_what_is_not_there(view: View) -> None:
    with pytest.raises(NotThere, match="there is no"):
        get(view)


def test_many_readers_cost_as_much_as_one() -> None:
    backend, clock = Standing(), [0.0]

    async def story() -> None:
        snapshots = Snapshots(world(backend), fresh=2.0, clock=lambda: clock[0])
        await asyncio.gather(*(snapshots.get(Namespaces()) for _ in range(50)))
        assert backend.measured == 1
        clock[0] = 1.9
        await snapshots.get(Namespaces())
        assert backend.measured == 1
        clock[0] = 2.0
        await snapshots.get(Namespaces())
        assert backend.measured == 2

    asyncio.run(story())


def test_a_reader_who_leaves_does_not_take_the_answer_from_the_others() -> None:
    async def story() -> None:
        snapshots = Snapshots(world())
        leaving = asyncio.ensure_future(snapshots.get(Namespaces()))
        staying = asyncio.ensure_future(snapshots.get(Namespaces()))
        await asyncio.sleep(0)
        leaving.cancel()
        assert (await staying)["mesh"] == "weft"

    asyncio.run(story())


def test_a_backend_that_is_away() -> None:
    with pytest.raises(BackendError, match="refused"):
        get(Namespaces(), Snapshots(world(away())))


def test_the_past_of_its_rows() -> None:
    past = asyncio.run(Snapshots(world()).past(Namespaces()))
    assert past == {
        "ages": [30.0, 15.0],
        "rows": {"namespace//emojivoto": {"rps": [1.0, 0.0], "success": [0.5, None]}},
    }


class Counting(Standing):
    """Answered by the default route of one server."""

    async def tally(self, selection: TallySelection, window: float) -> Tallied:
        values = {"namespace": "emojivoto", "deployment": "web", "srv_kind": "default"}
        key = tuple(values.get(label, "") for label in selection.by)
        counted = selection.source is RESPONSES and "deployment" in selection.by
        return Tallied({key: Traffic(54, 6)} if counted else {}, 30.0)


def test_routes_of_what_there_is() -> None:
    snapshots = Snapshots(world(Counting()), clock=lambda: 500.0)
    found = get(Routes("emojivoto"), snapshots)
    assert (found["window"], found["observed"]) == (60.0, 30.0)
    shown = found["page"]
    assert isinstance(shown, dict)
    (route,) = shown["routes"]
    assert route["resource"] == {"kind": "deployment", "namespace": "emojivoto", "name": "web"}
    assert (route["direction"], route["parent"]["kind"]) == ("inbound", "default")
    assert route["requests"]["rps"] == 2.0
    assert shown["namespaces"] == ["emojivoto", "empty"]
    assert asyncio.run(snapshots.past(Routes())) == {"ages": [], "rows": {}}
    with pytest.raises(NotThere, match="no namespace nowhere"):
        get(Routes("nowhere"), snapshots)


def test_errors_with_what_their_numbers_mean() -> None:
    async def story() -> dict[str, object]:
        time = "2026-01-01T00:00:02Z"
        proxy = FakeProxy(errors=json.dumps([{"time": time, "number": 2001, "cause": "refused"}]))
        async with serving(proxy):
            known = emojivoto()
            owner = ("ReplicaSet", "web-1")
            known.put(Kind.POD, pod("web-1-a", owner, ip="127.0.0.1", port=proxy.port))
            return await Snapshots(world(inventory=known)).get(Errors())

    found = asyncio.run(asyncio.wait_for(story(), 20))["page"]
    assert isinstance(found, dict)
    (error,) = found["errors"]
    assert (error["number"], error["pod"]["name"], error["cause"]) == (2001, "web-1-a", "refused")
    (kind,) = found["kinds"]
    assert kind["advice"] == CONNECT_REFUSED.advice
    assert (found["proxies"], found["unanswered"]) == (1, [])
    with pytest.raises(NotThere, match="no namespace nowhere"):
        get(Errors("nowhere"))
