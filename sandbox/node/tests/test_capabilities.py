import pytest

from sandbox.node.capabilities import ALL, DEFAULT, CapabilityError, granted, held_by

EVERYTHING = frozenset(ALL)


def names(context: dict[str, object], held: frozenset[str] = EVERYTHING) -> set[str]:
    return {one.removeprefix("CAP_") for one in granted(context, held)}


def test_the_usual_set() -> None:
    assert names({}) == DEFAULT


def test_added_and_dropped() -> None:
    assert names({"capabilities": {"add": ["NET_ADMIN"], "drop": ["KILL"]}}) == (
        DEFAULT | {"NET_ADMIN"}
    ) - {"KILL"}


def test_all_dropped_but_some() -> None:
    context: dict[str, object] = {
        "capabilities": {"drop": ["ALL"], "add": ["NET_ADMIN", "CAP_NET_RAW"]}
    }
    assert granted(context, EVERYTHING) == ["CAP_NET_ADMIN", "CAP_NET_RAW"]


def test_all_added_but_some() -> None:
    assert names({"capabilities": {"add": ["ALL"], "drop": ["SYS_ADMIN"]}}) == EVERYTHING - {
        "SYS_ADMIN"
    }


def test_privileged_has_everything_this_process_holds() -> None:
    assert names({"privileged": True}, EVERYTHING - {"SYS_RESOURCE"}) == EVERYTHING - {
        "SYS_RESOURCE"
    }


def test_an_unknown_one_is_named() -> None:
    with pytest.raises(CapabilityError, match="unknown capability FLY: allowed are"):
        granted({"capabilities": {"add": ["FLY"]}}, EVERYTHING)


def test_reading_what_a_process_holds() -> None:
    assert held_by("Name:\tx\nCapPrm:\t0000000000000021\nCapEff:\t0\n") == {"CHOWN", "KILL"}
    assert held_by("CapPrm:\t000001ffffffffff\n") == EVERYTHING
