"""Which `grpc-status` a response has."""

import pytest

from proxy.codec.message import Headers
from proxy.stack.classify import grpc_status


@pytest.mark.parametrize("code", range(17))
def test_codes_of_grpc_are_told(code: int) -> None:
    assert grpc_status(Headers([("grpc-status", b"%d" % code)])) == code


def test_a_response_without_one_has_none() -> None:
    assert grpc_status(Headers([])) is None


@pytest.mark.parametrize("said", [b"", b"17", b"99", b"100", b"-1", b"+1", b"1.0", b"OK"])
def test_what_is_no_code_is_unknown(said: bytes) -> None:
    assert grpc_status(Headers([("grpc-status", said)])) == 2
