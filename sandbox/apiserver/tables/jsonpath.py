"""The part of JSONPath that printer columns use: `.spec.host`, `.items[0]`, `[?(@.type=="Ready")]`."""

import re
from typing import Any

_STEP = re.compile(
    r"""\.?(?:
        (?P<field>[A-Za-z0-9_\-]+(?:\\\.[A-Za-z0-9_\-]+)*)
      | \[(?P<index>-?\d+)\]
      | \[(?P<all>\*)\]
      | \['(?P<quoted>[^']+)'\]
      | \[\?\(\s*@\.(?P<key>[\w.\-]+)\s*==\s*["'](?P<value>[^"']*)["']\s*\)\]
    )""",
    re.VERBOSE,
)


def find(path: str, obj: Any) -> list[Any]:
    """Everything `path` selects; empty when nothing does or the path is not understood."""
    found = [obj]
    position = 0
    while position < len(path):
        match = _STEP.match(path, position)
        if match is None or match.end() == position:
            return []
        found = [item for value in found for item in _step(match, value)]
        position = match.end()
    return found


def _step(match: re.Match[str], value: Any) -> list[Any]:
    if (field := match["field"] or match["quoted"]) is not None:
        field = field.replace("\\.", ".")
        return [value[field]] if isinstance(value, dict) and field in value else []
    if not isinstance(value, list):
        return []
    if match["index"] is not None:
        index = int(match["index"])
        return [value[index]] if -len(value) <= index < len(value) else []
    if match["all"]:
        return value
    return [one for one in value if find(match["key"], one) == [match["value"]]]
