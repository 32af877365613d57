"""One tab of a browser, in the words a reader would use."""

from __future__ import annotations

import base64
import json
import time
import urllib.request
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from websockets.sync.client import connect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from websockets.sync.client import ClientConnection

WAIT = 30.0  # seconds until a condition must hold
Theme = Literal["light", "dark"]


class PageError(AssertionError):
    """What the page did not do, or its script threw."""


@dataclass
class Tab:
    """Commands are synchronous; what the page asked for and complained of is kept meanwhile."""

    socket: ClientConnection
    asked: list[str] = field(default_factory=list)
    """URLs of every request the page made."""
    complaints: list[str] = field(default_factory=list)
    """Exceptions, errors on the console, violations of the page's content security policy."""
    _number: int = 0

    def go(self, url: str) -> None:
        self._call("Page.navigate", url=url)
        self.wait("document.readyState === 'complete'")

    def size(self, width: int, height: int, *, phone: bool = False) -> None:
        self._call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=phone,
        )

    def theme(self, theme: Theme) -> None:
        """As if the system preferred it."""
        features = [{"name": "prefers-color-scheme", "value": theme}]
        self._call("Emulation.setEmulatedMedia", features=features)

    def ask(self, expression: str) -> Any:
        """The value of an expression in the page; of a promise, when it is kept. Raises PageError."""
        answer = self._call(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        if "exceptionDetails" in answer:
            raise PageError(f"{expression[:200]}: {_thrown(answer['exceptionDetails'])}")
        return answer["result"].get("value")

    def wait(self, condition: str, seconds: float = WAIT) -> None:
        """Until an expression is true in the page. Raises PageError."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                holds, why = self.ask(f"!!({condition})"), ""
            except PageError as error:  # while a page is being left, there is none
                holds, why = False, str(error)
            if holds:
                return
            if time.monotonic() > deadline:
                raise PageError(f"not within {seconds:g} s: {condition}\n{why}{self.text()}")
            self._listen(0.05)

    def text(self) -> str:
        return str(self.ask("document.body.innerText"))

    def worked(self) -> float:
        """Seconds of processor time that the page's main thread has used so far: other load does not count."""
        metrics = self._call("Performance.getMetrics")["metrics"]
        return next(float(one["value"]) for one in metrics if one["name"] == "TaskDuration")

    def click(self, selector: str) -> None:
        self.wait(f"document.querySelector({json.dumps(selector)})")
        self.ask(f"document.querySelector({json.dumps(selector)}).dispatchEvent("
                 "new MouseEvent('click', {bubbles: true, cancelable: true, button: 0}))")  # fmt: skip

    def key(self, name: str) -> None:
        """Presses a key such as Tab or Enter."""
        codes = {"Tab": 9, "Enter": 13}
        extra = {"key": name, "code": name, "windowsVirtualKeyCode": codes[name]}
        text = {"text": "\r"} if name == "Enter" else {}
        self._call("Input.dispatchKeyEvent", type="keyDown", **extra, **text)
        self._call("Input.dispatchKeyEvent", type="keyUp", **extra)

    def picture(self, path: Path, *, whole: bool = False) -> None:
        """A PNG of what is in sight, or of the whole page."""
        answer = self._call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(base64.b64decode(answer["data"]))

    def _call(self, method: str, **params: Any) -> dict[str, Any]:
        self._number += 1
        mine = self._number
        self.socket.send(json.dumps({"id": mine, "method": method, "params": params}))
        while True:
            message = json.loads(self.socket.recv(WAIT))
            if message.get("id") == mine:
                if "error" in message:
                    raise PageError(f"{method}: {message['error']}")
                result: dict[str, Any] = message["result"]
                return result
            self._note(message)

    def _listen(self, seconds: float) -> None:
        with suppress(TimeoutError):
            self._note(json.loads(self.socket.recv(seconds)))

    def _note(self, message: dict[str, Any]) -> None:
        params = message.get("params", {})
        match message.get("method"):
            case "Network.requestWillBeSent":
                self.asked.append(params["request"]["url"])
            case "Runtime.exceptionThrown":
                self.complaints.append(_thrown(params["exceptionDetails"]))
            case "Log.entryAdded" if params["entry"]["level"] == "error":
                entry = params["entry"]
                self.complaints.append(f"{entry['text']} {entry.get('url', '')}")
            case "Runtime.consoleAPICalled" if params["type"] in ("error", "warning"):
                self.complaints.append(str(params["args"]))


@contextmanager
def opened(port: int) -> Iterator[Tab]:
    """A new tab of the browser at `port`, closed with the block."""
    base = f"http://127.0.0.1:{port}/json"
    request = urllib.request.Request(f"{base}/new?about:blank", method="PUT")
    with urllib.request.urlopen(request, timeout=WAIT) as answer:
        target = json.load(answer)
    with connect(target["webSocketDebuggerUrl"], max_size=None, open_timeout=WAIT) as socket:
        tab = Tab(socket)
        for domain in ("Page", "Network", "Runtime", "Log"):
            tab._call(f"{domain}.enable")
        tab._call("Performance.enable", timeDomain="threadTicks")
        tab.size(1280, 900)
        yield tab
    urllib.request.urlopen(f"{base}/close/{target['id']}", timeout=WAIT).close()


def best(measure: Callable[[], float], wanted: float, attempts: int = 10) -> float:
    """The lowest of some measurements, until one is below what is wanted: other load only ever adds."""
    found = measure()
    for _ in range(attempts - 1):
        if found < wanted:
            break
        found = min(found, measure())
    return found


def first_table(tab: Tab, url: str, condition: str) -> float:
    """Milliseconds from opening a page until its first table stood."""
    tab.go(url)
    tab.wait(condition)
    return float(tab.ask("performance.getEntriesByName('weft:first-table')[0].startTime"))


def _thrown(details: dict[str, Any]) -> str:
    return str(details.get("exception", {}).get("description") or details.get("text"))
