"""Whether this command may speak for a control plane: of no other version it knows what that is made of."""

import re


def newer(installed: str, own: str) -> str:
    """A sentence when the control plane is newer than this command; empty when it is not."""
    if _number(installed) <= _number(own):
        return ""
    return f"{_apart(installed, own)}: it does not know what the newer one needs"


def another(installed: str, own: str) -> str:
    """A sentence when the control plane is of another version than this command; empty when it is of the same."""
    if installed == own:
        return ""
    older = f"{_apart(installed, own)}: it does not know what the older one needs"
    return newer(installed, own) or older


def _apart(installed: str, own: str) -> str:
    return f"the control plane is version {installed or 'unknown'} and this command is {own}"


def _number(version: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", version)))
