"""`mesh dashboard` until it serves; what it serves is tested beside the server."""

import pytest

from cli.tests.run_mesh import mesh
from testkit.ports import free_ports


def test_only_this_host_is_served() -> None:
    ran = mesh("dashboard", "--address", "0.0.0.0", "--api-addr", "127.0.0.1:1")
    assert ran.code == 1
    assert "--address 0.0.0.0 is not of this host alone" in ran.err
    assert "with your credentials" in ran.err


def test_a_web_service_that_does_not_answer_in_time() -> None:
    (nobody,) = free_ports(1)
    ran = mesh("dashboard", "--port", "0", "--wait", "0s", "--api-addr", f"127.0.0.1:{nobody}")
    assert ran.code == 1
    assert "web API does not answer" in ran.err
    assert "`mesh check`" in ran.err
    assert ran.out == ""


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("--wait", "soon"), "'--wait'"),
        (("--port", "70000"), "0<=x<=65535"),
        (("--show", "grafana"), "'weft', 'url'"),
    ],
)
def test_flags(flags: tuple[str, ...], said: str) -> None:
    ran = mesh("dashboard", *flags)
    assert ran.code == 2
    assert said in ran.err
