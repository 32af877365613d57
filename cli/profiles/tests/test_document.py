"""Routes as a ServiceProfile."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.profiles.document import Route, Service, Statuses, path_regex, service_profile
from cli.profiles.tests.judging import assert_accepted

BOOKS = Service("books", "shop", "cluster.local")


@pytest.mark.parametrize(
    ("path", "regex"),
    [
        ("/", "/"),
        ("/books", "/books"),
        ("/books/{id}", "/books/[^/]*"),
        ("/books/{id}/pages/{page}", "/books/[^/]*/pages/[^/]*"),
        ("/books/{id}.json", r"/books/[^/]*\.json"),
        ("/a.b/c+d(e)$", r"/a\.b/c\+d\(e\)\$"),
        ("/a-b_c~d", "/a-b_c~d"),
        ("/{unclosed", r"/\{unclosed"),
        ("/shop.v1.Books/List", r"/shop\.v1\.Books/List"),
    ],
)
def test_paths(path: str, regex: str) -> None:
    assert path_regex(path) == regex


@given(st.text(st.characters(exclude_characters="{")))
def test_a_path_without_parameters_fits_itself_only(path: str) -> None:
    assert re.fullmatch(path_regex(path), path)
    assert not re.fullmatch(path_regex(path), f"{path}x")


@given(st.text(st.characters(exclude_characters="/")))
def test_a_parameter_is_anything_without_a_slash(value: str) -> None:
    regex = path_regex("/books/{id}/pages")
    assert re.fullmatch(regex, f"/books/{value}/pages")
    assert not re.fullmatch(regex, f"/books/{value}/x/pages")


def test_the_whole_object() -> None:
    routes = [
        Route("plain", "GET", "/plain"),
        Route(
            "all", "POST", "/all/{id}", (Statuses(200, 200), Statuses(500, 599)), True, "300ms"
        ),
    ]  # fmt: skip
    made = service_profile(BOOKS, routes)
    assert made == {
        "apiVersion": "linkerd.io/v1alpha2",
        "kind": "ServiceProfile",
        "metadata": {"name": "books.shop.svc.cluster.local", "namespace": "shop"},
        "spec": {
            "routes": [
                {"name": "plain", "condition": {"method": "GET", "pathRegex": "/plain"}},
                {
                    "name": "all",
                    "condition": {"method": "POST", "pathRegex": "/all/[^/]*"},
                    "responseClasses": [
                        {"condition": {"status": {"min": 200, "max": 200}}},
                        {"condition": {"status": {"min": 500, "max": 599}}, "isFailure": True},
                    ],
                    "isRetryable": True,
                    "timeout": "300ms",
                },
            ]
        },
    }
    assert_accepted(made)


def test_the_cluster_domain_is_part_of_the_name() -> None:
    made = service_profile(Service("a", "b", "example.org"), [])
    assert made["metadata"] == {"name": "a.b.svc.example.org", "namespace": "b"}
