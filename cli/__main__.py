"""`python -m cli`, in a checkout and in the packed executable."""

import sys
from pathlib import Path

# The injection library's folder has a hyphen, so its package is found only if its parent is on the
# path; generated messages lie in a folder of their own. Packed into one file, or under a build tool,
# both are there already.
_ROOT = Path(__file__).resolve().parent.parent
for _folder in (_ROOT / "services" / "proxy-injector", _ROOT / ".gen"):
    if _folder.is_dir() and str(_folder) not in sys.path:
        sys.path.append(str(_folder))

from cli.main import main  # noqa: E402 (after the path is complete)

if __name__ == "__main__":
    main()
