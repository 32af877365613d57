import json
from pathlib import Path

import pytest

from bench.load import read_h2load, read_wrk
from bench.namespaces import BenchError
from bench.report import rows, table, write_json
from bench.rounds import Sample
from bench.works import CPU, WORKS

WRK = """Running 3s test @ http://10.252.0.2:8080/
  1 threads and 50 connections
  Latency Distribution
     50%    2.05ms
     75%    2.80ms
     90%    4.12ms
     99%    8.88ms
  62349 requests in 3.01s, 9.10MB read
Requests/sec:  20749.03
Transfer/sec:      3.03MB
"""

H2LOAD = """finished in 3.00s, 1000.00 req/s, 1.20KB/s
requests: 3000 total, 3000 started, 3000 done, 2999 succeeded, 1 failed, 1 errored, 0 timeout
status codes: 2999 2xx, 0 3xx, 0 4xx, 0 5xx
"""


def test_wrk_is_read() -> None:
    outcome = read_wrk(WRK)
    assert (outcome.requests, outcome.failures, outcome.per_second) == (62_349, 0, 20_749.03)
    assert (outcome.p50, outcome.p99) == (2050.0, 8880.0)
    assert outcome.bytes_read == pytest.approx(9.10 * 2**20)


def test_every_failure_wrk_names_is_counted() -> None:
    errors = (
        "  Socket errors: connect 1, read 2, write 3, timeout 4\n  Non-2xx or 3xx responses: 5\n"
    )
    assert read_wrk(WRK.replace("Requests/sec", errors + "Requests/sec")).failures == 15


def test_h2load_is_read_with_its_log() -> None:
    log = "".join(f"17000000{number:02d}\t200\t{number * 10}\n" for number in range(1, 101))
    outcome = read_h2load(H2LOAD, log)
    assert (outcome.requests, outcome.failures, outcome.per_second) == (3000, 1, 1000.0)
    assert (outcome.p50, outcome.p99) == (510.0, 1000.0)


def test_silence_is_an_error_not_a_zero() -> None:
    with pytest.raises(BenchError):
        read_wrk("unable to connect")
    with pytest.raises(BenchError):
        read_h2load("unable to connect", "")
    with pytest.raises(BenchError):
        read_h2load(H2LOAD, "")


def test_ratios_are_of_medians_and_goals_are_held_against_them(tmp_path: Path) -> None:
    work = WORKS[0]
    samples = [
        Sample(work.name, peer, {CPU: value, "requests/s": 1000.0})
        for peer, values in (("weft", (30.0, 45.0, 90.0)), ("envoy", (80.0, 75.0, 100.0)))
        for value in values
    ]
    found = {row.figure: row for row in rows([work], samples)}
    assert found[CPU].ratio == pytest.approx(45 / 80)
    assert not found[CPU].reached
    assert "missed" in table(list(found.values()), 3)
    write_json(list(found.values()), tmp_path / "results.json")
    first = json.loads((tmp_path / "results.json").read_text())[0]
    assert first == {
        "work": "http1-50",
        "figure": "cpu",
        "unit": "us/request",
        "weft": 45.0,
        "peer": 80.0,
        "peer_name": "envoy",
        "ratio": 0.562,
    }
