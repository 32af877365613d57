"""What an admission step is told of a write."""

from dataclasses import dataclass, field
from typing import Literal

from sandbox.apiserver.identity import User
from sandbox.apiserver.kinds import Kind
from sandbox.apiserver.objects import Obj

Operation = Literal["CREATE", "UPDATE", "DELETE", "CONNECT"]


@dataclass(slots=True)
class Attributes:
    operation: Operation
    kind: Kind
    namespace: str
    name: str
    user: User
    object: Obj | None
    """What is to be stored; mutating steps change or replace it. None for DELETE."""
    old: Obj | None = None
    subresource: str = ""
    dry_run: bool = False
    options: Obj = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    """What webhooks want the caller to read."""
