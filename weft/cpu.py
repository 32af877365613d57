"""How many cores a proxy uses, and shares of a node's, as `cpuRatioLimit` and its annotation write them."""

import re

MAX_CORES = 256
"""Of one proxy; in its environment more is taken for a mistake."""


def check_cpu_ratio(text: str) -> str:
    """The text, if it is a number above 0 and at most 1. Raises ValueError."""
    if not re.fullmatch(r"[0-9]*\.?[0-9]+", text) or not 0 < float(text) <= 1:
        raise ValueError(f"{text!r} is not a share: allowed is a number above 0, at most 1")
    return text
