"""The base layer: Debian packages unpacked into one root, without a package manager in it."""

from __future__ import annotations

import hashlib
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

from deploy.images.catalogue import LEVELS
from deploy.images.tree import compile_tree, remove

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

PYTHON_LIBRARY = "usr/lib/python3.11"

_UNUSED_PACKAGES = frozenset(
    {
        "adduser",
        "base-files",
        "debconf",
        "dpkg",
        "libpam-modules",
        "libpam-modules-bin",
        "libsemanage-common",
        "libsemanage2",
        "libsepol2",
        "mawk",
        "openssl",
        "passwd",
        "readline-common",
        "tar",
    }
)
"""Drawn in for installation scripts, which are not run here."""

_UNUSED_FILES = (
    "usr/share/doc",
    "usr/share/man",
    "usr/share/locale",
    "usr/share/lintian",
    "usr/share/bash-completion",
    "usr/share/applications",
    "usr/share/pixmaps",
    "usr/share/gcc",
    "usr/share/debhelper",
    "usr/lib/x86_64-linux-gnu/gconv",
    "usr/lib/x86_64-linux-gnu/perl*",
    "usr/lib/mime",
    "etc/init.d",
    "etc/ld.so.conf.d/fakeroot*",
    f"{PYTHON_LIBRARY}/test",
    f"{PYTHON_LIBRARY}/idlelib",
    f"{PYTHON_LIBRARY}/lib2to3",
    f"{PYTHON_LIBRARY}/pydoc_data",
    f"{PYTHON_LIBRARY}/turtledemo",
    f"{PYTHON_LIBRARY}/ensurepip",
    f"{PYTHON_LIBRARY}/config-3.11*",
    "**/__pycache__",
)


@dataclass(frozen=True, slots=True)
class Package:
    """A Debian package as its file names it."""

    name: str
    version: str
    path: Path


class BaseError(Exception):
    """The Debian packages cannot be had; the message carries apt's own words."""


def fetch(names: Sequence[str], cache: Path) -> list[Package]:
    """Download the packages and what they need, as for an empty system. Raises BaseError."""
    (cache / "partial").mkdir(parents=True, exist_ok=True)
    wanted = _plan(names)
    if not wanted:
        _run("apt-get", "update", "-qq")
        wanted = _plan(names)
    _run(*_apt(cache), "--download-only", "install", *names)
    packages = []
    for name, version in wanted:
        found = sorted(cache.glob(f"{name}_{version.replace(':', '%3a')}_*.deb"))
        if not found:
            raise BaseError(f"apt-get downloaded no {name} {version}")
        packages.append(Package(name, version, found[0]))
    return sorted(
        (one for one in packages if one.name not in _UNUSED_PACKAGES), key=lambda one: one.name
    )


def key(packages: Sequence[Package]) -> str:
    """Tells one set of packages from another."""
    names = "\n".join(f"{one.name}={one.version}" for one in packages)
    return hashlib.sha256(names.encode()).hexdigest()[:16]


def unpack(packages: Sequence[Package], root: Path) -> None:
    """Lay the packages out in `root`, prune what containers never read, compile Python's library if it is there."""
    root.mkdir(parents=True)
    for package in packages:
        _run("dpkg-deb", "--extract", str(package.path), str(root))
    _merge_usr(root)
    remove(root, *_UNUSED_FILES)
    _link_alternatives(root)
    _write_accounts(root)
    for folder in ("tmp", "run", "proc", "sys", "dev", "var/run/secrets", "etc"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    _run("ldconfig", "-r", str(root))
    remove(root, "var/cache/ldconfig")
    if (root / PYTHON_LIBRARY).is_dir():
        (root / "usr/bin/python3").symlink_to("python3.11")
        compile_tree(root / PYTHON_LIBRARY, shown_as=f"/{PYTHON_LIBRARY}", levels=LEVELS)


def _merge_usr(root: Path) -> None:
    """Debian 12's layout: /bin, /sbin and /lib are links into /usr."""
    for name in ("bin", "sbin", "lib", "lib64"):
        old, new = root / name, root / "usr" / name
        new.mkdir(parents=True, exist_ok=True)
        if old.is_dir() and not old.is_symlink():
            _run("cp", "-a", f"{old}/.", str(new))
            remove(root, name)
        if not old.is_symlink():
            old.symlink_to(f"usr/{name}")


def _link_alternatives(root: Path) -> None:
    """`iptables` and its kin are the nftables variant, as update-alternatives chooses on Debian 12."""
    for family in ("iptables", "ip6tables"):
        for tool in ("", "-save", "-restore"):
            link = root / "usr/sbin" / f"{family}{tool}"
            if not link.is_symlink():
                link.symlink_to("xtables-nft-multi")


def _write_accounts(root: Path) -> None:
    (root / "etc").mkdir(exist_ok=True)
    users = {"root": 0, "nobody": 65534}
    if (root / "usr/bin/tcpdump").exists():
        users["tcpdump"] = 101  # who it becomes once it has opened the interface
    (root / "etc/passwd").write_text(
        "".join(
            f"{name}:x:{number}:{number}:{name}:/:/sbin/nologin\n" for name, number in users.items()
        )
    )
    groups = {"nogroup" if name == "nobody" else name: number for name, number in users.items()}
    (root / "etc/group").write_text(
        "".join(f"{name}:x:{number}:\n" for name, number in groups.items())
    )
    (root / "etc/nsswitch.conf").write_text("passwd: files\ngroup: files\nhosts: files dns\n")


def _plan(names: Sequence[str]) -> list[tuple[str, str]]:
    """Name and version of every package an empty system would install."""
    result = subprocess.run(
        [*_apt(None), "--simulate", "install", *names], capture_output=True, text=True, check=False
    )
    if result.returncode:
        return []
    words = [line.split() for line in result.stdout.splitlines() if line.startswith("Inst ")]
    return [(line[1], line[2].strip("(")) for line in words]


def _apt(cache: Path | None) -> list[str]:
    options = [
        "Dir::State::status=/dev/null",
        "APT::Install-Recommends=false",
        "Debug::NoLocking=1",
    ]
    if cache is not None:
        options.append(f"Dir::Cache::archives={cache}")
    return ["apt-get", "-qq", "-y", *(word for option in options for word in ("-o", option))]


def _run(*command: str) -> None:
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        raise BaseError(f"{' '.join(command[:2])} failed: {result.stderr.strip()}")
