"""Settings of the web service."""

import pytest

from kit.settings import SettingsError
from web.app import limits
from web.settings import WebSettings
from web.stats.collector.scraping import Limits


def test_defaults_are_those_of_the_collector() -> None:
    settings = WebSettings.load({})
    assert str(settings.addr) == "0.0.0.0:8084"
    assert settings.allowed_hosts is None
    assert limits(settings) == Limits()


def test_hosts() -> None:
    settings = WebSettings.load({"WEFT_ALLOWED_HOSTS": "localhost, Weft-Web.weft ,"})
    assert settings.allowed_hosts == frozenset({"localhost", "weft-web.weft"})
    assert WebSettings.load({"WEFT_ALLOWED_HOSTS": ""}).allowed_hosts is None


def test_a_prometheus() -> None:
    none = WebSettings.load({"WEFT_PROMETHEUS_URL": "", "WEFT_PROMETHEUS_LABELS": ""})
    assert (none.prometheus_url, none.prometheus_labels) == (None, ())
    settings = WebSettings.load(
        {"WEFT_PROMETHEUS_URL": "http://a:9090/", "WEFT_PROMETHEUS_LABELS": "cluster=east"}
    )
    assert settings.prometheus_url == "http://a:9090"
    assert settings.prometheus_labels == (("cluster", "east"),)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("WEFT_SCRAPE_INTERVAL", "2m"),
        ("WEFT_SCRAPE_INTERVAL", "often"),
        ("WEFT_SCRAPE_TIMEOUT", "0"),
        ("WEFT_SCRAPE_CONCURRENCY", "0"),
        ("WEFT_SCRAPE_SERIES", "5"),
        ("WEFT_PROMETHEUS_URL", "prometheus:9090"),
        ("WEFT_PROMETHEUS_LABELS", "cluster"),
    ],
)
def test_what_is_not_allowed_is_named(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name):
        WebSettings.load({name: value})
