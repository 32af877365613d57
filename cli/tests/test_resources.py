"""What people type for resources, and what is refused."""

import pytest

from cli.resources import SHORT_NAMES, ResourceError, Target, parse_kind, parse_targets


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("deploy", [Target("deployment")]),
        ("Deployments", [Target("deployment")]),
        ("deploy/", [Target("deployment")]),
        ("deploy/web", [Target("deployment", "web")]),
        ("deploy web", [Target("deployment", "web")]),
        ("po web-1 web-2", [Target("pod", "web-1"), Target("pod", "web-2")]),
        ("po/web-1 deploy/web", [Target("pod", "web-1"), Target("deployment", "web")]),
        ("po/a po/a", [Target("pod", "a")]),
        ("deploy/ po/", [Target("deployment"), Target("pod")]),
        ("all", [Target("all")]),
    ],
)
def test_targets(typed: str, meant: list[Target]) -> None:
    assert parse_targets(typed.split()) == meant


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("pots", "'pots' is not a type of resource: allowed are authority (au), cronjob (cj), daemonset (ds),"),
        ("rc/a", "'rc' is not a type of resource"),
        ("deploy/a/b", "'deploy/a/b' is not a resource: the form is TYPE or TYPE/NAME"),
        ("/a", "'/a' is not a resource: the form is TYPE or TYPE/NAME"),
        ("deploy po/a", "'deploy' and 'po/a' do not go together"),
        ("deploy/a po", None),
        ("all web", "'all' takes no name and stands alone"),
        ("all/ po/", "'all' takes no name and stands alone"),
    ],
)  # fmt: skip
def test_refusals(typed: str, said: str | None) -> None:
    if said is None:
        assert parse_targets(typed.split()) == [Target("deployment", "a"), Target("pod")]
        return
    with pytest.raises(ResourceError) as caught:
        parse_targets(typed.split())
    assert caught.value.message.startswith(said)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("typed", "command"),
    [
        ("server", "authz"),
        ("servers", "authz"),
        ("AuthorizationPolicies", "authz"),
        ("httproutes", "routes"),
        ("GRPCRoute", "routes"),
        ("trafficsplit", "routes"),
    ],
)
def test_what_another_command_shows(typed: str, command: str) -> None:
    with pytest.raises(ResourceError) as caught:
        parse_kind(typed)
    assert caught.value.message.endswith(f"see `mesh {command} deploy/NAME`")


@pytest.mark.parametrize("kind", SHORT_NAMES)
def test_every_kind_by_every_name(kind: str) -> None:
    for spelling in (kind, kind + "s", SHORT_NAMES[kind]):
        assert parse_kind(spelling) == kind


@pytest.mark.parametrize(
    ("typed", "kind"),
    [
        ("srv", "server"),
        ("Servers", "server"),
        ("saz", "serverauthorization"),
        ("serverauthz", "serverauthorization"),
        ("srvauthz", "serverauthorization"),
        ("serverauthorizations", "serverauthorization"),
        ("authzpolicy", "authorizationpolicy"),
        ("authorizationpolicies", "authorizationpolicy"),
        ("httproutes", "httproute"),
        ("GRPCRoutes", "grpcroute"),
    ],
)
def test_kinds_of_policy_where_they_are_allowed(typed: str, kind: str) -> None:
    assert parse_targets([f"{typed}/a"], policies=True) == [Target(kind, "a")]
    with pytest.raises(ResourceError, match="is not a type of resource"):
        parse_targets([typed])


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("deplyo", "deploy"), ("grpcrouts", "grpcroutes"), ("Srever", "server"), ("stuff", None)],
)
def test_a_mistyped_kind_is_guessed(typed: str, meant: str | None) -> None:
    with pytest.raises(ResourceError) as caught:
        parse_kind(typed, policies=True)
    said = caught.value.message
    assert said.endswith(f", all. Did you mean {meant}?" if meant else ", all")


def test_what_is_allowed_names_kinds_of_policy_too() -> None:
    with pytest.raises(ResourceError, match=r"server \(srv\), serverauthorization \(saz\)"):
        parse_kind("colour", policies=True)
