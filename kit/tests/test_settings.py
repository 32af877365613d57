"""Settings: what is read, and that nothing bad or unknown passes in silence."""

import pytest

from kit.settings import ListenAddress, Networks, Ports, Seconds, Settings, SettingsError
from weft.addresses import SocketAddress, parse_networks
from weft.ports import parse_port_set


class Example(Settings):
    addr: ListenAddress = SocketAddress("0.0.0.0", 8080)
    lifetime: Seconds = 5.0
    cluster_networks: Networks = ()
    opaque_ports: Ports = parse_port_set("25")
    count: int = 3


def test_defaults() -> None:
    loaded = Example.load({})
    assert loaded.controller_namespace == "weft"
    assert loaded.admin_addr == SocketAddress("0.0.0.0", 9990)
    assert loaded.identities.component("weft-identity").startswith("weft-identity.weft.")


def test_every_kind_of_value_is_read() -> None:
    loaded = Example.load(
        {
            "WEFT_ADDR": "[::]:81",
            "WEFT_LIFETIME": "1h30m",
            "WEFT_CLUSTER_NETWORKS": "10.0.0.0/8, fd00::/8",
            "WEFT_OPAQUE_PORTS": "1,5-7",
            "WEFT_COUNT": "4",
            "WEFT_LOG_LEVEL": "debug",
            "HOME": "/root",
        }
    )
    assert loaded.addr == SocketAddress("::", 81)
    assert loaded.lifetime == 5400.0
    assert loaded.cluster_networks == parse_networks("10.0.0.0/8,fd00::/8")
    assert list(loaded.opaque_ports) == [1, 5, 6, 7]
    assert loaded.count == 4
    assert loaded.log_level == "debug"


def test_port_zero_lets_the_kernel_choose() -> None:
    assert Example.load({"WEFT_ADDR": "127.0.0.1:0"}).addr == SocketAddress("127.0.0.1", 0)


@pytest.mark.parametrize(
    ("variable", "value", "allowed"),
    [
        ("WEFT_ADDR", "nowhere", "IP:PORT"),
        ("WEFT_ADDR", "localhost:80", "IP address"),
        ("WEFT_ADDR", "0.0.0.0:99999", "65535"),
        ("WEFT_LIFETIME", "soon", "1h30m"),
        ("WEFT_CLUSTER_NETWORKS", "10.0.0.1/8", "host bits"),
        ("WEFT_OPAQUE_PORTS", "0", "1 to 65535"),
        ("WEFT_COUNT", "many", "integer"),
        ("WEFT_LOG_LEVEL", "loud", "'debug', 'info', 'warn' or 'error'"),
        ("WEFT_LOG_FORMAT", "xml", "'plain' or 'json'"),
    ],
)
def test_a_bad_value_names_the_variable_and_what_is_allowed(
    variable: str, value: str, allowed: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        Example.load({variable: value})
    assert f"{variable}={value!r}: " in str(caught.value)
    assert allowed in str(caught.value)


def test_an_unknown_variable_names_the_nearest() -> None:
    with pytest.raises(SettingsError, match=r"WEFT_LOG_LEVL is not .* nearest is WEFT_LOG_LEVEL"):
        Example.load({"WEFT_LOG_LEVL": "info"})


def test_all_problems_are_told_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        Example.load({"WEFT_COUNT": "x", "WEFT_LIFETIME": "y", "WEFT_NOPE": "z"})
    assert [line.split("=")[0].split()[0] for line in str(caught.value).splitlines()] == [
        "WEFT_COUNT",
        "WEFT_LIFETIME",
        "WEFT_NOPE",
    ]


def test_what_the_kubelet_adds_for_services_is_not_ours() -> None:
    Example.load(
        {
            "WEFT_WEB_SERVICE_HOST": "10.96.0.7",
            "WEFT_WEB_SERVICE_PORT": "8084",
            "WEFT_WEB_SERVICE_PORT_HTTP": "8084",
            "WEFT_WEB_PORT": "tcp://10.96.0.7:8084",
            "WEFT_WEB_PORT_8084_TCP_ADDR": "10.96.0.7",
        }
    )
    with pytest.raises(SettingsError):
        Example.load({"WEFT_WEB_PORT": "no service named so"})
