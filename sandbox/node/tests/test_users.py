from typing import Any

import pytest

from sandbox.node.env import ConfigError
from sandbox.node.users import User, fs_user, resolve, user_of

PASSWD = "root:x:0:0:root:/root:/bin/sh\napp:x:1000:1001:App:/home/app:/bin/sh\n"
GROUP = "root:x:0:\nwheel:x:10:root,app\napp:x:1001:\nweb:x:1002:app\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", User(0, 0, (10,), "/root")),
        ("root", User(0, 0, (10,), "/root")),
        ("app", User(1000, 1001, (10, 1002), "/home/app")),
        ("1000", User(1000, 1001, (10, 1002), "/home/app")),
        ("app:web", User(1000, 1002, (), "/home/app")),
        ("app:7", User(1000, 7, (), "/home/app")),
        ("5", User(5, 0, (), "/")),
        ("5:6", User(5, 6, (), "/")),
    ],
)
def test_what_an_image_user_means(text: str, expected: User) -> None:
    assert resolve(text, PASSWD, GROUP) == expected


@pytest.mark.parametrize(("text", "named"), [("nobody", "nobody"), ("app:none", "none")])
def test_names_nobody_knows(text: str, named: str) -> None:
    with pytest.raises(ConfigError, match=f"unable to find .* {named}"):
        resolve(text, PASSWD, GROUP)


def pod(context: dict[str, Any], *containers: dict[str, Any]) -> dict[str, Any]:
    return {
        "metadata": {"name": "p", "namespace": "n", "uid": "u"},
        "spec": {"securityContext": context, "containers": list(containers)},
    }


def container(**context: Any) -> dict[str, Any]:
    return {"name": "c", "securityContext": context}


def test_the_containers_context_wins_over_the_pods_and_the_image() -> None:
    one = container(runAsUser=7)
    found = user_of(
        pod({"runAsUser": 6, "runAsGroup": 5, "fsGroup": 9, "supplementalGroups": [3]}, one),
        one,
        "app",
        PASSWD,
        GROUP,
    )
    assert found == User(7, 5, (3, 9), "/")


def test_root_is_zero_and_not_absent() -> None:
    one = container(runAsUser=0)
    assert user_of(pod({"runAsUser": 6}, one), one, "app", PASSWD, GROUP).uid == 0


@pytest.mark.parametrize(
    ("context", "image", "message"),
    [
        ({"runAsNonRoot": True}, "", "image will run as root"),
        ({"runAsNonRoot": True, "runAsUser": 0}, "app", "breaks non-root policy"),
        ({"runAsNonRoot": True}, "app", "non-numeric user"),
    ],
)
def test_root_is_refused_where_forbidden(context: dict[str, Any], image: str, message: str) -> None:
    one = container(**context)
    with pytest.raises(ConfigError, match=message):
        user_of(pod({}, one), one, image, PASSWD, GROUP)


def test_a_number_satisfies_non_root() -> None:
    one = container(runAsNonRoot=True)
    assert user_of(pod({}, one), one, "1000", PASSWD, GROUP).uid == 1000


@pytest.mark.parametrize(
    ("context", "containers", "expected"),
    [
        ({"runAsUser": 5}, [container(), container()], 5),
        ({}, [container(runAsUser=5), container(runAsUser=5)], 5),
        ({}, [container(runAsUser=5), container()], None),
        ({}, [container(), container()], None),
    ],
)
def test_the_common_user(
    context: dict[str, Any], containers: list[dict[str, Any]], expected: int | None
) -> None:
    assert fs_user(pod(context, *containers)) == expected
