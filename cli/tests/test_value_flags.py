"""Flags of `mesh install` that are values by Linkerd's names for them."""

from typing import Any

import pytest

from cli.commands.value_flags import VALUE_FLAGS, take_layers
from cli.manifests.overrides import dotted_names
from cli.manifests.values import Values
from cli.render.yaml_text import load_documents, load_one
from cli.tests.run_mesh import mesh

ALONE = ("install", "--ignore-cluster", "--skip-crds")
EXAMPLES = {
    "--controller-replicas": 2,
    "--controller-log-level": "debug",
    "--controller-uid": 3000,
    "--identity-issuance-lifetime": "12h",
    "--identity-clock-skew-allowance": "30s",
    "--image-pull-policy": "Never",
    "--default-inbound-policy": "deny",
    "--skip-inbound-ports": "25,587",
    "--skip-outbound-ports": "3306",
    "--proxy-image": "registry.example.com/proxy",
    "--proxy-version": "v1",
    "--proxy-log-level": "debug",
    "--proxy-cpu-request": "100m",
    "--proxy-cpu-limit": "1",
    "--proxy-memory-request": "20Mi",
    "--proxy-memory-limit": "250Mi",
    "--proxy-uid": 3001,
    "--proxy-gid": 3002,
    "--inbound-port": 5143,
    "--outbound-port": 5140,
    "--control-port": 5190,
    "--admin-port": 5191,
    "--enable-external-profiles": True,
}


def stored(*flags: str) -> dict[str, Any]:
    """The values that the installation keeps."""
    ran = mesh(*ALONE, *flags)
    assert ran.code == 0, ran.err
    objects = [one.value for one in load_documents(ran.out)]
    (config,) = [
        one
        for one in objects
        if one["kind"] == "ConfigMap" and one["metadata"]["name"] == "weft-config"
    ]
    found = load_one(config["data"]["values"])
    assert isinstance(found, dict)
    return found


def at(tree: dict[str, Any], path: str) -> Any:
    found: Any = tree
    for key in path.split("."):
        found = found[key]
    return found


def test_each_is_a_value_that_there_is() -> None:
    known = set(dotted_names(Values().tree()))
    assert [flag.path for flag in VALUE_FLAGS if flag.path not in known] == []
    assert {flag.name for flag in VALUE_FLAGS} == set(EXAMPLES)


def test_all_of_them_arrive() -> None:
    given: list[str] = []
    for name, value in EXAMPLES.items():
        given += [name] if value is True else [name, str(value)]
    values = stored(*given)
    assert {flag.name: at(values, flag.path) for flag in VALUE_FLAGS} == EXAMPLES


def test_those_not_given_change_nothing() -> None:
    """Least of all what an upgrade remembers."""
    given: dict[str, Any] = {flag.parameter: None for flag in VALUE_FLAGS}
    assert take_layers({**given, "other": 1}) == []
    values = stored("--set", "proxy.enableExternalProfiles=true")
    assert values["proxy"]["enableExternalProfiles"] is True


def test_set_wins_over_a_flag_and_a_flag_over_a_file(tmp_path: Any) -> None:
    file = tmp_path / "values.yaml"
    file.write_text("proxy: {logLevel: error}\ncontrollerLogLevel: error\n")
    values = stored(
        "--set", "proxy.logLevel=trace", "--proxy-log-level", "debug",
        "--controller-log-level", "warn", "-f", str(file),
    )  # fmt: skip
    assert values["proxy"]["logLevel"] == "trace"
    assert values["controllerLogLevel"] == "warn"


@pytest.mark.parametrize(
    ("flags", "code", "said"),
    [
        (
            ("--proxy-uid", "0"),
            1,
            "--proxy-uid: value proxy.uid must be greater than or equal to 1",
        ),
        (("--proxy-uid", "root"), 2, "'root' is not a valid integer"),
        (("--default-inbound-policy", "any"), 1, "--default-inbound-policy: value proxy.default"),
        (("--skip-outbound-ports", "http"), 1, "--skip-outbound-ports: value proxyInit.ignore"),
        (("--proxy-cpu-limit", "much"), 1, "'much' is not a quantity"),
        (("--admin-port", "4143"), 1, "are both 4143"),
    ],
)
def test_what_cannot_be_used_is_named_by_its_flag(
    flags: tuple[str, ...], code: int, said: str
) -> None:
    ran = mesh(*ALONE, *flags)
    assert (ran.code, ran.out) == (code, "")
    assert said in ran.err


def test_a_flag_and_inject_say_the_same() -> None:
    assert "Log filter of the proxy" in mesh("install", "--help").out
    assert "Log filter of the proxy" in mesh("inject", "--help").out
