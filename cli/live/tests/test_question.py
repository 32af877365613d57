"""Arguments and flags into what the tap API takes."""

from typing import Any

import pytest

from cli.live.question import ROOT, Filters, ask
from cli.resources import ResourceError

NONE = Filters()


@pytest.mark.parametrize(
    ("arguments", "path", "target"),
    [
        (["deploy/web"], "emojivoto/deployments/web/tap", {"kind": "deployment", "name": "web", "namespace": "emojivoto"}),
        (["deploy", "web"], "emojivoto/deployments/web/tap", {"kind": "deployment", "name": "web", "namespace": "emojivoto"}),
        (["svc/web-svc"], "emojivoto/services/web-svc/tap", {"kind": "service", "name": "web-svc", "namespace": "emojivoto"}),
        (["cj/nightly"], "emojivoto/cronjobs/nightly/tap", {"kind": "cronjob", "name": "nightly", "namespace": "emojivoto"}),
        (["ns/shop"], "shop/tap", {"kind": "namespace", "name": "shop"}),
    ],
)  # fmt: skip
def test_resources(arguments: list[str], path: str, target: dict[str, str]) -> None:
    question = ask(arguments, "emojivoto", NONE)
    assert question.path == f"{ROOT}/{path}"
    assert question.body == {"target": target, "maxRps": 100.0}


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["deploy"], "is not one resource"),
        (["deploy/"], "is not one resource"),
        (["deploy/web/x"], "is not one resource"),
        (["deploy", "web", "voting"], "is not one resource"),
        (["all", "x"], "'all' cannot be tapped"),
        (["au", "x"], "'au' cannot be tapped"),
        (["secret/x"], "'secret' is not a type of resource"),
        (["server/x"], "'server' is not a type of resource"),
        (["httproute", "x"], "'httproute' is not a type of resource"),
    ],
)
def test_bad_resources(arguments: list[str], why: str) -> None:
    with pytest.raises(ResourceError, match=why):
        ask(arguments, "emojivoto", NONE)


def test_names_cannot_leave_their_segment() -> None:
    assert ask(["po", "a?b"], "x/y", NONE).path == f"{ROOT}/x%2Fy/pods/a%3Fb/tap"


def test_filters() -> None:
    filters = Filters("svc/voting", "other", "post", "http", "web:80", "/api", 5.0)
    body = ask(["deploy/web"], "emojivoto", filters, headers=True).body
    del body["target"]
    assert body == {
        "maxRps": 5.0, "method": "POST", "scheme": "http", "authority": "web:80", "pathPrefix": "/api",
        "to": {"kind": "service", "namespace": "other", "name": "voting"}, "headers": True,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("to", "namespace", "expected"),
    [
        ("", "shop", {"kind": "namespace", "name": "shop"}),
        ("ns/shop", "", {"kind": "namespace", "name": "shop"}),
        ("deploy", "", {"kind": "deployment", "namespace": "emojivoto", "name": ""}),
        ("deploy/x", "", {"kind": "deployment", "namespace": "emojivoto", "name": "x"}),
    ],
)
def test_peers(to: str, namespace: str, expected: dict[str, Any]) -> None:
    question = ask(["deploy/web"], "emojivoto", Filters(to=to, to_namespace=namespace))
    assert question.body["to"] == expected


@pytest.mark.parametrize(
    ("to", "namespace", "why"),
    [
        ("ns/a", "b", "does not go with --to"),
        ("ns", "", "the name is missing"),
        ("deploy/a/b", "", "the form is TYPE or TYPE/NAME"),
        ("nope", "", "is not a type"),
    ],
)
def test_bad_peers(to: str, namespace: str, why: str) -> None:
    with pytest.raises(ResourceError, match=why):
        ask(["deploy/web"], "emojivoto", Filters(to=to, to_namespace=namespace))
