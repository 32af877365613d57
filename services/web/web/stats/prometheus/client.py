"""Queries over HTTP (Prometheus' API, version 1), and what it answers.

Everything that can go wrong is a BackendError whose message names the server and what it said.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp

from kit.kube.objects import mapping, sequence
from web.stats.backend import BackendError
from web.stats.prometheus.promql import label

TIMEOUT = 10.0  # seconds for one query
MAX_BYTES = 64 << 20
"""Of an answer, decompressed: 1,000 pods by bucket have a tenth of it."""


@dataclass(frozen=True, slots=True)
class Element:
    """One element of a vector; labels as the collector calls them."""

    labels: Mapping[str, str]
    value: float


@dataclass(frozen=True, slots=True)
class Line:
    """One element of a matrix: values by moment (epoch seconds); moments without one are left out."""

    labels: Mapping[str, str]
    values: Mapping[float, float]


@dataclass(frozen=True, slots=True)
class Client:
    """A Prometheus. `url` has no query; the caller owns `session`."""

    url: str
    session: aiohttp.ClientSession

    async def vector(self, query: str, at: float) -> list[Element]:
        """The query's value at a moment (epoch seconds). Raises BackendError.

        Elements that are not numbers are left out.
        """
        data = await self._ask("query", {"query": query, "time": f"{at:.3f}"})
        found = []
        for one in sequence(data.get("result")):
            value = _number(mapping(one).get("value"))
            if value is not None:
                found.append(Element(_labels(one), value))
        return found

    async def matrix(self, query: str, start: float, end: float, step: float) -> list[Line]:
        """The query's value every `step` seconds. Raises BackendError."""
        form = {"query": query, "start": f"{start:.3f}", "end": f"{end:.3f}", "step": f"{step:g}"}
        data = await self._ask("query_range", form)
        return [
            Line(
                _labels(one),
                {
                    float(pair[0]): value
                    for pair in sequence(mapping(one).get("values"))
                    if (value := _number(pair)) is not None
                },
            )
            for one in sequence(data.get("result"))
        ]

    async def _ask(self, path: str, form: Mapping[str, str]) -> Mapping[str, Any]:
        url = f"{self.url.rstrip('/')}/api/v1/{path}"
        timeout = aiohttp.ClientTimeout(total=TIMEOUT, connect=2.0)
        try:
            async with self.session.post(
                url, data=dict(form), timeout=timeout, allow_redirects=False
            ) as response:
                said = await self._read(response)
                status = response.status
        except TimeoutError:
            raise self._error("it did not answer in time") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise self._error(str(error) or type(error).__name__) from error
        if status != 200 or said.get("status") != "success":
            why = said.get("error") or "it is no Prometheus, by its answer"
            raise self._error(f"it answered {status}: {why}")
        return mapping(said.get("data"))

    async def _read(self, response: aiohttp.ClientResponse) -> Mapping[str, Any]:
        if response.content_type != "application/json":
            return {}
        body = bytearray()
        async for piece in response.content.iter_any():
            body += piece
            if len(body) > MAX_BYTES:
                raise self._error(f"its answer has more than {MAX_BYTES} bytes")
        return mapping(json.loads(body))

    def _error(self, why: str) -> BackendError:
        return BackendError(f"Prometheus at {self.url}: {why}")


def _labels(element: object) -> Mapping[str, str]:
    found = mapping(mapping(element).get("metric"))
    return {label(str(name)): str(value) for name, value in found.items()}


def _number(pair: object) -> float | None:
    """The number of `[moment, "number"]`; None for what is not one."""
    try:
        value = float(sequence(pair)[1])
    except (IndexError, TypeError, ValueError):
        return None
    return value if math.isfinite(value) else None
