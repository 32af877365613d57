"""The daemon: `python -m sandbox`, started by `mesh sandbox up`.

It says how its start went on the file descriptor it is given: ``ready``, or why not.
"""

import argparse
import asyncio
import logging
import os
import sys
from pathlib import Path

from kit.logs import configure
from sandbox.daemon import run
from sandbox.node.own_root import own_root
from sandbox.settings import Settings


def main() -> int:
    parser = argparse.ArgumentParser(prog="sandbox", description="the sandbox's daemon")
    parser.add_argument("--run-dir", type=Path, default=Settings().run)
    parser.add_argument("--state-dir", type=Path, default=Settings().state)
    parser.add_argument("--api-port", type=int, default=Settings().api_port)
    parser.add_argument("--ready-fd", type=int, help="where to say that all is up, or why not")
    chosen = parser.parse_args()
    configure("info", "plain")
    logging.getLogger("uvicorn").setLevel(logging.WARNING)

    def say(text: str) -> None:
        if chosen.ready_fd is not None:
            os.write(chosen.ready_fd, text.encode())
            os.close(chosen.ready_fd)
            chosen.ready_fd = None

    try:
        found = Settings(run=chosen.run_dir, state=chosen.state_dir, api_port=chosen.api_port)
        own_root()  # before there are threads
        asyncio.run(run(found, lambda: say("ready")))
    except Exception as error:
        logging.getLogger("sandbox").exception("the sandbox ends")
        say(str(error) or type(error).__name__)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
