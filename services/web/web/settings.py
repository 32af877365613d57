"""How the web service is configured."""

from typing import Annotated

from pydantic import BeforeValidator, Field
from pydantic_settings import NoDecode

from kit.settings import ListenAddress, Seconds, Settings
from web.stats.collector.memory import HORIZON
from weft import ports
from weft.addresses import SocketAddress
from weft.matchers import parse_matchers
from weft.urls import parse_http_url


def _hosts(value: object) -> object:
    if not isinstance(value, str):
        return value
    return frozenset(part.strip().lower() for part in value.split(",") if part.strip()) or None


def _url(value: object) -> object:
    return (parse_http_url(value) if value else None) if isinstance(value, str) else value


def _matchers(value: object) -> object:
    return parse_matchers(value) if isinstance(value, str) else value


class WebSettings(Settings):
    addr: ListenAddress = SocketAddress("0.0.0.0", ports.WEB)  # noqa: S104 (the pod's address)
    allowed_hosts: Annotated[frozenset[str] | None, NoDecode, BeforeValidator(_hosts)] = None
    """Names in Host headers that are answered beside the service's own and localhost, separated by
    commas, without ports: what an ingress in front of the dashboard is called. Addresses always are."""
    prometheus_url: Annotated[str | None, NoDecode, BeforeValidator(_url)] = None
    """A Prometheus that scrapes the proxies. While it does not answer, or has no series of them, numbers
    are the own collector's, and every answer says so. Empty: always the own collector's."""
    prometheus_labels: Annotated[
        tuple[tuple[str, str], ...], NoDecode, BeforeValidator(_matchers)
    ] = ()
    """Labels of this cluster's series, where that Prometheus has those of several: `cluster=east`."""
    scrape_interval: Seconds = Field(5.0, ge=0.01, le=HORIZON / 10)
    """How often each proxy is asked; rates follow traffic this fast."""
    scrape_timeout: Seconds = Field(2.0, gt=0)
    """A proxy that needs longer is left for the next round."""
    scrape_concurrency: int = Field(64, ge=1, le=1024)
    """Proxies asked at the same time; with more, a round is shorter and its peak of memory higher."""
    scrape_max_bytes: int = Field(8 << 20, ge=1 << 10)
    """A longer answer is given up: that pod has no numbers, and the log says why."""
    scrape_max_series: int = Field(20_000, ge=100)
    """A pod with more series is given up in the same way."""
    scrape_max_total_series: int = Field(500_000, ge=100)
    """Series of all pods together; a pod that comes when there are as many has no numbers. A thousand
    series take about half a megabyte while their pods are busy."""
