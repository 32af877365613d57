import pytest

from weft.authority import AuthorityError, ServiceAuthority, canonical_host, parse_service


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("web.emojivoto.svc.cluster.local", ServiceAuthority("web", "emojivoto", 80)),
        ("web.emojivoto.svc.cluster.local:8080", ServiceAuthority("web", "emojivoto", 8080)),
        ("WEB.emojivoto.svc.cluster.local.:8080", ServiceAuthority("web", "emojivoto", 8080)),
        ("db-0.db.data.svc.cluster.local:5432", ServiceAuthority("db", "data", 5432, "db-0")),
    ],
)
def test_services_and_their_pods(text: str, parsed: ServiceAuthority) -> None:
    assert parse_service(text) == parsed


@pytest.mark.parametrize(
    "text",
    [
        "",
        "web",
        "web.emojivoto",
        "web.emojivoto.svc.example.org",
        "a.b.c.d.svc.cluster.local",
        "emojivoto.svc.cluster.local",
        "10.0.0.1:80",
        "web.emojivoto.svc.cluster.local:http",
        "we_b.emojivoto.svc.cluster.local",
    ],
)
def test_what_names_no_service_is_refused(text: str) -> None:
    with pytest.raises(AuthorityError):
        parse_service(text)


def test_hosts_are_compared_in_one_form() -> None:
    assert canonical_host("Web.Emojivoto.") == "web.emojivoto"
