"""Regular expressions as users write them in routes, for whoever checks them and whoever matches by them."""

from __future__ import annotations

import re


class PatternError(ValueError):
    """Text that is no regular expression; the message says why, and does not repeat the text."""


def compile_pattern(text: str) -> re.Pattern[str]:
    """The controller's syntax (RE2) is a subset of Python's, but for a few rare escapes.

    Raises PatternError, also for what Python gives up on with other errors than `re.error`: a count
    beyond all measure (`a{99999999999}`), and groups within groups by the thousand.
    """
    try:
        return re.compile(text)
    except re.error as error:
        raise PatternError(str(error)) from error
    except OverflowError as error:
        raise PatternError("a number of repetitions is too large") from error
    except RecursionError:
        raise PatternError("its groups are nested too deep") from None
