"""What `mesh profile` makes of the demo is taken by the mesh, and `mesh routes` has numbers for its routes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from deploy.demo.steps import NAMESPACE
from deploy.demo.terminal import ROOT
from tests.mesh.applying import applied

if TYPE_CHECKING:
    from tests.mesh.cluster import Cluster, Json

pytestmark = [pytest.mark.timeout(180), pytest.mark.usefixtures("demo")]

SHOWN = 90.0
"""Seconds until proxies know a profile and two rounds of scraping have seen its routes."""
PROTO = ROOT / "demo" / "proto" / "emojivoto" / "v1"
WEB = """\
openapi: 3.1.0
info: {title: the voting page, version: "1"}
servers: [{url: "https://vote.example.org/api"}]
paths:
  /list:
    get: {responses: {"200": {description: all emoji}}}
  /vote:
    get: {responses: {"200": {description: voted}, "5XX": {description: the doughnut}}}
  /never:
    post: {responses: {"200": {description: nobody asks}}}
"""


def profile(cluster: Cluster, *arguments: str, given: str | None = None) -> Json:
    printed = cluster.mesh("profile", "-n", NAMESPACE, "-o", "json", *arguments, given=given)
    found = json.loads(printed)
    assert isinstance(found, dict)
    return found


def names(made: Json) -> list[str]:
    return [one["name"] for one in made["spec"]["routes"]]


def await_routes(cluster: Cluster, client: str, service: str, *wanted: str) -> dict[str, Any]:
    """Rows by route, as soon as all that are wanted have requests."""
    rows: dict[str, Any] = {}

    def known() -> bool:
        question = ("routes", client, "--to", f"svc/{service}", "-n", NAMESPACE, "-o", "json")
        answers = json.loads(cluster.mesh(*question) or "{}")
        rows.clear()
        rows.update({one["route"]: one for found in answers.values() for one in found})
        return all((rows.get(name, {}).get("effective_rps") or 0) > 0 for name in wanted)

    cluster.terminal.wait_until(
        f"mesh routes {client} has numbers for {', '.join(wanted)}", known, seconds=SHOWN
    )
    print(f"{client} to {service}: {rows}")
    return rows


def test_a_proto_file_gives_a_row_for_each_method(installed: Cluster) -> None:
    made = profile(installed, "--proto", str(PROTO / "emoji.proto"), "emoji-svc")
    assert names(made) == ["ListAll", "FindByShortcode"]
    with applied(installed, made):
        rows = await_routes(installed, "deploy/web", "emoji-svc", *names(made))
        for name in names(made):
            assert rows[name]["effective_success"] == 1.0


def test_an_openapi_document_gives_a_row_for_each_operation(installed: Cluster) -> None:
    made = profile(installed, "--open-api", "-", "web-svc", given=WEB)
    assert names(made) == ["GET /api/list", "POST /api/never", "GET /api/vote"]
    with applied(installed, made):
        asked = ("GET /api/list", "GET /api/vote")
        rows = await_routes(installed, "deploy/vote-bot", "web-svc", *asked)
        assert not rows.get("POST /api/never", {}).get("effective_rps")


def test_live_requests_give_routes_that_the_mesh_takes(installed: Cluster) -> None:
    watch = ("--tap-duration", "1m", "--tap-route-limit", "2")
    made = profile(installed, "--tap", "deploy/emoji", *watch, "emoji-svc")
    service = "POST /emojivoto.v1.EmojiService"
    assert names(made) == [f"{service}/FindByShortcode", f"{service}/ListAll"]
    with applied(installed, made):
        await_routes(installed, "deploy/web", "emoji-svc", *names(made))


def test_a_template_is_taken_as_it_is(installed: Cluster) -> None:
    text = installed.mesh("profile", "-n", NAMESPACE, "--template", "web-svc")
    installed.kubectl("apply", "--dry-run=server", "-f", "-", given=text)
