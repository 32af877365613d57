"""Who asks, and may they."""

import asyncio
from typing import Any, cast

import pytest

from kit.kube.client import Client
from tap.access import (
    NOBODY,
    AccessReview,
    Caller,
    FrontProxy,
    NotAllowed,
    NotAuthenticated,
    body,
    identify,
    read_front_proxy,
)
from tap.query import Target

PROXY = FrontProxy("PEM", ("front-proxy-client",))
WEB = Target("shop", "deployment", "web")


def test_the_config_map() -> None:
    data = {
        "requestheader-client-ca-file": "PEM",
        "requestheader-allowed-names": '["front-proxy-client"]',
        "requestheader-username-headers": '["X-Remote-User"]',
        "requestheader-group-headers": '["X-Remote-Group"]',
        "requestheader-extra-headers-prefix": '["X-Remote-Extra-"]',
    }
    assert read_front_proxy({"data": data}) == PROXY
    assert read_front_proxy({}).authority == ""
    for wrong in ("{}", "[1]", "x"):
        with pytest.raises(ValueError, match=r"requestheader|Expecting"):
            read_front_proxy({"data": {"requestheader-allowed-names": wrong}})


def test_the_caller_is_whom_the_api_server_names() -> None:
    headers = [
        ("x-remote-user", "jane"),
        ("X-Remote-Group", "a"),
        ("X-Remote-Group", "b"),
        ("X-Remote-Extra-Acme%2Fteam", "x"),
        ("X-Remote-Extra-acme%2fteam", "y"),
    ]
    found = identify(PROXY, "front-proxy-client", headers)
    assert found == Caller("jane", ("a", "b"), {"acme/team": ("x", "y")})


@pytest.mark.parametrize(
    ("proxy", "name", "headers", "why"),
    [
        (PROXY, None, [("X-Remote-User", "root")], "only the API server may ask"),
        (NOBODY, "front-proxy-client", [("X-Remote-User", "root")], "only the API server"),
        (PROXY, "kubelet", [("X-Remote-User", "root")], "'kubelet' is not the API server's"),
        (PROXY, "front-proxy-client", [], "does not say who"),
        (PROXY, "front-proxy-client", [("X-Remote-User", "")], "does not say who"),
        (PROXY, "front-proxy-client", [("X-Remote-Group", "system:masters")], "does not say who"),
    ],
)
def test_nobody_else_is_believed(
    proxy: FrontProxy, name: str | None, headers: list[tuple[str, str]], why: str
) -> None:
    with pytest.raises(NotAuthenticated, match=why):
        identify(proxy, name, headers)


def test_any_name_counts_when_none_is_listed() -> None:
    proxy = FrontProxy("PEM", ())
    assert identify(proxy, "whoever", [("X-Remote-User", "jane")]).user == "jane"


def test_what_is_asked() -> None:
    spec = body(Caller("jane", ("a",), {"k": ("v",)}), WEB)["spec"]
    assert spec == {
        "user": "jane",
        "groups": ["a"],
        "extra": {"k": ["v"]},
        "resourceAttributes": {
            "verb": "watch", "group": "tap.linkerd.io", "version": "v1alpha1",
            "resource": "deployments", "subresource": "tap", "namespace": "shop", "name": "web",
        },
    }  # fmt: skip


class Answering:
    def __init__(self, status: dict[str, Any]) -> None:
        self.status = status

    async def create(self, *_: Any) -> dict[str, Any]:
        return {"status": self.status}


@pytest.mark.parametrize(
    ("status", "allowed"),
    [
        ({"allowed": True}, True),
        ({"allowed": False}, False),
        ({"allowed": True, "denied": True}, False),
        ({"allowed": "true"}, False),
        ({}, False),
    ],
)
def test_the_answer(status: dict[str, Any], allowed: bool) -> None:
    review = AccessReview(cast(Client, Answering(status))).review(Caller("jane"), WEB)
    if allowed:
        asyncio.run(review)
    else:
        with pytest.raises(NotAllowed, match="jane may not watch deployments/tap"):
            asyncio.run(review)
