import base64
import os
from pathlib import Path
from typing import Any

import pytest

from sandbox.node import atomic
from sandbox.node.atomic import Owner
from sandbox.node.downward import Facts
from sandbox.node.env import Sources
from sandbox.node.payload import File, Origin, VolumeError, check_path, payload
from sandbox.node.tests.fakes import FakeCluster
from sandbox.node.tokens import TokenCache

POD: dict[str, Any] = {
    "metadata": {"name": "p", "namespace": "n", "uid": "u", "labels": {"a": "1"}},
    "spec": {"containers": [{"name": "c", "resources": {"limits": {"cpu": "2"}}}]},
}
MAPS = {
    "m": {"data": {"a": "1", "b": "2"}, "binaryData": {"c": base64.b64encode(b"\xff").decode()}}
}
SECRETS = {"s": {"data": {"k": base64.b64encode(b"v").decode()}}}


def files(volume: dict[str, Any]) -> dict[str, File]:
    origin = Origin(
        POD,
        Sources(MAPS.get, SECRETS.get),
        Facts("sandbox", "10.244.0.1", "10.244.0.9"),
        lambda audience, seconds: f"{audience}/{seconds}",
    )
    return payload(volume, origin)


@pytest.mark.parametrize(
    ("volume", "expected"),
    [
        ({"configMap": {"name": "m"}}, {"a": File(b"1"), "b": File(b"2"), "c": File(b"\xff")}),
        (
            {"configMap": {"name": "m", "defaultMode": 0o600, "items": [{"key": "a", "path": "x/y"}, {"key": "b", "path": "z", "mode": 0o400}]}},
            {"x/y": File(b"1", 0o600), "z": File(b"2", 0o400)},
        ),
        ({"configMap": {"name": "m", "optional": True, "items": [{"key": "no", "path": "x"}]}}, {}),
        ({"configMap": {"name": "none", "optional": True}}, {}),
        ({"secret": {"secretName": "s"}}, {"k": File(b"v")}),
        ({"downwardAPI": {"items": [{"path": "l", "fieldRef": {"fieldPath": "metadata.labels"}}]}}, {"l": File(b'a="1"')}),
        (
            {"downwardAPI": {"items": [{"path": "c", "resourceFieldRef": {"resource": "limits.cpu", "containerName": "c"}}]}},
            {"c": File(b"2")},
        ),
        (
            {"projected": {"defaultMode": 0o440, "sources": [
                {"serviceAccountToken": {"path": "t", "audience": "aud", "expirationSeconds": 7200}},
                {"serviceAccountToken": {"path": "d", "expirationSeconds": 1}},
                {"configMap": {"name": "m", "items": [{"key": "a", "path": "ca"}]}},
                {"secret": {"name": "s"}},
            ]}},
            {"t": File(b"aud/7200", 0o440, True), "d": File(b"None/600", 0o440, True),
             "ca": File(b"1", 0o440), "k": File(b"v", 0o440)},
        ),
    ],
)  # fmt: skip
def test_the_files_of_a_volume(volume: dict[str, Any], expected: dict[str, File]) -> None:
    assert files(volume) == expected


@pytest.mark.parametrize(
    ("volume", "message"),
    [
        ({"configMap": {"name": "none"}}, 'configmap "none" not found'),
        ({"secret": {"secretName": "none"}}, 'secret "none" not found'),
        (
            {"configMap": {"name": "m", "items": [{"key": "no", "path": "x"}]}},
            "non-existent config key: no",
        ),
        (
            {"configMap": {"name": "m", "items": [{"key": "a", "path": "../x"}]}},
            "invalid path '../x'",
        ),
        ({"projected": {"sources": [{"clusterTrustBundle": {}}]}}, "allowed sources are"),
        ({"nfs": {}}, "allowed are configMap"),
    ],
)
def test_what_cannot_be_made(volume: dict[str, Any], message: str) -> None:
    with pytest.raises(VolumeError, match=message):
        files(volume)


@pytest.mark.parametrize("path", ["/x", "../x", "a/../b", "", "..data"])
def test_paths_stay_inside(path: str) -> None:
    with pytest.raises(VolumeError):
        check_path(path)


def test_writing_is_seen_at_once_and_only_when_it_changes(tmp_path: Path) -> None:
    where = tmp_path / "v"
    assert atomic.write(where, {"a": File(b"1"), "d/e": File(b"2", 0o600)}, Owner())
    assert (where / "a").read_bytes() == b"1"
    assert (where / "d" / "e").stat().st_mode & 0o777 == 0o600
    first = os.readlink(where / "..data")
    assert not atomic.write(where, {"a": File(b"1"), "d/e": File(b"2", 0o600)}, Owner())
    assert os.readlink(where / "..data") == first
    assert atomic.write(where, {"a": File(b"3"), "n": File(b"")}, Owner())
    assert (where / "a").read_bytes() == b"3"
    assert sorted(os.listdir(where)) == sorted(["a", "n", "..data", os.readlink(where / "..data")])
    assert atomic.write(where, {}, Owner())
    assert [one for one in os.listdir(where) if not one.startswith("..")] == []


@pytest.mark.root
def test_owners(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root")
    where = tmp_path / "v"
    atomic.write(where, {"t": File(b"", token=True), "f": File(b"", 0o400)}, Owner(group=5, user=7))
    token, plain = (where / "t").stat(), (where / "f").stat()
    assert (token.st_uid, token.st_gid, token.st_mode & 0o777) == (7, 5, 0o640)
    assert (plain.st_uid, plain.st_gid, plain.st_mode & 0o777) == (0, 5, 0o440)
    assert where.stat().st_mode & 0o2000


def test_tokens_are_kept_until_four_fifths_of_their_life() -> None:
    now = [1000.0]
    cluster = FakeCluster(clock=lambda: now[0])
    cache = TokenCache(POD, cluster, lambda: now[0])
    assert cache.next_renewal() is None
    first = cache.get("aud", 1000)
    assert cache.next_renewal() == 1800
    now[0] = 1799
    assert cache.get("aud", 1000) == first
    now[0] = 1800
    assert cache.get("aud", 1000) != first
    assert cache.get("other", 1000) != cache.get("aud", 1000)


def test_long_tokens_are_renewed_daily() -> None:
    cache = TokenCache(POD, FakeCluster(clock=lambda: 0.0), lambda: 0.0)
    cache.get(None, 10**7)
    assert cache.next_renewal() == 24 * 3600
