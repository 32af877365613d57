"""JSON with a value that nests more deeply than any encoder here would write."""

import json
from typing import Any

TOO_DEEP = "nested too deeply"
"""When it is written: 5,000 objects, each in the one before."""


def written(value: Any) -> str:
    deep = '{"not":' * 5000 + "{}" + "}" * 5000
    return json.dumps(value).replace(json.dumps(TOO_DEEP), deep)
