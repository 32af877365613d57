"""The API server alone, without node or controllers: `python -m sandbox.apiserver --dir DIR`.

Writes DIR/kubeconfig and serves until interrupted.
"""

import argparse
import asyncio
import json
import signal
import sys
from pathlib import Path

from sandbox.apiserver import bootstrap, events, pki
from sandbox.apiserver.api import Api
from sandbox.apiserver.app import App
from sandbox.apiserver.serve import Server, listen
from sandbox.apiserver.store import Store
from sandbox.apiserver.tokens import Tokens


async def run(directory: Path, host: str, port: int) -> None:
    opened = listen(host, port)
    address = f"https://{host}:{opened.getsockname()[1]}"
    ca = pki.make_ca()
    serving, admin = pki.make_serving(ca), pki.make_client(ca)
    files = {"ca.crt": ca.certificate, "server.crt": serving.certificate, "server.key": serving.key}
    for name, content in files.items():
        _write(directory / name, content)
    store = Store()
    api = Api(store)
    bootstrap.populate(store)
    events.bound(store)
    app = App(api, Tokens(store))
    server = Server(
        app,
        [opened],
        certificate=directory / "server.crt",
        key=directory / "server.key",
        client_ca=directory / "ca.crt",
    )
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    async with server.running():
        _write(directory / "kubeconfig", json.dumps(pki.kubeconfig(address, ca, admin)).encode())
        sys.stdout.write(f"serving on {address}\n")
        sys.stdout.flush()
        await stopping.wait()
    await api.aclose()


def _write(path: Path, content: bytes) -> None:
    path.touch(mode=0o600)
    path.write_bytes(content)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m sandbox.apiserver", description=__doc__)
    parser.add_argument("--dir", type=Path, required=True, help="for certificates and kubeconfig")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    chosen = parser.parse_args()
    chosen.dir.mkdir(parents=True, exist_ok=True)
    asyncio.run(run(chosen.dir, chosen.host, chosen.port))


if __name__ == "__main__":
    main()
