"""What counts as a failure."""

import pytest

from weft.classification import is_success


@pytest.mark.parametrize(
    ("status", "grpc", "success"),
    [
        (200, None, True),
        (404, None, True),
        (499, None, True),
        (500, None, False),
        (0, None, False),
        (200, 0, True),
        (200, 5, True),
        (200, 14, False),
        (200, 7, False),
        (503, 0, True),
    ],
)
def test_a_grpc_code_counts_more_than_a_status(
    status: int, grpc: int | None, success: bool
) -> None:
    assert is_success(status, grpc) is success
