"""`python -m proxy`: the sidecar, configured by `LINKERD2_PROXY_*`."""

from __future__ import annotations

import os
import sys

from proxy import app
from proxy.cores import EndedError
from proxy.identity.keypair import KeypairError
from proxy.settings import EXIT_CODE, Settings, SettingsError


def main() -> int:
    """Run until told to stop; the process's exit code."""
    try:
        settings = Settings.from_environment(os.environ)
        app.run(settings, dict(os.environ))
    except SettingsError as error:
        return _fail(error, EXIT_CODE)
    except (OSError, KeypairError, EndedError) as error:
        return _fail(error, 1)
    return 0


def _fail(error: Exception, code: int) -> int:
    print(f"error: {error}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
