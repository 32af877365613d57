"""`mesh stat` of objects of policy: what a Server of the demo lets in, and whom it keeps out."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from deploy.demo.steps import NAMESPACE
from tests.mesh import pods, scrape
from tests.mesh.answering import pod as answering
from tests.mesh.applying import applied, policy
from tests.mesh.workloads import NAMESPACE as OUTSIDE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.mesh.cluster import Cluster

pytestmark = [pytest.mark.timeout(180), pytest.mark.usefixtures("demo")]

SERVER, ROUTE, POLICY, UNUSED = "web-http", "web-all", "bots-only", "unused"
URL = f"http://web-svc.{NAMESPACE}/"
NOTICED = 30.0
"""Seconds until a policy that was applied is in force."""
KNOWN_SECONDS = 90.0
"""Until the window is full of what came in under it."""
STEADY = 1.0
"""Requests a second of the bot that web answers at least, also on a machine that has little time for them."""
ASKED = 20
"""Requests of the visitor between two looks."""


@pytest.fixture(scope="module")
def guarded(installed: Cluster) -> Iterator[Cluster]:
    """The demo's web lets in the demo's bot alone; a visitor from another namespace is refused."""
    server = {"group": "policy.linkerd.io", "kind": "Server", "name": SERVER}
    path = {"path": {"type": "PathPrefix", "value": "/"}}
    web = {"podSelector": {"matchLabels": {"app": "web-svc"}}, "proxyProtocol": "HTTP/1"}
    visitor = [answering.code(), *answering.asker("visitor")]
    with applied(
        installed,
        policy("Server", "v1beta3", SERVER, home=NAMESPACE, port="http", **web),
        policy("Server", "v1beta3", UNUSED, home=NAMESPACE, port=9999, **web),
        policy("HTTPRoute", "v1beta3", ROUTE, home=NAMESPACE, parentRefs=[server], rules=[{"matches": [path]}]),
        policy(
            "AuthorizationPolicy",
            "v1alpha1",
            POLICY,
            home=NAMESPACE,
            targetRef=server,
            requiredAuthenticationRefs=[{"kind": "ServiceAccount", "name": "default"}],
        ),
    ):  # fmt: skip
        installed.apply(*visitor)
        pods.await_rollout(installed, OUTSIDE, "visitor")
        installed.terminal.wait_until(
            "the visitor is refused",
            lambda: answering.ask(installed, "visitor", "http", URL)[0].status == 403,
            seconds=NOTICED,
        )
        yield installed
    for one in visitor:
        installed.kubectl("delete", one["kind"], one["metadata"]["name"], "-n", OUTSIDE)


def test_rows_of_policy_say_what_was_let_in_and_what_was_kept_out(guarded: Cluster) -> None:
    seen: dict[str, Any] = {}

    def agree() -> bool:
        refused = answering.ask(guarded, "visitor", "http", URL, ASKED)
        assert {one.status for one in refused} == {403}
        seen.update(_figures(guarded))
        let_in = [seen[name]["rps"] or 0.0 for name in (SERVER, ROUTE, POLICY)]
        kept_out = [seen[name]["unauthorized"] or 0.0 for name in (SERVER, ROUTE)]
        return (
            min(let_in) >= STEADY
            and min(kept_out) > 0.0
            and _near(*let_in, seen["let in"])
            and _near(*kept_out, seen["kept out"])
        )

    guarded.terminal.wait_until(
        "stat of a server, its route and its policy agrees with authz", agree, seconds=KNOWN_SECONDS
    )
    for kind in ("server", "httproute", "authorizationpolicy"):
        print(guarded.mesh("stat", kind, "-n", NAMESPACE, "-t", "15s"))
    for name in (SERVER, ROUTE, POLICY):
        assert 0.5 < seen[name]["success"] <= 1.0, "votes for the doughnut fail, others do not"
        assert seen[name]["latency_ms_p50"] <= seen[name]["latency_ms_p99"]
    assert seen[ROUTE]["servers"] == [SERVER]
    assert {seen[UNUSED][key] for key in ("unauthorized", "success", "rps", "latency_ms_p50")} == {
        None
    }


def test_what_is_kept_out_is_counted_by_server_and_route(guarded: Cluster) -> None:
    web = pods.only(guarded, NAMESPACE, "app=web-svc").name
    where = {"srv_name": SERVER, "route_name": ROUTE, "tls": "true"}
    name = "inbound_http_authz_deny_total"
    before = scrape.proxy(guarded, NAMESPACE, web).total(name, **where)
    answers = answering.ask(guarded, "visitor", "http", URL, ASKED)
    assert [one.status for one in answers] == [403] * ASKED
    assert scrape.proxy(guarded, NAMESPACE, web).total(name, **where) == before + ASKED


def test_a_name_that_is_not_there_is_told(guarded: Cluster) -> None:
    assert guarded.mesh("stat", "server/web-htp", "-n", NAMESPACE) == ""
    assert json.loads(guarded.mesh("stat", "saz", "-n", NAMESPACE, "-o", "json")) == []


def _figures(cluster: Cluster) -> dict[str, Any]:
    """Rows by name, and the sums that `mesh authz` gives for the server."""

    def ask(*question: str) -> list[dict[str, Any]]:
        found = json.loads(cluster.mesh(*question, "-n", NAMESPACE, "-t", "15s", "-o", "json"))
        assert isinstance(found, list)
        return found

    rows = ask("stat", "servers/", "httproutes/", "authorizationpolicies/")
    by_authz = [
        one for one in ask("authz", "deploy/web") if one["server"].partition(":")[0] == SERVER
    ]
    return {one["name"]: one for one in rows} | {
        "let in": sum(one["allowed"] for one in by_authz),
        "kept out": sum(one["unauthorized"] for one in by_authz),
    }


def _near(*values: float) -> bool:
    """Within one scrape of each other."""
    return max(values) <= 1.1 * min(values)
