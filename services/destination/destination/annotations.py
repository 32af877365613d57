"""What people write in annotations, read. Pure.

A bad entry is not used, and whoever reads is told: the log, or the one who applies the object.
"""

import logging
from collections.abc import Callable, Mapping

from kit.kube.objects import Object, annotations, key
from weft.labels import DEFAULT_INBOUND_POLICY, DEFAULT_POLICIES
from weft.ports import PortError, PortRange, PortSet, parse_port_set

log = logging.getLogger(__name__)

Complain = Callable[[Object, str, str], None]
"""Is told of an object, the annotation, and why it is not usable."""


def log_it(obj: Object, annotation: str, why: str) -> None:
    log.warning(
        "an annotation is not usable",
        extra={
            "kind": obj.get("kind"),
            "object": str(key(obj)),
            "annotation": annotation,
            "why": why,
        },
    )


def ports(
    obj: Object, name: str, by_name: Mapping[str, tuple[int, ...]], complain: Complain = log_it
) -> PortSet | None:
    """A port list of numbers, ranges and port names; None when the annotation is absent."""
    text = annotations(obj).get(name)
    if text is None:
        return None
    ranges: list[PortRange] = []
    for part in filter(None, (one.strip() for one in text.split(","))):
        if part in by_name:
            ranges += [PortRange(number, number) for number in by_name[part]]
            continue
        try:
            ranges += parse_port_set(part).ranges
        except PortError as error:
            complain(obj, name, str(error))
    return PortSet(tuple(ranges))


def default_policy(obj: Object, complain: Complain = log_it) -> str:
    """Who may call ports that no Server describes; empty where the object does not say."""
    policy = annotations(obj).get(DEFAULT_INBOUND_POLICY, "")
    if policy and policy not in DEFAULT_POLICIES:
        allowed = ", ".join(DEFAULT_POLICIES)
        complain(obj, DEFAULT_INBOUND_POLICY, f"{policy!r} is not one of {allowed}")
        return ""
    return policy
