from pathlib import Path
from typing import Any

import pytest

from sandbox.node.capabilities import ALL
from sandbox.node.env import ConfigError
from sandbox.node.images import ImageConfig
from sandbox.node.spec import Bundle, Mount, arguments, exec_process, runtime_spec
from sandbox.node.users import User

IMAGE = ImageConfig(("/entry",), ("image-arg",), ("PATH=/opt/bin", "A=image"), "", "/srv")


def bundle(**changed: Any) -> Bundle:
    fields: dict[str, Any] = {
        "rootfs": Path("/r"),
        "image": IMAGE,
        "user": User(7, 8, (9,), "/home/x"),
        "env": {"A": "pod", "B": "2"},
        "hostname": "web-1",
        "mounts": (),
        "network": Path("/run/netns/x"),
        "cgroup": "weft-sandbox/c",
        "held": frozenset(ALL),
        "oom_score_adj": 1000,
    }
    return Bundle(**fields | changed)


def spec_of(container: dict[str, Any], pod: dict[str, Any] | None = None, **changed: Any) -> Any:
    return runtime_spec({"spec": pod or {}}, {"name": "c", **container}, bundle(**changed))


@pytest.mark.parametrize(
    ("container", "expected"),
    [
        ({}, ["/entry", "image-arg"]),
        ({"args": ["$(A)"]}, ["/entry", "pod"]),
        ({"command": ["run", "$(B)"]}, ["run", "2"]),
        ({"command": ["run"], "args": ["x"]}, ["run", "x"]),
    ],
)
def test_command_and_args(container: dict[str, Any], expected: list[str]) -> None:
    assert arguments(container, IMAGE, {"A": "pod", "B": "2"}) == expected


def test_an_image_with_nothing_to_run() -> None:
    with pytest.raises(ConfigError, match="no command specified"):
        arguments({}, ImageConfig(), {})


def test_the_process() -> None:
    process = spec_of({"workingDir": ""})["process"]
    assert process["user"] == {"uid": 7, "gid": 8, "additionalGids": [9]}
    assert process["cwd"] == "/srv"
    assert process["env"] == ["PATH=/opt/bin", "HOSTNAME=web-1", "HOME=/home/x", "A=pod", "B=2"]
    assert process["noNewPrivileges"] is False
    assert process["capabilities"]["bounding"] == process["capabilities"]["permitted"]


def test_the_manifests_working_directory_wins() -> None:
    assert spec_of({"workingDir": "/data"})["process"]["cwd"] == "/data"


def test_security_context() -> None:
    one = spec_of(
        {
            "securityContext": {
                "readOnlyRootFilesystem": True,
                "allowPrivilegeEscalation": False,
                "capabilities": {"drop": ["ALL"]},
            }
        }
    )
    assert one["root"] == {"path": "/r", "readonly": True}
    assert one["process"]["noNewPrivileges"] is True
    assert one["process"]["capabilities"]["effective"] == []
    assert "/proc/kcore" in one["linux"]["maskedPaths"]


def test_privileged_containers_see_everything() -> None:
    one = spec_of({"securityContext": {"privileged": True}})
    assert one["linux"]["maskedPaths"] == []
    assert one["linux"]["resources"]["devices"] == [{"allow": True, "access": "rwm"}]
    options = {entry["destination"]: entry["options"] for entry in one["mounts"]}
    assert options["/sys"][-1] == "rw"


def namespaces(one: Any) -> dict[str, str | None]:
    return {entry["type"]: entry.get("path") for entry in one["linux"]["namespaces"]}


def test_namespaces() -> None:
    assert namespaces(spec_of({})) == {
        "mount": None, "pid": None, "ipc": None, "uts": None, "network": "/run/netns/x",
    }  # fmt: skip


def test_host_namespaces_are_simply_not_there() -> None:
    pod = {"hostNetwork": True, "hostPID": True, "hostIPC": True}
    one = spec_of({}, pod, network=None)
    assert namespaces(one) == {"mount": None}
    assert one["hostname"] == ""


def test_cgroups_are_shown_on_the_unified_hierarchy_only() -> None:
    assert "cgroup" not in namespaces(spec_of({}))
    shown = spec_of({}, cgroup_mount=True)
    assert "cgroup" in namespaces(shown)
    assert "/sys/fs/cgroup" in [one["destination"] for one in shown["mounts"]]


def test_mounts_come_parents_first_and_after_the_systems() -> None:
    given = (
        Mount(Path("/b"), "/data/sub", True),
        Mount(Path("/a"), "/data"),
        Mount(Path("/s"), "/dev/shm"),
    )
    targets = [one["destination"] for one in spec_of({}, mounts=given)["mounts"]]
    assert targets.index("/data") < targets.index("/data/sub")
    assert targets.index("/dev") < targets.index("/dev/shm")


def test_a_bind_mount() -> None:
    one = spec_of({}, mounts=(Mount(Path("/b"), "/x", True, "rslave"),))["mounts"][-1]
    assert one == {
        "destination": "/x", "type": "bind", "source": "/b", "options": ["rbind", "rslave", "ro"],
    }  # fmt: skip


def test_exec_is_as_the_container_with_another_command() -> None:
    base = spec_of({})["process"]
    found = exec_process(base, ["sh"], tty=True)
    assert found["args"] == ["sh"]
    assert found["terminal"] is True
    assert found["env"][-1] == "TERM=xterm"
    assert found["user"] == base["user"]
    assert base["terminal"] is False
    assert exec_process(base, ["sh"], tty=False)["env"] == base["env"]
