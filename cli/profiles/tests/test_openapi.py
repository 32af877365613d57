"""OpenAPI documents as routes: every field that counts, and every way to get one wrong."""

from typing import Any

import pytest

from cli.profiles.document import Route, Service, Statuses, service_profile
from cli.profiles.fields import FieldError
from cli.profiles.openapi import METHODS, routes
from cli.profiles.tests.judging import assert_accepted

BOTH = pytest.mark.parametrize("head", [{"swagger": "2.0"}, {"openapi": "3.0.3"}], ids=["2", "3"])
OK = {"responses": {"200": {"description": "OK"}}}


def of(head: dict[str, Any], paths: Any, **more: Any) -> list[Route]:
    return routes({**head, "info": {"title": "books"}, "paths": paths, **more})


def names(head: dict[str, Any], paths: Any, **more: Any) -> list[str]:
    return [route.name for route in of(head, paths, **more)]


@BOTH
def test_a_route_for_each_operation(head: dict[str, Any]) -> None:
    item = dict.fromkeys(METHODS, OK)
    found = of(head, {"/books/{id}": {**item, "parameters": [], "summary": "one"}})
    assert [route.name for route in found] == [f"{one.upper()} /books/{{id}}" for one in METHODS]
    assert {route.path for route in found} == {"/books/{id}"}
    assert_accepted(service_profile(Service("a", "b", "c"), found))


@BOTH
def test_what_is_spelt_out_comes_before_what_is_not(head: dict[str, Any]) -> None:
    paths = ["/b/{id}", "/a", "/b/|", "/b/mine", "/b/{id}/x", "/"]
    assert names(head, {path: {"get": OK} for path in paths}) == [
        f"GET {path}" for path in ("/", "/a", "/b/mine", "/b/|", "/b/{id}", "/b/{id}/x")
    ]


@BOTH
def test_responses(head: dict[str, Any]) -> None:
    codes = ["default", "503", "5XX", "200", "4xx", "404", "x-note"]
    (route,) = of(head, {"/": {"get": {"responses": {code: {} for code in codes}}}})
    assert route.responses == (
        Statuses(200, 200),
        Statuses(404, 404),
        Statuses(503, 503),
        Statuses(400, 499),
        Statuses(500, 599),
    )
    made = service_profile(Service("a", "b", "c"), [route])
    classes = made["spec"]["routes"][0]["responseClasses"]
    assert [one.get("isFailure", False) for one in classes] == [False, False, True, False, True]
    assert_accepted(made)


@BOTH
def test_linkerds_extensions(head: dict[str, Any]) -> None:
    extended = {**OK, "x-linkerd-retryable": True, "x-linkerd-timeout": "1m30s"}
    plain, other = of(head, {"/": {"get": OK, "put": extended}})
    assert (plain.retryable, plain.timeout) == (False, "")
    assert (other.retryable, other.timeout) == (True, "1m30s")


@BOTH
def test_extensions_of_paths_are_no_paths(head: dict[str, Any]) -> None:
    assert names(head, {"x-internal": [1], "/": {"get": OK, "x-note": 1}}) == ["GET /"]


@BOTH
def test_a_path_described_elsewhere_in_the_document(head: dict[str, Any]) -> None:
    paths = {
        "/a": {"get": OK},
        "/b": {"$ref": "#/paths/~1a"},
        "/c": {"$ref": "#/more/some~0thing%20else", "put": OK},
    }
    more = {"some~thing else": {"$ref": "#/paths/~1a"}}
    assert names(head, paths, more=more) == ["GET /a", "GET /b", "GET /c", "PUT /c"]


@pytest.mark.parametrize(
    ("base", "path", "name"),
    [
        ("/v1", "/books", "GET /v1/books"),
        ("/v1/", "/books", "GET /v1/books"),
        ("v1", "/books", "GET /v1/books"),
        ("/", "/books", "GET /books"),
        ("", "/books", "GET /books"),
        ("/v1", "/", "GET /v1/"),
        ("/v1", "/books/", "GET /v1/books/"),
    ],
)
def test_the_base_path_of_version_2(base: str, path: str, name: str) -> None:
    assert names({"swagger": "2.0"}, {path: {"get": OK}}, basePath=base) == [name]


@pytest.mark.parametrize(
    ("url", "base"),
    [
        ("https://api.example.org/v1", "/v1"),
        ("https://api.example.org", ""),
        ("https://api.example.org/", ""),
        ("//api.example.org/v1/", "/v1"),
        ("/v1", "/v1"),
        ("v1", "/v1"),
        ("/", ""),
        ("https://{region}.example.org:{port}/v1", "/v1"),
        ("{scheme}://api.example.org/v1", "/v1"),
        ("/api/{version}", "/api/{version}"),
        ("{all}/v1", "/below/v1"),
        ("/a?b=c/d", "/a"),
    ],
)
def test_servers_of_version_3(url: str, base: str) -> None:
    variables = {
        "version": {"default": "v1", "enum": ["v1", "v2"]},
        "all": {"default": "https://api.example.org/below"},
    }
    servers = [{"url": url, "variables": variables}]
    assert names({"openapi": "3.1.0"}, {"/a": {"get": OK}}, servers=servers) == [f"GET {base}/a"]


def test_the_closest_servers_count_and_each_base_once() -> None:
    def servers(*urls: str) -> list[Any]:
        return [{"url": url} for url in urls]

    paths = {
        "/a": {"get": OK},
        "/b": {
            "servers": servers("/of-path"),
            "get": OK,
            "put": {**OK, "servers": servers("/own")},
        },
    }
    around = servers("https://one/v1", "https://two/v1", "https://two/v2")
    assert names({"openapi": "3.2.0"}, paths, servers=around) == [
        "GET /v1/a", "GET /v2/a", "GET /of-path/b", "PUT /own/b",
    ]  # fmt: skip
    assert names({"openapi": "3.0.0"}, {"/a": {"get": OK}}, servers=[]) == ["GET /a"]


def test_methods_of_other_names() -> None:
    paths = {"/a": {"query": OK, "additionalOperations": {"COPY": OK, "BIND": OK}}}
    found = names({"openapi": "3.2.0"}, paths)
    assert found == ["QUERY /a", "BIND /a", "COPY /a"]


@pytest.mark.parametrize("version", ["3.0.0", "3.0.4", "3.1.1", "3.2.0", "3.0", "3.0.0-rc1", 3.1])
def test_known_versions(version: Any) -> None:
    assert names({"openapi": version}, {"/": {"get": OK}}) == ["GET /"]


def test_yaml_reads_a_version_as_a_number() -> None:
    assert names({"swagger": 2.0}, {"/": {"get": OK}}) == ["GET /"]


def wrong(operation: Any) -> dict[str, Any]:
    return {"openapi": "3.0.0", "paths": {"/a": {"get": operation}}}


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (None, "None is not an object"),
        ([], "[] is not an object"),
        ({}, "neither `swagger` nor `openapi` says which version it is: allowed are swagger"),
        ({"swagger": "1.2"}, "swagger: '1.2' is not a known version"),
        ({"openapi": "4.0.0"}, "openapi: '4.0.0' is not a known version"),
        ({"openapi": "3.3.0"}, "openapi: '3.3.0' is not a known version: allowed are"),
        ({"openapi": "3.0.0"}, "paths: no operation is described"),
        ({"openapi": "3.0.0", "paths": {"/a": {"summary": "x"}}}, "paths: no operation"),
        ({"openapi": "3.0.0", "paths": []}, "paths: [] is not an object"),
        ({"openapi": "3.0.0", "paths": {"a": {"get": OK}}}, "paths.a: a path begins with /"),
        ({"openapi": "3.0.0", "paths": {"/a": None}}, "paths./a: None is not an object"),
        ({"swagger": "2.0", "basePath": 1, "paths": {"/a": {"get": OK}}}, "basePath: 1 is not text"),
        ({"openapi": "3.0.0", "servers": {}}, "servers: {} is not a list"),
        ({"openapi": "3.0.0", "servers": ["/"]}, "servers[0]: '/' is not an object"),
        ({"openapi": "3.0.0", "servers": [{"url": 1}]}, "servers[0].url: 1 is not text"),
        (
            {"openapi": "3.0.0", "servers": [{"url": "/{a}", "variables": {"a": 1}}]},
            "servers[0].variables.a: 1 is not an object",
        ),
        (wrong("x" * 100), "paths./a.get: 'xxxxx"),
        (wrong({"servers": 1}), "paths./a.get.servers: 1 is not a list"),
        (wrong({"responses": []}), "paths./a.get.responses: [] is not an object"),
        (wrong({"responses": {"600": {}}}), "paths./a.get.responses.600: not a status: allowed are"),
        (wrong({"responses": {"ok": {}}}), "paths./a.get.responses.ok: not a status"),
        (wrong({"x-linkerd-retryable": "yes"}), "x-linkerd-retryable: 'yes' is not one of true, false"),
        (wrong({"x-linkerd-timeout": 5}), "x-linkerd-timeout: 5 is not text"),
        (wrong({"x-linkerd-timeout": "soon"}), "x-linkerd-timeout: 'soon' is not a duration: allowed"),
        (
            {"openapi": "3.2.0", "paths": {"/a": {"additionalOperations": {"A B": OK}}}},
            "paths./a.additionalOperations.A B: 'A B' is not a method",
        ),
        (
            {"openapi": "3.0.0", "paths": {"/a": {"$ref": "other.yaml#/a"}}},
            "paths./a.$ref: 'other.yaml#/a' is not in this document",
        ),
        (
            {"openapi": "3.0.0", "paths": {"/a": {"$ref": "#/paths/~1b"}}},
            "paths./a.$ref: '#/paths/~1b' is not in this document",
        ),
        (
            {"openapi": "3.0.0", "paths": {"/a": {"$ref": "#/paths/~1a"}}},
            "paths./a.$ref: '#/paths/~1a' refers to itself",
        ),
        (
            {"openapi": "3.0.0", "paths": {"/a": {"$ref": "#/openapi"}}},
            "#/openapi: '3.0.0' is not an object",
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(document: Any, said: str) -> None:
    with pytest.raises(FieldError) as caught:
        routes(document)
    assert said in str(caught.value)
