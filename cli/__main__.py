"""`python -m cli`, in a checkout and in the packed executable."""

import sys
from pathlib import Path

# The injection library's folder has a hyphen, so its package is found only if its parent is on the
# path. Packed into one file, or under a build tool, it is there already.
_INJECTOR = Path(__file__).resolve().parent.parent / "services" / "proxy-injector"
if _INJECTOR.is_dir() and str(_INJECTOR) not in sys.path:
    sys.path.append(str(_INJECTOR))

from cli.main import main  # noqa: E402 (after the path is complete)

if __name__ == "__main__":
    main()
