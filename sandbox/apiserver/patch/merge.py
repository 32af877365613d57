"""JSON merge patch (RFC 7386): null deletes, objects merge, everything else replaces."""

from typing import Any

from sandbox.apiserver.objects import copied


def merged(target: Any, patch: Any) -> Any:
    """`target` with `patch` merged in. Neither argument is changed."""
    if not isinstance(patch, dict):
        return copied(patch)
    result: dict[str, Any] = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), value)
    return result
