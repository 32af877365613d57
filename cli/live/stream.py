"""The tap API's answer: one JSON message per line for as long as it is read.

It goes through the Kubernetes API server, which says who is asking, so whatever the kubeconfig holds
works: certificate, token or plugin.
"""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import urllib3

from cli.cluster.client import RestCluster, connect
from cli.cluster.errors import ClusterError, Forbidden, Unreachable
from cli.live.question import Question
from cli.options import Globals

Message = dict[str, Any]
_TIMEOUT = urllib3.Timeout(connect=5.0, read=None)
MAX_LINE = 4 << 20
ASKED_AGAIN = 3
"""Times in a row, without an event, that a stream may break off and is asked for anew."""
PAUSE = 0.5
"""Seconds before that."""

ROLE_HINT = (
    "Somebody with more rights can let you: `kubectl create clusterrolebinding NAME "
    "--clusterrole {namespace}-weft-tap-admin --user USER`."
)
ABSENT_HINT = "Is tap installed? `kubectl get apiservice v1alpha1.tap.linkerd.io` says whether it is available."


class NothingToTap(ClusterError):
    """The resource has no proxy that can be asked; the message says why."""


class TapRefused(ClusterError):
    """The tap API cannot do what was asked; the message is its own."""


class _BrokeOffError(Exception):
    """The stream began and did not end as streams do."""


class TapApi(Protocol):
    """What commands need; tests answer with a list."""

    def watch(self, question: Question) -> Iterator[Message]:
        """Messages until the other side ends. Raises ClusterError."""


class ApiServerTap:
    """The aggregated API."""

    def __init__(
        self,
        cluster: RestCluster,
        weft_namespace: str,
        *,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._cluster = cluster
        self._weft_namespace = weft_namespace
        self._sleep = sleep

    def watch(self, question: Question) -> Iterator[Message]:
        """Messages until the other side ends. Raises ClusterError.

        Whatever lies between may break a stream off, as an API server does that restarts. Whoever
        watches wants to go on watching: it is asked for again, and a message of trouble says so.
        """
        breaks = 0
        while True:
            try:
                for message in self._stream(question):
                    if "event" in message:
                        breaks = 0
                    yield message
            except _BrokeOffError as error:
                breaks += 1
                reason = f"the stream broke off: {error}"
                if breaks > ASKED_AGAIN:
                    raise Unreachable(self._cluster.server, reason) from None
                yield {"trouble": {"pod": "tap", "reason": f"{reason}; asked for again"}}
                self._sleep(PAUSE)
            else:
                return

    def _stream(self, question: Question) -> Iterator[Message]:
        """One answer. Raises ClusterError, and _BrokeOffError."""
        cluster = self._cluster
        headers = cluster.headers()
        headers["Content-Type"] = "application/json"
        try:
            answer = cluster.new_pool().request(
                "POST",
                cluster.server + question.path,
                body=json.dumps(question.body).encode(),
                headers=headers,
                timeout=_TIMEOUT,
                preload_content=False,
            )
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise Unreachable(cluster.server, str(error)) from None
        try:
            if answer.status >= 400:
                raise refusal(answer.status, answer.read(MAX_LINE), self._weft_namespace)
            yield from messages(pieces(answer))
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise _BrokeOffError(str(error)) from None
        finally:
            answer.close()


def connect_tap(chosen: Globals) -> TapApi:
    """The tap API of the cluster the global flags name. Raises ClusterError."""
    return ApiServerTap(connect(chosen), chosen.weft_namespace)


def pieces(answer: urllib3.BaseHTTPResponse) -> Iterator[bytes]:
    """What has arrived, as it arrives."""
    while data := answer.read1():
        yield data


def messages(parts: Iterator[bytes]) -> Iterator[Message]:
    """The messages of a stream that may be cut anywhere. Raises TapRefused for what is none."""
    held = b""
    for part in parts:
        *lines, held = (held + part).split(b"\n")
        for line in lines:
            yield _message(line)
        if len(held) > MAX_LINE:
            raise TapRefused(f"the tap API sent a line of more than {MAX_LINE} bytes")


def refusal(status: int, body: bytes, weft_namespace: str) -> ClusterError:
    """The error of an answer."""
    try:
        said = json.loads(body)
        text = str(said.get("message") or said.get("error") or "no reason given")
    except (ValueError, AttributeError):
        said, text = {}, body[:200].decode("utf-8", "replace").strip() or "no reason given"
    if status in (401, 403):
        found = Forbidden(status, text)
        found.hint = ROLE_HINT.format(namespace=weft_namespace)
        return found
    if status == 404 and said.get("error"):
        return NothingToTap(text)
    if status in (400, 429):
        return TapRefused(text)
    return TapRefused(f"the tap API does not answer ({status}): {text}", hint=ABSENT_HINT)


def _message(line: bytes) -> Message:
    try:
        found = json.loads(line)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise TapRefused(f"the tap API sent a line that is no message: {line[:80]!r}")
    return found
