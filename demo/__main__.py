"""`python -m demo web|emoji|voting|vote-bot`."""

from __future__ import annotations

import asyncio
import importlib
import sys

_PROGRAMS = {
    "web": "demo.web",
    "emoji": "demo.emoji",
    "voting": "demo.voting",
    "vote-bot": "demo.vote_bot",
}


def main(arguments: list[str]) -> int:
    if len(arguments) != 1 or arguments[0] not in _PROGRAMS:
        print(f"usage: python -m demo {'|'.join(_PROGRAMS)}", file=sys.stderr)
        return 2
    program = importlib.import_module(_PROGRAMS[arguments[0]])
    try:
        asyncio.run(program.main())
    except ValueError as error:  # an environment that cannot be used; the message names it
        print(f"{arguments[0]}: {error}", file=sys.stderr)
        return 64
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
