import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.names import (
    NotAnIdentity,
    TrustDomain,
    Workload,
    is_dns_name,
    is_spiffe_id,
    short_identity,
)

WEB = "web.emojivoto.serviceaccount.identity.weft.cluster.local"
labels = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?", fullmatch=True)


def test_an_identity_in_full() -> None:
    assert TrustDomain().identity("web", "emojivoto") == WEB
    assert TrustDomain("linkerd", "example.org").component("linkerd-identity") == (
        "linkerd-identity.linkerd.serviceaccount.identity.linkerd.example.org"
    )


@given(labels, labels)
def test_a_workload_is_read_back_from_its_identity(account: str, namespace: str) -> None:
    mesh = TrustDomain()
    assert mesh.workload(mesh.identity(account, namespace)) == Workload(account, namespace)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "web",
        "serviceaccount.identity.weft.cluster.local",
        "web.serviceaccount.identity.weft.cluster.local",
        "web.emojivoto.serviceaccount.identity.linkerd.cluster.local",
        WEB + ".",
        WEB.upper(),
        "web..serviceaccount.identity.weft.cluster.local",
        "*.emojivoto.serviceaccount.identity.weft.cluster.local",
    ],
)
def test_other_names_are_not_identities_of_this_mesh(name: str) -> None:
    with pytest.raises(NotAnIdentity, match="is not an identity of this mesh"):
        TrustDomain().workload(name)


@pytest.mark.parametrize("part", ["", "Web", "web/x", "-web", "*"])
def test_parts_that_are_no_labels_are_refused(part: str) -> None:
    with pytest.raises(NotAnIdentity):
        TrustDomain().identity(part, "emojivoto")
    with pytest.raises(NotAnIdentity):
        TrustDomain().identity("web", part)


def test_the_short_form_is_for_tables() -> None:
    assert short_identity(WEB) == "web.emojivoto"
    assert short_identity("example.com") == "example.com"


def test_dns_names_have_limits() -> None:
    assert is_dns_name("a" * 63 + ".b")
    assert not is_dns_name("a" * 64)
    assert not is_dns_name(".".join(["a" * 60] * 5))


@pytest.mark.parametrize(
    ("text", "valid"),
    [
        ("spiffe://machines.test/vm-1", True),
        ("spiffe://a/b/C_d.e", True),
        ("spiffe://machines.test", False),
        ("spiffe://machines.test/", False),
        ("spiffe:///vm", False),
        ("spiffe://Machines/vm", False),
        ("spiffe://machines.test:80/vm", False),
        ("spiffe://machines.test/vm/", False),
        ("spiffe://machines.test//vm", False),
        ("spiffe://machines.test/../vm", False),
        ("spiffe://machines.test/./vm", False),
        ("spiffe://machines.test/vm?a=b", False),
        ("spiffe://machines.test/vm%20", False),
        ("https://machines.test/vm", False),
        ("vm.machines.test", False),
        ("", False),
        ("SPIFFE://machines.test/vm", False),
        ("spiffe://me@machines.test/vm", False),
        ("spiffe://machines.test/vm\n", False),
        ("spiffe://machines.test/ü", False),
        ("spiffe://machines.test/...", True),
        ("spiffe://" + "d" * 255 + "/x", True),
        ("spiffe://" + "d" * 256 + "/x", False),
        ("spiffe://a/" + "p" * 2037, True),
        ("spiffe://a/" + "p" * 2038, False),
    ],
)
def test_spiffe_identities(text: str, valid: bool) -> None:
    assert is_spiffe_id(text) is valid
