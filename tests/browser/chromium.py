"""Chromium without a window, with a profile of its own and nothing that calls home."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE = "chromium"
START = 30.0  # seconds until it listens
FLAGS = (
    "--headless",
    "--no-sandbox",  # which does not start for root
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-extensions",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--force-color-profile=srgb",
    "--remote-debugging-port=0",
)


class NoChromium(Exception):
    """It cannot be had or does not start; the message says why."""


def executable() -> str:
    """The browser, installed from Debian when it is not there. Raises NoChromium."""
    found = shutil.which(PACKAGE)
    if found is None:
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        install = "apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium"
        result = subprocess.run(
            ["sh", "-c", install], env=environment, capture_output=True, text=True, check=False
        )
        found = shutil.which(PACKAGE)
        if found is None:
            raise NoChromium(f"apt-get cannot install {PACKAGE}: {result.stderr[-1000:]}")
    return found


@contextlib.contextmanager
def running() -> Iterator[int]:
    """The port of a browser that ends with the block. Raises NoChromium."""
    with tempfile.TemporaryDirectory(prefix="weft-chromium-") as profile:
        browser = subprocess.Popen(
            [executable(), *FLAGS, f"--user-data-dir={profile}", "about:blank"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            yield _port(browser, Path(profile) / "DevToolsActivePort")
        finally:
            _end(browser)


def _port(browser: subprocess.Popen[bytes], file: Path) -> int:
    deadline = time.monotonic() + START
    while time.monotonic() < deadline:
        if browser.poll() is not None:
            raise NoChromium(f"Chromium ended with {browser.returncode}")
        lines = file.read_text().splitlines() if file.exists() else []
        if lines:
            return int(lines[0])
        time.sleep(0.05)
    raise NoChromium(f"Chromium does not listen after {START:g} s")


def _end(browser: subprocess.Popen[bytes]) -> None:
    """With all its processes, which are a session of their own."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(browser.pid, signal.SIGTERM)
    try:
        browser.wait(5)
    except subprocess.TimeoutExpired:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(browser.pid, signal.SIGKILL)
        browser.wait(5)
