"""What `status` shows."""

import os
from pathlib import Path

from sandbox import record, status
from sandbox.settings import Settings


def test_no_record_is_no_status(tmp_path: Path) -> None:
    assert status.read(Settings(run=tmp_path, state=tmp_path)) is None


def test_without_an_api_server_there_is_still_a_status(tmp_path: Path) -> None:
    chosen = Settings(run=tmp_path, state=tmp_path)
    record.write(chosen.record, record.this_process("https://127.0.0.1:1"))
    found = status.read(chosen)
    assert found is not None
    assert found.daemon.pid == os.getpid()
    assert found.memory > 2**20
    assert found.pods is None


def test_a_pod_in_one_line() -> None:
    obj = {
        "metadata": {"namespace": "default", "name": "web"},
        "spec": {"containers": [{}, {}]},
        "status": {
            "phase": "Running",
            "containerStatuses": [{"ready": True, "restartCount": 2}, {"ready": False}],
        },
    }
    assert status.pod_of(obj) == status.Pod("default", "web", "Running", 1, 2, 2)
    obj["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"  # type: ignore[index]
    assert status.pod_of(obj).phase == "Terminating"
