"""`python -m identity`: settings from the environment, then serve until SIGTERM."""

import sys

from identity.app import serve
from identity.settings import IdentitySettings
from kit import lifecycle, logs
from kit.kube.client import Client


async def main(process: lifecycle.Process) -> None:
    settings = IdentitySettings.load()
    logs.configure(settings.log_level, settings.log_format)
    async with await Client.connect(settings.kubeconfig) as client:
        await serve(process, settings, client)


if __name__ == "__main__":
    sys.exit(lifecycle.run(main))
