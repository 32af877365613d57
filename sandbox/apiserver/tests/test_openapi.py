"""What kubectl reads of OpenAPI before it applies."""

from sandbox.apiserver import openapi
from sandbox.apiserver.discovery import GIT_VERSION


def test_version_2_in_protobuf_says_what_it_is_and_defines_nothing() -> None:
    version = GIT_VERSION.encode()
    info = b"\x0a\x0aKubernetes" + b"\x12" + bytes([len(version)]) + version
    assert openapi.version_2_protobuf() == b"\x0a\x032.0\x12" + bytes([len(info)]) + info


def test_the_answer_has_a_media_type_clients_can_read() -> None:
    assert "@" not in openapi.PROTOBUF_2_ANSWER
