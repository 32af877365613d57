from typing import Any

import pytest

from sandbox.apiserver.builtin.quantities import canonical, canonicalize
from sandbox.apiserver.kinds import POD
from sandbox.apiserver.tests.conftest import pod

FORMS: list[tuple[Any, str]] = [
    ("0", "0"), (0, "0"), ("0.5", "500m"), (1, "1"), ("1.5", "1500m"), ("1000", "1k"), ("1001", "1001"),
    ("1500m", "1500m"), ("2000m", "2"), ("1024Mi", "1Gi"), ("1536Mi", "1536Mi"), ("1.5Gi", "1536Mi"),
    ("1000Ki", "1000Ki"), ("1e3", "1k"), ("5E", "5E"), ("100u", "100u"), ("0.1n", "1n"), ("-2", "-2"), (".5", "500m"),
]  # fmt: skip


@pytest.mark.parametrize(("written", "shown"), FORMS)
def test_there_is_one_form(written: Any, shown: str) -> None:
    assert canonical(written) == shown
    assert canonical(shown) == shown


@pytest.mark.parametrize("value", ["much", "", "1.2.3", "5 Gi", None, True, ["1"]])
def test_what_is_no_quantity_is_left_for_validation(value: Any) -> None:
    assert canonical(value) == value


def test_every_quantity_of_an_object_is_rewritten() -> None:
    resources = {"limits": {"memory": "1024Mi"}, "requests": {"cpu": "0.5"}}
    made = pod(containers=[{"name": "a", "image": "a", "resources": resources}])
    canonicalize(POD, made)
    assert made["spec"]["containers"][0]["resources"] == {
        "limits": {"memory": "1Gi"},
        "requests": {"cpu": "500m"},
    }
