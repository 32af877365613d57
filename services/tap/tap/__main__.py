"""`python -m tap`: settings from the environment, then serve until SIGTERM."""

import sys

from kit import lifecycle, logs
from kit.kube.client import Client
from tap.app import serve
from tap.settings import TapSettings


async def main(process: lifecycle.Process) -> None:
    settings = TapSettings.load()
    logs.configure(settings.log_level, settings.log_format)
    async with await Client.connect(settings.kubeconfig) as client:
        await serve(process, settings, client)


if __name__ == "__main__":
    sys.exit(lifecycle.run(main))
