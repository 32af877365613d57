"""`mesh sandbox` as people see it, on directories of its own and with no daemon."""

import functools
import gzip
import hashlib
import io
import json
import os
import tarfile
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import sandbox.settings
from cli.main import build
from sandbox import record
from sandbox.settings import Settings


@pytest.fixture
def chosen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Where the command now thinks the sandbox is."""
    found = Settings(run=tmp_path / "run", state=tmp_path / "state")
    found.run.mkdir()
    elsewhere = functools.partial(Settings, run=found.run, state=found.state)
    monkeypatch.setattr(sandbox.settings, "Settings", elsewhere)
    return found


def mesh_sandbox(*words: str) -> Result:
    return CliRunner().invoke(build(), ["sandbox", *words])


def test_status_of_a_sandbox_that_is_down(chosen: Settings) -> None:
    result = mesh_sandbox("status")
    assert (result.exit_code, result.stdout) == (1, "sandbox is down\n")
    result = mesh_sandbox("status", "-o", "json")
    assert (result.exit_code, json.loads(result.stdout)) == (1, {"up": False})


def test_status_of_one_that_is_up_but_does_not_answer(chosen: Settings) -> None:
    record.write(chosen.record, record.this_process("https://127.0.0.1:1"))
    result = mesh_sandbox("status")
    assert result.exit_code == 0
    assert result.stdout.startswith(f"sandbox is up, pid {os.getpid()}, for 0s\n")
    assert "the API server does not answer" in result.stdout


def test_kubeconfig_is_a_path_for_the_shell(chosen: Settings) -> None:
    result = mesh_sandbox("kubeconfig")
    assert result.exit_code == 1
    assert result.stderr == "Error: the sandbox is down\n  start it with `mesh sandbox up`\n"
    chosen.kubeconfig.write_text("{}\n")
    assert mesh_sandbox("kubeconfig").stdout == f"{chosen.kubeconfig}\n"
    assert mesh_sandbox("kubeconfig", "--raw").stdout == "{}\n"


@pytest.mark.parametrize("word", ["up", "down", "load"])
def test_only_root_may(chosen: Settings, monkeypatch: pytest.MonkeyPatch, word: str) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    result = mesh_sandbox(word, *([str(chosen.run)] if word == "load" else []))
    assert result.exit_code == 1
    assert "run it as root" in result.stderr


root_only = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


@pytest.mark.root
@root_only
def test_load_names_the_file_that_is_no_image(chosen: Settings, tmp_path: Path) -> None:
    wrong = tmp_path / "notes.txt"
    wrong.write_text("hello")
    result = mesh_sandbox("load", str(wrong))
    assert result.exit_code == 1
    assert result.stderr.startswith(f"Error: {wrong}: ")


@pytest.mark.root
@root_only
def test_load_says_what_it_loaded(chosen: Settings, tmp_path: Path) -> None:
    layout = oci_layout(tmp_path / "layout", "localhost/weft/hello:1")
    result = mesh_sandbox("load", str(layout))
    assert (result.exit_code, result.stdout) == (0, "loaded localhost/weft/hello:1\n")


def test_one_name_is_for_one_file(chosen: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sandbox.prerequisites.missing", lambda: None)
    result = mesh_sandbox("load", "--as", "a:1", str(chosen.run), str(chosen.run))
    assert result.exit_code == 1
    assert "--as names one image" in result.stderr


def oci_layout(directory: Path, reference: str) -> Path:
    """An image of one file, as OCI's image layout writes it."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        entry = tarfile.TarInfo("hello")
        entry.size = 5
        tar.addfile(entry, io.BytesIO(b"hello"))
    layer = packed.getvalue()
    blobs = directory / "blobs" / "sha256"
    blobs.mkdir(parents=True)

    def blob(content: bytes, kind: str) -> dict[str, object]:
        digest = hashlib.sha256(content).hexdigest()
        (blobs / digest).write_bytes(content)
        media_type = f"application/vnd.oci.image.{kind}"
        return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(content)}

    diff_id = f"sha256:{hashlib.sha256(layer).hexdigest()}"
    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": {"Entrypoint": ["/hello"]},
        "rootfs": {"type": "layers", "diff_ids": [diff_id]},
    }
    manifest = {
        "schemaVersion": 2,
        "config": blob(json.dumps(config).encode(), "config.v1+json"),
        "layers": [blob(gzip.compress(layer), "layer.v1.tar+gzip")],
    }
    described = blob(json.dumps(manifest).encode(), "manifest.v1+json")
    described["annotations"] = {"org.opencontainers.image.ref.name": reference}
    index = {"schemaVersion": 2, "manifests": [described]}
    (directory / "index.json").write_text(json.dumps(index))
    (directory / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    return directory
