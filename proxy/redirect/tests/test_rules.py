"""The redirection rules as text, and in a network namespace of their own."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator

import pytest

from proxy.redirect.apply import RedirectError, apply, programs
from proxy.redirect.flags import Command, parse
from proxy.redirect.rules import Redirection, restore_text
from weft.addresses import parse_networks
from weft.ports import parse_port_set

INJECTED = [
    "--firewall-bin-path=iptables-nft",
    "--firewall-save-bin-path=iptables-nft-save",
    "--ipv6=false",
    "--incoming-proxy-port=4143",
    "--outgoing-proxy-port=4140",
    "--proxy-uid=2102",
    "--inbound-ports-to-ignore=4190,4191,4567-4568",
    "--outbound-ports-to-ignore=4567,4568",
]
"""What an injector gives the init container."""


def lines(redirection: Redirection, present: str = "", *, version: int = 4) -> list[str]:
    """The rules without their comments."""
    text = restore_text(redirection, present, version=version)
    return [line.partition(" -m comment")[0] for line in text.splitlines()]


def test_everything_is_redirected_but_the_proxy_itself() -> None:
    assert lines(Redirection(4143, 4140, proxy_uid=2102)) == [
        "*nat",
        ":PROXY_INIT_REDIRECT - [0:0]",
        ":PROXY_INIT_OUTPUT - [0:0]",
        "-A PROXY_INIT_REDIRECT -p tcp -j REDIRECT --to-ports 4143",
        "-A PREROUTING -j PROXY_INIT_REDIRECT",
        "-A PROXY_INIT_OUTPUT -m owner --uid-owner 2102 -j RETURN",
        "-A PROXY_INIT_OUTPUT -o lo -j RETURN",
        "-A PROXY_INIT_OUTPUT -p tcp -j REDIRECT --to-ports 4140",
        "-A OUTPUT -j PROXY_INIT_OUTPUT",
        "COMMIT",
    ]


def test_what_is_ignored_comes_first() -> None:
    redirection = Redirection(
        4143,
        4140,
        proxy_gid=2102,
        inbound_ports_to_ignore=parse_port_set("4190,4567-4568"),
        outbound_ports_to_ignore=parse_port_set("443"),
        subnets_to_ignore=parse_networks("192.0.2.0/24,fd00::/8"),
    )
    four = lines(redirection)
    assert four[3:6] == [
        "-A PROXY_INIT_REDIRECT -p tcp -m multiport --dports 4190,4567:4568 -j RETURN",
        "-A PROXY_INIT_REDIRECT -s 192.0.2.0/24 -j RETURN",
        "-A PROXY_INIT_REDIRECT -p tcp -j REDIRECT --to-ports 4143",
    ]
    assert four[7:10] == [
        "-A PROXY_INIT_OUTPUT -m owner --gid-owner 2102 -j RETURN",
        "-A PROXY_INIT_OUTPUT -o lo -j RETURN",
        "-A PROXY_INIT_OUTPUT -p tcp -m multiport --dports 443 -j RETURN",
    ]
    assert "-A PROXY_INIT_REDIRECT -s fd00::/8 -j RETURN" in lines(redirection, version=6)


def test_comments_are_those_of_proxy_init() -> None:
    text = restore_text(Redirection(4143, 4140, 2102, None, parse_port_set("80")), "")
    comments = [line.split('"')[1] for line in text.splitlines() if '"' in line]
    assert comments == [
        "proxy-init/redirect-port-80-to-proxy-port",
        "proxy-init/install-proxy-init-prerouting",
        "proxy-init/ignore-proxy-user-id",
        "proxy-init/ignore-loopback",
        "proxy-init/redirect-all-outgoing-to-proxy-port",
        "proxy-init/install-proxy-init-output",
    ]


def test_a_rule_takes_fifteen_ports_and_a_range_counts_twice() -> None:
    many = Redirection(
        1, 2, 3, inbound_ports_to_ignore=parse_port_set(",".join(map(str, range(1, 17))))
    )
    ignored = [line for line in lines(many) if "multiport" in line]
    assert [line.count(",") for line in ignored] == [14, 0]
    ranges = ",".join(f"{port}-{port + 1}" for port in range(10, 90, 10))
    ignored = [
        line
        for line in lines(Redirection(1, 2, 3, inbound_ports_to_ignore=parse_port_set(ranges)))
        if "multiport" in line
    ]
    assert [line.count(":") for line in ignored] == [7, 1]


def test_jumps_that_are_there_are_not_added_again() -> None:
    present = (
        '-A PREROUTING -m comment --comment "proxy-init/install" -j PROXY_INIT_REDIRECT\n'
        '-A OUTPUT -m comment --comment "about -j PROXY_INIT_OUTPUT" -j OTHER\n'
    )
    found = lines(Redirection(1, 2, 3), present)
    assert "-A PREROUTING -j PROXY_INIT_REDIRECT" not in found
    assert "-A OUTPUT -j PROXY_INIT_OUTPUT" in found


# --- the command line -----------------------------------------------------------------------


def test_the_flags_injectors_give() -> None:
    command = parse(INJECTED)
    assert command == Command(
        Redirection(
            4143,
            4140,
            2102,
            inbound_ports_to_ignore=parse_port_set("4190,4191,4567-4568"),
            outbound_ports_to_ignore=parse_port_set("4567,4568"),
        ),
        firewall="iptables-nft",
        firewall_save="iptables-nft-save",
        ipv6=False,
        simulate=False,
        wait=False,
        close_wait_timeout=None,
    )
    assert parse(["-u", "1", "--ipv6"]).ipv6
    assert parse(["-g", "1", "-w", "--timeout-close-wait-secs", "60"]).close_wait_timeout == 60


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ([], "--proxy-uid or --proxy-gid is required"),
        (["-u", "x"], "--proxy-uid"),
        (["-u", "1", "-p", "0"], "'0' is not a port"),
        (["-u", "1", "--inbound-ports-to-ignore", "9-1"], "ends before it begins"),
        (["-u", "1", "--subnets-to-ignore", "10.0.0.1/8"], "is not a network"),
        (["-u", "1", "--ipv6=maybe"], "allowed are true and false"),
        (["-u", "1", "--unheard-of"], "--unheard-of"),
    ],
)
def test_flags_that_cannot_be_used(
    flags: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        parse(flags)
    assert end.value.code == 2
    assert message in capsys.readouterr().err


def test_simulating_prints_and_installs_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    apply(parse(["-u", "2102", "--simulate", "--firewall-bin-path", "/nowhere/iptables"]))
    printed = capsys.readouterr().out
    assert "# /nowhere/iptables-restore --noflush\n*nat\n" in printed
    assert "# /nowhere/ip6tables-restore --noflush\n*nat\n" in printed


def test_programs_have_companions() -> None:
    assert programs("iptables", 4) == ("iptables-restore", "iptables-save")
    assert programs("/sbin/iptables-nft", 6) == (
        "/sbin/ip6tables-nft-restore",
        "/sbin/ip6tables-nft-save",
    )


def test_a_program_that_is_missing_is_named() -> None:
    with pytest.raises(RedirectError, match=r"/nowhere/iptables-save: No such file"):
        apply(parse(["-u", "2102", "--firewall-bin-path", "/nowhere/iptables"]))


# --- the kernel -----------------------------------------------------------------------------

NAMESPACE = f"weft-redirect-{os.getpid()}"


@pytest.fixture
def namespace() -> Iterator[list[str]]:
    """A network namespace of its own, and how to run something in it."""
    if shutil.which("iptables-nft-restore") is None:
        pytest.skip("iptables-nft-restore is not installed")
    subprocess.run(["ip", "netns", "add", NAMESPACE], check=True)
    try:
        yield ["ip", "netns", "exec", NAMESPACE]
    finally:
        subprocess.run(["ip", "netns", "del", NAMESPACE], check=True)


@pytest.mark.root
@pytest.mark.slow
def test_installing_twice_leaves_the_same_rules(namespace: list[str]) -> None:
    def install_and_read(*flags: str) -> list[str]:
        command = [*namespace, sys.executable, "-m", "proxy.redirect", *INJECTED, *flags]
        subprocess.run(command, check=True)
        saved = subprocess.run(
            [*namespace, "iptables-nft-save", "-t", "nat"],
            check=True,
            capture_output=True,
            text=True,
        )
        return [line for line in saved.stdout.splitlines() if line.startswith("-A")]

    once = install_and_read()
    twice = install_and_read("-w")
    assert once == twice
    assert len(once) == 8
    assert sum("-j REDIRECT --to-ports" in line for line in once) == 2
    changed = install_and_read("--inbound-ports-to-ignore=25")
    assert len(changed) == 8
    assert any("--dports 25 " in line for line in changed)
