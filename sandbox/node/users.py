"""Who a container runs as: the pod's security contexts, the image's user, its passwd and group files. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.node.env import ConfigError
from sandbox.node.objects import Object, name, namespace, spec


@dataclass(frozen=True, slots=True)
class User:
    uid: int
    gid: int
    groups: tuple[int, ...] = ()
    home: str = "/"


def user_of(pod: Object, container: Object, image_user: str, passwd: str, group: str) -> User:
    """Raises ConfigError: a user the image does not know, or root where root is forbidden."""
    pod_context = spec(pod).get("securityContext") or {}
    context = container.get("securityContext") or {}
    asked = _first(context, pod_context, "runAsUser")
    asked_group = _first(context, pod_context, "runAsGroup")
    found = resolve(str(asked) if asked is not None else image_user, passwd, group)
    if _first(context, pod_context, "runAsNonRoot"):
        _refuse_root(pod, container, found.uid, asked, image_user)
    groups = [*found.groups, *(pod_context.get("supplementalGroups") or ())]
    if (fs_group := pod_context.get("fsGroup")) is not None:
        groups.append(fs_group)
    gid = found.gid if asked_group is None else int(asked_group)
    return User(found.uid, gid, tuple(dict.fromkeys(int(one) for one in groups)), found.home)


def resolve(text: str, passwd: str, group: str) -> User:
    """What an image's `User` means: `name`, `uid`, either with `:group`, or nothing for root.

    Raises ConfigError for a name that the files do not have.
    """
    user, _, group_text = text.partition(":")
    user = user or "0"
    line = _line(passwd, user)
    if line is None and not user.isdigit():
        raise ConfigError(f"unable to find user {user}: no matching entries in passwd file")
    uid = int(line[2]) if line else int(user)
    gid = int(line[3]) if line else 0
    if group_text:
        entry = _line(group, group_text)
        if entry is None and not group_text.isdigit():
            raise ConfigError(
                f"unable to find group {group_text}: no matching entries in group file"
            )
        return User(uid, int(entry[2]) if entry else int(group_text), (), _home(line))
    return User(uid, gid, _memberships(group, line[0] if line else ""), _home(line))


def fs_user(pod: Object) -> int | None:
    """The user every container runs as, if they all say the same (kubelet: FsUserFrom)."""
    everyone = [*(spec(pod).get("initContainers") or ()), *(spec(pod).get("containers") or ())]
    pod_context = spec(pod).get("securityContext") or {}
    users = {_first(one.get("securityContext") or {}, pod_context, "runAsUser") for one in everyone}
    only = users.pop() if len(users) == 1 else None
    return None if only is None else int(only)


def _refuse_root(pod: Object, container: Object, uid: int, asked: object, image_user: str) -> None:
    where = f'(pod: "{name(pod)}_{namespace(pod)}({pod["metadata"].get("uid", "")})", container: {container["name"]})'
    if uid == 0:
        why = (
            "container's runAsUser breaks non-root policy"
            if asked is not None
            else "container has runAsNonRoot and image will run as root"
        )
        raise ConfigError(f"{why} {where}")
    if asked is None and not image_user.partition(":")[0].isdigit():
        raise ConfigError(
            f"container has runAsNonRoot and image has non-numeric user ({image_user}), "
            f"cannot verify user is non-root {where}"
        )


def _first(context: Mapping[str, Any], pod_context: Mapping[str, Any], key: str) -> Any:
    value = context.get(key)
    return pod_context.get(key) if value is None else value


def _line(text: str, wanted: str) -> list[str] | None:
    """The entry with this name or number."""
    entries = [line.split(":") for line in text.splitlines() if line.count(":") >= 3]
    by_name = [one for one in entries if one[0] == wanted]
    by_number = [one for one in entries if one[2] == wanted]
    return next(iter(by_name or by_number), None)


def _memberships(group: str, user: str) -> tuple[int, ...]:
    found = []
    for line in group.splitlines():
        parts = line.split(":")
        if user and len(parts) >= 4 and parts[2].isdigit() and user in parts[3].split(","):
            found.append(int(parts[2]))
    return tuple(found)


def _home(line: list[str] | None) -> str:
    return line[5] if line and len(line) > 5 and line[5] else "/"
