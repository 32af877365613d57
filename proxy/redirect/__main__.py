"""`python -m proxy.redirect`: install the redirection rules and end."""

from __future__ import annotations

import sys

from proxy.redirect.apply import RedirectError, apply
from proxy.redirect.flags import parse


def main() -> int:
    """The process's exit code: 0, 1 when installing failed, 2 for flags that cannot be used."""
    try:
        apply(parse(sys.argv[1:]))
    except RedirectError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
