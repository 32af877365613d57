"""`mesh profile`, as people type it."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from cli.cluster import client
from cli.cluster.errors import Unreachable
from cli.live import stream
from cli.live.stream import NothingToTap
from cli.live.tests.events import call
from cli.live.tests.test_commands import FakeTap, events
from cli.profiles.tests.judging import assert_accepted
from cli.tests.fake_cluster import FakeCluster
from cli.tests.run_mesh import Ran, mesh

SWAGGER = """\
swagger: "2.0"
basePath: /v1
paths:
  /books/{id}:
    get:
      x-linkerd-retryable: true
      responses:
        200: {description: OK}
"""
PROTO = 'syntax = "proto3"; package p; message M {} service S { rpc Get (M) returns (M); }'


def profile(*arguments: str, stdin: str = "") -> Ran:
    return mesh("profile", "-n", "shop", "--ignore-cluster", *arguments, stdin=stdin)


def routes(ran: Ran) -> list[str]:
    """Of a profile that the mesh accepts."""
    assert (ran.code, ran.err) == (0, "")
    made = yaml.safe_load(ran.out)
    assert_accepted(made)
    return [one["name"] for one in made["spec"]["routes"]]


def test_a_template_has_comments_and_is_a_profile() -> None:
    ran = profile("--template", "books")
    assert ran.out.startswith("# What the mesh knows of shop/books")
    assert routes(ran) == ["GET /books/{id}"]
    made = yaml.safe_load(ran.out)
    assert made["metadata"] == {"name": "books.shop.svc.cluster.local", "namespace": "shop"}
    assert json.loads(profile("--template", "books", "-o", "json").out) == made


def test_open_api_in_yaml_and_json(tmp_path: Path) -> None:
    file = tmp_path / "books.yaml"
    file.write_text(SWAGGER)
    said = profile("--open-api", str(file), "books")
    assert routes(said) == ["GET /v1/books/{id}"]
    tabs = json.dumps(yaml.safe_load(SWAGGER), indent="\t")
    assert profile("--open-api", "-", "books", stdin=tabs).out == said.out
    assert json.loads(
        profile("--open-api", "-", "-o", "json", "books", stdin=SWAGGER).out
    ) == yaml.safe_load(said.out)


def test_proto(tmp_path: Path) -> None:
    file = tmp_path / "books.proto"
    file.write_text(PROTO)
    assert routes(profile("--proto", str(file), "books")) == ["Get"]
    assert routes(profile("--proto", "-", "books", stdin=PROTO)) == ["Get"]


def test_what_a_proto_file_imports_lies_beside_it_or_where_is_said(tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    file = tmp_path / "here" / "books.proto"
    (tmp_path / "here" / "beside.proto").write_text('syntax = "proto3"; message A {}')
    (tmp_path / "above.proto").write_text('syntax = "proto3"; message B {}')
    file.write_text(
        'syntax = "proto3"; import "beside.proto"; import "above.proto";'
        " service S { rpc Get (A) returns (B); }"
    )
    assert profile("--proto", str(file), "books").code == 1
    assert routes(profile("--proto", str(file), "-I", str(tmp_path), "books")) == ["Get"]


@pytest.fixture
def tap(monkeypatch: pytest.MonkeyPatch) -> Any:
    def use(*messages: Any, then: BaseException | None = None) -> FakeTap:
        api = FakeTap(*messages, then=then)
        monkeypatch.setattr(stream, "connect_tap", lambda chosen: api)
        return api

    return use


@pytest.mark.parametrize("prefix", [(), ("viz",)])
def test_tap(tap: Any, prefix: tuple[str, ...]) -> None:
    api = tap(*events(call(path="/b?c=d"), call(path="/a"), call(path="/sent", outbound=True)))
    ran = mesh(
        *prefix, "profile", "-n", "shop", "--ignore-cluster",
        "--tap", "deploy/web", "--tap-duration", "1h", "web-svc",
    )  # fmt: skip
    assert routes(ran) == ["GET /a", "GET /b"]
    assert api.asked[0].path.endswith("/namespaces/shop/deployments/web/tap")


def test_a_tap_ends_with_the_last_route_that_is_wanted(tap: Any) -> None:
    tap(*events(*(call(path=f"/{number}") for number in range(9))))
    ran = profile(
        "--tap", "deploy/web", "--tap-duration", "1h", "--tap-route-limit", "3", "web-svc"
    )
    assert ran.code == 0
    assert ran.err == "Ended with 3 routes: there may be more (--tap-route-limit).\n"
    names = [one["name"] for one in yaml.safe_load(ran.out)["spec"]["routes"]]
    assert names == ["GET /0", "GET /1", "GET /2"]


def test_a_tap_that_saw_nothing_makes_no_profile(tap: Any) -> None:
    tap({"started": {"skipped": [{"pod": "a/b", "reason": "it is not meshed"}]}})
    ran = profile("--tap", "deploy/web", "web-svc")
    assert (ran.code, ran.out) == (1, "")
    assert "a/b is not shown: it is not meshed" in ran.err
    assert "Error: deployment/web received no request within 5s" in ran.err


def test_an_error_of_tap(tap: Any) -> None:
    tap(then=NothingToTap("no pods to tap"))
    ran = profile("--tap", "deploy/web", "web-svc")
    assert (ran.code, ran.err) == (1, "Error: no pods to tap\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["books"], "exactly one is needed of --template, --open-api FILE, --proto FILE, --tap"),
        (["--template", "--tap", "deploy/web", "books"], "exactly one is needed of"),
        (["--template"], "Missing argument 'SERVICE'"),
        (["--template", "Books"], "'Books' is not one: the name of a Service is at most 63"),
        (["--template", "1books"], "begins with a letter"),
        (["--template", "books-"], "'books-' is not one"),
        (["--template", "b" * 64], "at most 63"),
        (["--template", "svc/books"], "'svc/books' is not one"),
        (["--template", "books", "-n", "Shop"], "'Shop' is not a namespace"),
        (["--template", "books", "-o", "xml"], "'xml' is not one of 'yaml', 'json'"),
        (["--template", "books", "--tap-duration", "5s"], "--tap-duration goes with --tap only"),
        (["--template", "books", "--tap-route-limit", "5"], "--tap-route-limit goes with --tap"),
        (["--template", "books", "-I", "."], "--proto-path goes with --proto only"),
        (["--proto", "-", "books", "-I", "/nowhere"], "'/nowhere' does not exist"),
        (["--tap", "deploy", "books"], "'deploy' is not one resource"),
        (["--tap", "deploy/web", "--tap-duration", "0s", "books"], "durations above 0"),
        (["--tap", "deploy/web", "--tap-route-limit", "0", "books"], "x>=1"),
    ],
)
def test_wrong_usage(arguments: list[str], said: str) -> None:
    ran = profile(*arguments)
    assert (ran.code, ran.out) == (2, "")
    assert said in ran.err


@pytest.mark.parametrize("way", ["--open-api", "--proto"])
@pytest.mark.parametrize(
    ("argument", "stdin", "said"),
    [
        ("/nowhere/books", "", "cannot read /nowhere/books: No such file or directory"),
        ("/", "", "/ is a directory: allowed are a file, an address that begins with https://"),
        ("http://example.org/books", "", "would be read without encryption"),
        ("-", "", "stdin is empty"),
        ("-", " \n", "stdin is empty"),
    ],
)
def test_sources_that_cannot_be_used(way: str, argument: str, stdin: str, said: str) -> None:
    ran = profile(way, argument, "books", stdin=stdin)
    assert (ran.code, ran.out) == (1, "")
    assert said in ran.err


@pytest.mark.parametrize(
    ("way", "stdin", "said"),
    [
        ("--open-api", "{", "stdin: not JSON: "),
        ("--open-api", "{" + '"a":' + "[" * 100_000, "stdin: not JSON: nested too deeply"),
        ("--open-api", "a: b: c", "stdin: not YAML: line 1: "),
        (
            "--open-api",
            "a: 1\n---\nb: 1",
            "stdin: not YAML: line 3: one document expected, 2 found",
        ),
        ("--open-api", "a: 1", "stdin: neither `swagger` nor `openapi` says which version it is"),
        ("--open-api", "openapi: 9.0.0", "stdin: openapi: '9.0.0' is not a known version: allowed"),
        ("--proto", "nonsense", "stdin.proto:1:1: Expected"),
        ("--proto", 'syntax = "proto3";', "stdin: no method of a service is in it"),
    ],
)
def test_descriptions_that_cannot_be_used(way: str, stdin: str, said: str) -> None:
    ran = profile(way, "-", "books", stdin=stdin)
    assert (ran.code, ran.out) == (1, "")
    assert said in ran.err


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> FakeCluster:
    found = FakeCluster()
    monkeypatch.setattr(client, "connect", lambda chosen: found)
    return found


def test_the_cluster_says_its_domain(cluster: FakeCluster) -> None:
    cluster.put(
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "weft-config", "namespace": "weft"},
            "data": {"values": "clusterDomain: example.org\n"},
        }
    )
    ran = mesh("profile", "-n", "shop", "--template", "books")
    assert yaml.safe_load(ran.out)["metadata"]["name"] == "books.shop.svc.example.org"


def test_without_a_control_plane_it_is_said_how_to_go_on(
    cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = mesh("profile", "-n", "shop", "--template", "books")
    assert (ran.code, ran.out) == (1, "")
    assert "there is no control plane in namespace weft" in ran.err
    assert "--ignore-cluster" in ran.err

    def refuse(chosen: Any) -> FakeCluster:
        raise Unreachable("https://cluster", "refused")

    monkeypatch.setattr(client, "connect", refuse)
    ran = mesh("profile", "-n", "shop", "--template", "books")
    assert (ran.code, ran.out) == (1, "")
    assert "--ignore-cluster" in ran.err
