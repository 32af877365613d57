"""Load generators in the client pod: wrk for saturation, h2load for fixed rates and gRPC."""

from __future__ import annotations

import re
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from bench.namespaces import CLIENT, SERVER, SERVICE_PORT, BenchError, run
from bench.processes import AS_NOBODY, OTHER_CORE, told

if TYPE_CHECKING:
    from collections.abc import Iterator

_URL = f"http://{SERVER.ip}:{SERVICE_PORT}"
_UNITS = {"us": 1.0, "ms": 1e3, "s": 1e6, "m": 60e6}
_SIZES = {"B": 1, "KB": 2**10, "MB": 2**20, "GB": 2**30}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came back. Latencies in microseconds, as the client saw them."""

    requests: int
    failures: int
    bytes_read: float
    per_second: float
    p50: float
    p99: float


class Load(Protocol):
    def run(self, seconds: int) -> Outcome: ...


@dataclass(frozen=True, slots=True)
class Saturate:
    """As many requests as come through."""

    connections: int
    path: str = "/"
    new_connections: bool = False

    def run(self, seconds: int) -> Outcome:
        header = ["-H", "Connection: close"] if self.new_connections else []
        output = _generate(
            "wrk", "-t1", f"-c{self.connections}", f"-d{seconds}s", "--latency", *header,
            f"{_URL}{self.path}",
        )  # fmt: skip
        return read_wrk(output)


@dataclass(frozen=True, slots=True)
class FixedRate:
    """So many requests a second, whether or not answers come, evenly spaced.

    h2load sends at the same rate on every connection, beginning when it was made. So connections are
    made one after the other, as far apart as their requests are to be: made at once, they would all
    send at the same instants, and the rate be one of bursts.
    """

    per_second: int
    connections: int
    longer: int = 1
    """How many times as long as others it runs: a slowest hundredth is few requests in a short run."""

    def run(self, seconds: int) -> Outcome:
        requests = self.per_second * seconds * self.longer
        return _h2load(
            "--h1", f"-c{self.connections}", f"--rps={self.per_second // self.connections}",
            f"-n{requests}", "--rate=1", f"--rate-period={1000 // self.per_second}ms", f"{_URL}/",
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class GrpcUnary:
    """Unary calls, so many streams on each of some connections, as fast as answers come."""

    connections: int
    streams: int

    def run(self, seconds: int) -> Outcome:
        with tempfile.NamedTemporaryFile() as message:
            # One length-prefixed message of five bytes.
            message.write(b"\0\0\0\0\5hello")
            message.flush()
            Path(message.name).chmod(0o644)
            return _h2load(
                f"-c{self.connections}", f"-m{self.streams}", f"-D{seconds}",
                "-H", "content-type: application/grpc", "-H", "te: trailers",
                "-d", message.name, f"{_URL}/echo",
            )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Held:
    """So many connections open at once, each of which has carried a request."""

    connections: int

    @contextmanager
    def open(self) -> Iterator[None]:
        count = str(self.connections)
        with told(CLIENT, "hold", SERVER.ip, str(SERVICE_PORT), count, as_nobody=True) as line:
            line()
            yield


def read_wrk(output: str) -> Outcome:
    """What wrk printed. Raises BenchError when it is not a report."""
    total = re.search(r"(\d+) requests in .*?, ([\d.]+)([KMG]?B) read", output)
    if total is None:
        raise BenchError(f"wrk reported nothing: {output[-500:]}")
    refused = re.search(r"Non-2xx or 3xx responses: (\d+)", output)
    errors = re.search(
        r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", output
    )
    failures = int(refused[1]) if refused else 0
    return Outcome(
        requests=int(total[1]),
        failures=failures + (sum(map(int, errors.groups())) if errors else 0),
        bytes_read=float(total[2]) * _SIZES[total[3]],
        per_second=_number(r"Requests/sec:\s+([\d.]+)", output),
        p50=_time(r"50%\s+([\d.]+)(us|ms|s|m)", output),
        p99=_time(r"99%\s+([\d.]+)(us|ms|s|m)", output),
    )


def read_h2load(output: str, log: str) -> Outcome:
    """What h2load printed, and its log: start, status, microseconds of every request."""
    found = re.search(
        r"requests: \d+ total, \d+ started, (\d+) done, (\d+) succeeded, (\d+) failed", output
    )
    if found is None:
        raise BenchError(f"h2load reported nothing: {output[-500:]}")
    times = sorted(int(line.split("\t")[2]) for line in log.splitlines() if line.strip())
    if not times:
        raise BenchError("h2load logged no request")
    return Outcome(
        requests=int(found[1]),
        failures=int(found[1]) - int(found[2]),
        bytes_read=0.0,
        per_second=_number(r"finished in [^,]+, ([\d.]+) req/s", output),
        p50=float(times[len(times) // 2]),
        p99=float(times[min(len(times) - 1, len(times) * 99 // 100)]),
    )


def _h2load(*arguments: str) -> Outcome:
    with tempfile.NamedTemporaryFile("r") as log:
        Path(log.name).chmod(0o666)
        output = _generate("h2load", f"--log-file={log.name}", *arguments)
        return read_h2load(output, log.read())


def _generate(*command: str) -> str:
    return run("taskset", "-c", OTHER_CORE, *CLIENT.inside(*AS_NOBODY, *command))


def _number(pattern: str, output: str) -> float:
    found = re.search(pattern, output)
    return float(found[1]) if found else 0.0


def _time(pattern: str, output: str) -> float:
    found = re.search(pattern, output)
    return float(found[1]) * _UNITS[found[2]] if found else 0.0
