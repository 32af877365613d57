"""Scalars, keys and merges are to `mesh` what they are to `kubectl`, into which its output is piped."""

from typing import Any

import pytest
import yaml

from cli.render.yaml_text import YamlError, dump, load_one

KUBECTL_READS: list[tuple[str, Any]] = [
    ("1e3", 1000),
    ("1E5", 100000),
    (".5e3", 500),
    ("1.", 1),
    ("1_000.5", 1000.5),
    ("08", 8),
    ("09.5", 9.5),
    ("0777", 511),
    ("0o7", 7),
    ("0b11", 3),
    ("-0x1F", -31),
    ("0x_1", 1),
    ("-_1", -1),
    ("18446744073709551615", 2**64 - 1),
    ("1000000000000000000000000", 1e24),
    ("y", True),
    ("N", False),
    ("on", True),
    ("~", None),
    # What looks like a number and is none is text.
    ("12e4567", "12e4567"),
    ("0x52908400098527886E0F7030069857D2E4169EE7", "0x52908400098527886E0F7030069857D2E4169EE7"),
    ("1" * 5000, "1" * 5000),
    ("0x_", "0x_"),
    ("0b_", "0b_"),
    ("1e", "1e"),
    ("._5", "._5"),
    ("1:30", "1:30"),
    ("2020-01-01", "2020-01-01"),
    ("=", "="),
    ("10.0.0.1", "10.0.0.1"),
    ("100m", "100m"),
]
"""Found by asking kubectl 1.32 (`kubectl annotate --local -o json`)."""


@pytest.mark.parametrize(("plain", "meaning"), KUBECTL_READS)
def test_a_plain_scalar_is_what_kubectl_takes_it_for(plain: str, meaning: Any) -> None:
    found = load_one(f"a: {plain}\n")["a"]
    assert (found, isinstance(found, bool)) == (meaning, isinstance(meaning, bool))


@pytest.mark.parametrize("text", [plain for plain, _ in KUBECTL_READS])
def test_text_that_kubectl_would_take_for_something_else_is_quoted(text: str) -> None:
    line = dump({"a": text})
    assert load_one(line) == yaml.safe_load(line) == {"a": text}


@pytest.mark.parametrize("key", ["y", "1e3", "true", "12"])
def test_keys_are_quoted_by_the_same_rule(key: str) -> None:
    assert dump({key: "x"}) == f"'{key}': x\n"


@pytest.mark.parametrize(
    ("key", "becomes"),
    [("on", "true"), ("n", "false"), ("1.0", "1"), ("0x10", "16"), ("1.5", "1.5")],
)
def test_keys_that_are_no_text_become_what_they_are_in_json(key: str, becomes: str) -> None:
    assert load_one(f"{key}: x\n") == {becomes: "x"}


def test_a_key_that_is_null_is_refused_as_by_kubectl() -> None:
    with pytest.raises(YamlError, match="line 2: a key must not be null"):
        load_one("a: 1\n~: 2\n")


def test_what_stands_beside_a_merge_key_replaces_what_it_brings() -> None:
    text = "base: &base {cpu: 100m, memory: 64Mi}\nproxy:\n  <<: *base\n  memory: 128Mi\n"
    assert load_one(text)["proxy"] == {"cpu": "100m", "memory": "128Mi"}


def test_of_several_merged_the_first_counts() -> None:
    text = "a: &a {x: 1}\nb: &b {x: 2, z: 3}\nc:\n  <<: [*a, *b]\n  z: 4\n"
    assert load_one(text)["c"] == {"x": 1, "z": 4}


@pytest.mark.parametrize(
    "text", ["a: &a {x: 1, x: 2}\n", "a: &a {x: 1}\nb: {<<: *a, y1: 1, y1: 2}\n"]
)
def test_a_key_that_is_really_given_twice_is_refused(text: str) -> None:
    with pytest.raises(YamlError, match="is given twice"):
        load_one(text)


def test_binary_is_the_text_that_it_stands_for() -> None:
    assert load_one("a: !!binary aGk=\n") == {"a": "hi"}
    with pytest.raises(YamlError, match=r"line 1: a value is not what its tag \(!!\) says"):
        load_one("a: !!binary gA==\n")
