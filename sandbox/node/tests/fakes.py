"""A cluster of a few dictionaries, and an image of a few bytes, for tests of the node."""

import hashlib
import io
import json
import tarfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from sandbox.node.cluster import Token
from sandbox.node.objects import Object, name, namespace, uid


class FakeCluster:
    """Implements `Cluster`; keeps every status and event for the test to read."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self.config_maps: dict[tuple[str, str], Object] = {}
        self.secrets: dict[tuple[str, str], Object] = {}
        self.service_list: list[Object] = []
        self.pods: dict[str, Object] = {}
        self.events: list[tuple[str, str, str]] = []
        self.tokens = 0

    def config_map(self, namespace: str, name: str) -> Object | None:
        return self.config_maps.get((namespace, name))

    def secret(self, namespace: str, name: str) -> Object | None:
        return self.secrets.get((namespace, name))

    def services(self, namespace: str) -> tuple[Object, ...]:
        return tuple(self.service_list)

    def pod(self, wanted_namespace: str, wanted: str) -> Object | None:
        return next(
            (
                one
                for one in self.pods.values()
                if (namespace(one), name(one)) == (wanted_namespace, wanted)
            ),
            None,
        )

    def set_status(self, pod: Object, change: Callable[[Object], Object]) -> None:
        if present := self.pods.get(uid(pod)):
            self.pods[uid(pod)] = {**present, "status": change(present)}

    def remove(self, pod: Object) -> None:
        self.pods.pop(uid(pod), None)

    def event(
        self,
        about: Object,
        kind: Literal["Normal", "Warning"],
        reason: str,
        message: str,
        field: str,
    ) -> None:
        self.events.append((kind, reason, message))

    def token(self, pod: Object, audience: str | None, seconds: int) -> Token:
        self.tokens += 1
        return Token(f"token-{audience}-{self.tokens}", self._clock() + seconds)


def write_layout(
    directory: Path, reference: str, layers: list[bytes], config: dict[str, Any]
) -> Path:
    """An OCI image layout with uncompressed layers."""
    blobs = directory / "blobs" / "sha256"
    blobs.mkdir(parents=True)

    def blob(content: bytes, media_type: str) -> dict[str, Any]:
        digest = hashlib.sha256(content).hexdigest()
        (blobs / digest).write_bytes(content)
        return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(content)}

    described = [blob(one, "application/vnd.oci.image.layer.v1.tar") for one in layers]
    configuration = {
        "architecture": "amd64",
        "os": "linux",
        "config": config,
        "rootfs": {"type": "layers", "diff_ids": [one["digest"] for one in described]},
    }
    manifest = {
        "schemaVersion": 2,
        "config": blob(
            json.dumps(configuration).encode(), "application/vnd.oci.image.config.v1+json"
        ),
        "layers": described,
    }
    entry = blob(json.dumps(manifest).encode(), "application/vnd.oci.image.manifest.v1+json")
    entry["annotations"] = {"org.opencontainers.image.ref.name": reference}
    (directory / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [entry]}))
    (directory / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    return directory


def tar_of(files: dict[str, str | bytes | None]) -> bytes:
    """A tar file: bytes are a file's content, text is a link's target, None makes a directory."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for path, content in files.items():
            member = tarfile.TarInfo(path)
            member.mode = 0o755
            if content is None:
                member.type = tarfile.DIRTYPE
            elif isinstance(content, str):
                member.type, member.linkname = tarfile.SYMTYPE, content
            else:
                member.size = len(content)
            archive.addfile(member, io.BytesIO(content) if isinstance(content, bytes) else None)
    return out.getvalue()


def host_programs_layer() -> bytes:
    """A root file system whose programs are the host's: /usr is mounted by the pod, the rest are links."""
    return tar_of(
        {
            "usr": None,
            "etc": None,
            "tmp": None,
            "bin": "usr/bin",
            "sbin": "usr/sbin",
            "lib": "usr/lib",
            "lib64": "usr/lib64",
            "etc/passwd": b"root:x:0:0:root:/root:/bin/sh\napp:x:2102:2102::/home/app:/bin/sh\n",
            "etc/group": b"root:x:0:\napp:x:2102:\nextra:x:3000:app\n",
        }
    )
