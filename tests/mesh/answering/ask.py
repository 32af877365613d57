"""Asks by HTTP or gRPC, some times in a row, and prints the answers as JSON. Runs inside a pod.

    ask.py http URL TIMES [HEADER=VALUE ...]
    ask.py grpc HOST:PORT TIMES

An answer is [status, what was said, the proxy's error]; a gRPC status is its name.
"""

from __future__ import annotations

import json
import sys
import urllib.error
import urllib.request
from typing import Any

import grpc

PATIENCE = 8.0
METHOD = "/weft.test.Names/Say"


def http(url: str, headers: dict[str, str]) -> list[Any]:
    request = urllib.request.Request(url, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return [answer.status, answer.read().decode(), ""]
    except urllib.error.HTTPError as error:
        return [error.code, "", error.headers.get("l5d-proxy-error", "")]
    except OSError as error:
        return [0, "", str(error)]


def calls(target: str, times: int) -> list[list[Any]]:
    options = (("grpc.enable_retries", 0),)
    answers: list[list[Any]] = []
    with grpc.insecure_channel(target, options) as channel:
        say: Any = channel.unary_unary(METHOD)
        for _ in range(times):
            try:
                answers.append(["OK", say(b"", timeout=PATIENCE).decode(), ""])
            except grpc.RpcError as error:
                failed: Any = error
                answers.append([failed.code().name, "", failed.details()])
    return answers


def main() -> None:
    kind, target, times = sys.argv[1], sys.argv[2], int(sys.argv[3])
    if kind == "grpc":
        print(json.dumps(calls(target, times)))
        return
    headers = dict(one.split("=", 1) for one in sys.argv[4:])
    print(json.dumps([http(target, headers) for _ in range(times)]))


if __name__ == "__main__":
    main()
