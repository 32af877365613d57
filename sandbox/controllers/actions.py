"""What a decision may ask for. Decisions return these; `loop.py` carries them out."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from sandbox.controllers.objects import Object

Propagation: TypeAlias = Literal["Background", "Foreground", "Orphan"]


@dataclass(frozen=True, slots=True)
class Create:
    """Create ``object``; one that is there already by that name is fine."""

    object: Object
    told_on: Object | None = None
    """Whose events say, by the name it then has, what was created."""


@dataclass(frozen=True, slots=True)
class Update:
    """Replace the object, provided it is still the one that was read (its resourceVersion)."""

    object: Object


@dataclass(frozen=True, slots=True)
class UpdateStatus:
    """Replace the object's status only, under the same condition."""

    object: Object


@dataclass(frozen=True, slots=True)
class Delete:
    """Delete the object, provided it still has that uid; gone already is fine."""

    object: Object
    propagation: Propagation = "Background"
    grace_seconds: int | None = None
    """None leaves the object's own (a pod's terminationGracePeriodSeconds)."""


@dataclass(frozen=True, slots=True)
class Bind:
    """Pods only: put the pod on a node."""

    pod: Object
    node: str


@dataclass(frozen=True, slots=True)
class Event:
    """Tell people, on ``about``'s page, what was done or why it was not."""

    about: Object
    kind: Literal["Normal", "Warning"]
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Again:
    """Look at this key again after so many seconds, whatever happens meanwhile."""

    seconds: float


Action: TypeAlias = Create | Update | UpdateStatus | Delete | Bind | Event | Again
