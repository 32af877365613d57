"""What API servers say of their version, providers' spellings and nonsense included."""

from typing import Any

import pytest

from weft.kubernetes_version import kubernetes_version


@pytest.mark.parametrize(
    ("said", "version"),
    [
        ({"major": "1", "minor": "34"}, (1, 34)),
        ({"major": "1", "minor": "34+"}, (1, 34)),
        ({"major": 1, "minor": 34}, (1, 34)),
        ({"major": "1"}, None),
        ({"major": "", "minor": ""}, None),
        ({"major": "1", "minor": "²"}, None),
        ({"major": "1", "minor": "9" * 5_000}, None),
        ({}, None),
    ],
)
def test_versions(said: dict[str, Any], version: tuple[int, int] | None) -> None:
    assert kubernetes_version(said) == version
