"""Says its name: over HTTP on port 8080 and over gRPC on port 8081. Runs inside a pod.

NAME is what to say. A GET of /slow takes two seconds; one of /header/X says what came in headers X. FLAKY=1: every other gRPC call fails.
"""

from __future__ import annotations

import itertools
import os
import time
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import grpc

NAME = os.environ["NAME"].encode()
FLAKY = os.environ.get("FLAKY") == "1"
SLOW_SECONDS = 2.0
calls = itertools.count()


class Page(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.path.startswith("/slow"):
            time.sleep(SLOW_SECONDS)
        said = NAME
        if self.path.startswith("/header/"):
            said = "\n".join(self.headers.get_all(self.path[len("/header/") :], ())).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, *_: object) -> None:
        """Nothing: what was asked is checked from outside."""


class Calls(grpc.GenericRpcHandler):
    def service(self, handler_call_details: Any) -> Any:
        return grpc.unary_unary_rpc_method_handler(_answer)


def _answer(_request: bytes, context: Any) -> bytes:
    if FLAKY and next(calls) % 2 == 0:
        context.abort(grpc.StatusCode.UNAVAILABLE, "every other call fails")
    return NAME


def main() -> None:
    server = grpc.server(ThreadPoolExecutor(4))
    server.add_generic_rpc_handlers((Calls(),))
    server.add_insecure_port("0.0.0.0:8081")
    server.start()
    ThreadingHTTPServer(("0.0.0.0", 8080), Page).serve_forever()


if __name__ == "__main__":
    main()
