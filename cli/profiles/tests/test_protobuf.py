"""Files of proto, through protoc, as routes."""

from pathlib import Path

import pytest

from cli.failure import CommandError
from cli.profiles.document import Route, Service, service_profile
from cli.profiles.protobuf import routes
from cli.profiles.protoc import describe
from cli.profiles.tests.judging import assert_accepted

MESSAGES = "message In {} message Out {}"
RPC = "(In) returns (Out)"


def of(text: str, *roots: Path, head: str = 'syntax = "proto3"; package shop.v1;') -> list[Route]:
    return routes(describe("shop.proto", f"{head} {text}".encode(), roots))


def test_a_route_for_each_method_in_the_order_of_the_file() -> None:
    found = of(f"{MESSAGES} service Books {{ rpc List {RPC}; rpc Get {RPC}; }}")
    assert found == [
        Route("List", "POST", "/shop.v1.Books/List"),
        Route("Get", "POST", "/shop.v1.Books/Get"),
    ]
    made = service_profile(Service("a", "b", "c"), found)
    assert made["spec"]["routes"][0]["condition"]["pathRegex"] == r"/shop\.v1\.Books/List"
    assert_accepted(made)


def test_methods_of_one_name_are_told_apart_by_their_service() -> None:
    text = f"service A {{ rpc List {RPC}; rpc Get {RPC}; }} service B {{ rpc List {RPC}; }}"
    assert [one.name for one in of(MESSAGES + text)] == ["A/List", "Get", "B/List"]


def test_without_a_package() -> None:
    (found,) = of(f"{MESSAGES} service A {{ rpc Get {RPC}; }}", head='syntax = "proto2";')
    assert found.path == "/A/Get"


def test_editions() -> None:
    (found,) = of(f"{MESSAGES} service A {{ rpc Get {RPC}; }}", head='edition = "2023"; package e;')
    assert found.path == "/e.A/Get"


@pytest.mark.parametrize(
    ("level", "retryable"),
    [("IDEMPOTENT", True), ("NO_SIDE_EFFECTS", True), ("IDEMPOTENCY_UNKNOWN", False)],
)
def test_what_may_be_done_twice_is_retryable(level: str, retryable: bool) -> None:
    option = f"{{ option idempotency_level = {level}; }}"
    (found,) = of(f"{MESSAGES} service A {{ rpc Get {RPC} {option} }}")
    assert found.retryable is retryable


def test_streams_are_methods_like_others() -> None:
    (found,) = of(f"{MESSAGES} service A {{ rpc Watch (stream In) returns (stream Out); }}")
    assert found.name == "Watch"


def test_imports_are_looked_for_and_their_services_are_not_ours(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "down"
    folder.mkdir(parents=True)
    other = f'syntax = "proto3"; package other; {MESSAGES} service Other {{ rpc No {RPC}; }}'
    (folder / "other.proto").write_text(other)
    text = """
      import "deep/down/other.proto"; import "google/protobuf/empty.proto";
      service A { rpc Get (other.In) returns (google.protobuf.Empty); }
    """
    assert [one.name for one in of(text, Path("/nowhere"), tmp_path)] == ["Get"]
    with pytest.raises(CommandError, match=r"deep/down/other\.proto") as caught:
        of(text)
    assert "-I DIR" in caught.value.hint


def test_what_is_wrong_is_named_with_its_place(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(CommandError) as caught:
        of("service A {\n  rpc Get;\n}")
    assert caught.value.message.startswith("shop.proto:2:10: Expected")
    assert not caught.value.hint
    assert capfd.readouterr() == ("", "")
