"""What a SPIRE agent sends, whole, cut, changed and at random."""

import ssl
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import PrivateFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.identity import der
from proxy.identity.store import CertificateStore, RefusedCertificateError
from proxy.identity.svid import MAX_CHAIN, UnusableSvidError, choose
from testkit.control_plane import Authority
from testkit.workload_api import WorkloadApi, pkcs8
from weft.pki import certificate, keys
from weftapi.spiffe.workload_pb2 import X509SVID

VM = "spiffe://root.weft.test/vm"
OTHER = "spiffe://root.weft.test/other"
NAME = "vm.weft.test"

_AUTHORITY = Authority.make()
_AGENT = WorkloadApi(Path("never-opened.sock"), _AUTHORITY)
_GOOD = _AGENT.svid(VM)


def changed(**parts: bytes) -> X509SVID:
    copy = X509SVID()
    copy.CopyFrom(_GOOD)
    for name, value in parts.items():
        setattr(copy, name, value)
    return copy


def store() -> CertificateStore:
    return CertificateStore(VM, _AUTHORITY.anchors_pem.strip(), NAME)  # as settings give it


def install(received: X509SVID, into: CertificateStore) -> None:
    found = choose([received], VM)
    into.install(found.chain_pem, found.key_pem, bundle_pem=found.bundle_pem)


def refusal(received: X509SVID) -> str:
    """Why it was not put in force, by whichever of the two that look at it."""
    into = store()
    with pytest.raises((UnusableSvidError, RefusedCertificateError)) as error:
        install(received, into)
    assert not into.ready
    return str(error.value)


def test_an_identity_is_taken_apart_and_put_in_force() -> None:
    found = choose([_AGENT.svid(OTHER), _GOOD], VM)
    assert found.chain_pem.count("BEGIN CERTIFICATE") == 2
    assert found.bundle_pem == ssl.DER_cert_to_PEM_cert(_GOOD.bundle)
    key = keys.from_der(_GOOD.x509_svid_key)
    assert keys.from_pem(found.key_pem.encode()).private_numbers() == key.private_numbers()
    assert "PRIVATE" not in repr(found)
    into = store()
    install(_GOOD, into)
    (leaf, _) = der.certificates(_GOOD.x509_svid, most=2)
    ends = certificate.from_der(leaf).not_valid_after_utc
    assert into.expires_at == ends.timestamp()


# --- which ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("came", "said"),
    [
        ([], "the agent sent no identity and not spiffe://root.weft.test/vm"),
        ([OTHER], f"the agent sent {OTHER} and not"),
        ([OTHER, ""], f"the agent sent {OTHER}, one without a name and not"),
        ([VM.upper(), VM + "/"], f"the agent sent {VM.upper()}, {VM}/ and not"),
        ([VM, OTHER, VM], f"the agent sent {VM} 2 times"),
        ([f"{OTHER}{number}" for number in range(9)], f"{OTHER}4 and 4 more and not"),
    ],
)
def test_another_identity_is_refused_and_named(came: list[str], said: str) -> None:
    with pytest.raises(UnusableSvidError) as error:
        choose([X509SVID(spiffe_id=one) for one in came], VM)
    assert said in str(error.value)


def test_the_certificate_must_say_the_same_as_the_message() -> None:
    lie = _AGENT.svid(OTHER)
    lie.spiffe_id = VM
    assert refusal(lie) == f"it carries {OTHER} and not {VM}"


def test_a_certificate_with_two_uris_is_refused() -> None:
    key = keys.generate()
    now = certificate.Lifetime(
        _AGENT.issuer.certificate.not_valid_before_utc,
        _AGENT.issuer.certificate.not_valid_after_utc,
    )
    leaf = certificate.make_leaf([], key.public_key(), now, _AGENT.issuer, uris=[VM, OTHER])
    chain = certificate.to_der(leaf) + certificate.to_der(_AGENT.issuer.certificate)
    found = changed(x509_svid=chain, x509_svid_key=pkcs8(key))
    assert refusal(found) == "it carries more than one URI name"


# --- chains and bundles ---------------------------------------------------------------------


def test_chains_that_do_not_stand() -> None:
    leaf, issuer = der.certificates(_GOOD.x509_svid, most=2)
    foreign = WorkloadApi(Path("never-opened.sock"), Authority.make())
    assert "unable to get local issuer" in refusal(changed(x509_svid=leaf))
    assert "KEY_VALUES_MISMATCH" in refusal(changed(x509_svid=issuer + leaf))
    other = certificate.to_der(foreign.issuer.certificate)
    assert "unable to get local issuer" in refusal(changed(x509_svid=leaf + other))
    assert "KEY_VALUES_MISMATCH" in refusal(changed(x509_svid_key=foreign.svid(VM).x509_svid_key))
    stranger = foreign.svid(VM)
    stranger.bundle = _GOOD.bundle
    assert "CERTIFICATE_VERIFY_FAILED" in refusal(stranger)


def test_the_bundle_is_trusted_beside_the_anchors_and_only_with_its_certificate() -> None:
    """As when the agent's authority was renewed and the settings are those of before."""
    into = store()
    renewed = WorkloadApi(Path("never-opened.sock"), Authority.make()).svid(VM)
    install(renewed, into)
    install(_GOOD, into)
    assert into.version == 2
    renewed.bundle = _GOOD.bundle
    with pytest.raises(RefusedCertificateError):
        install(renewed, into)
    assert into.version == 2


@pytest.mark.parametrize(
    ("part", "name"),
    [("x509_svid", "certificate chain"), ("bundle", "trust bundle"), ("x509_svid_key", "key")],
)
def test_every_cut_and_every_tail_is_refused(part: str, name: str) -> None:
    whole: bytes = getattr(_GOOD, part)
    boundary = len(der.certificates(whole, most=9)[0]) if part == "x509_svid" else None
    for length in range(len(whole)):
        if length == boundary:
            continue  # the leaf alone is whole; its chain does not stand
        with pytest.raises(UnusableSvidError, match=f"the {name} of {VM}: "):
            choose([changed(**{part: whole[:length]})], VM)
    for tail in (b"\0", b"0", b"\x30\x03\x02\x01", b"-----BEGIN"):
        with pytest.raises(UnusableSvidError, match=f"the {name} of {VM}: "):
            choose([changed(**{part: whole + tail})], VM)


def test_too_many_certificates_and_what_is_no_certificate() -> None:
    leaf, issuer = der.certificates(_GOOD.x509_svid, most=2)
    assert f"more than {MAX_CHAIN} certificates" in refusal(
        changed(x509_svid=leaf + issuer * MAX_CHAIN)
    )
    install(changed(x509_svid=leaf + issuer * (MAX_CHAIN - 1)), store())
    refusal(changed(x509_svid=leaf + b"\x30\x00"))
    assert "with its trust bundle, " in refusal(
        changed(bundle=_GOOD.bundle + b"\x30\x03\x02\x01\x00")
    )
    assert "0x30 should be" in refusal(changed(x509_svid=leaf + b"\x31\x00"))
    assert "0x30 should be" in refusal(
        changed(bundle=ssl.DER_cert_to_PEM_cert(_GOOD.bundle).encode())
    )


# --- keys -----------------------------------------------------------------------------------


def _private(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey, form: PrivateFormat) -> bytes:
    return key.private_bytes(
        serialization.Encoding.DER,
        form,
        serialization.NoEncryption(),
    )


def test_keys_of_another_kind_are_refused() -> None:
    ours = keys.generate()
    only = "the key is not ECDSA on P-256, the only kind allowed"
    for other in (
        rsa.generate_private_key(65_537, 2048),
        ec.generate_private_key(ec.SECP384R1()),
        ec.generate_private_key(ec.SECP256K1()),
    ):
        assert only in refusal(changed(x509_svid_key=_private(other, PrivateFormat.PKCS8)))
    assert "0x30 should be" in refusal(
        changed(x509_svid_key=_private(ours, PrivateFormat.TraditionalOpenSSL))
    )
    encrypted = ours.private_bytes(
        serialization.Encoding.DER,
        PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"secret"),
    )
    assert "0x02 should be" in refusal(changed(x509_svid_key=encrypted))
    assert "0x30 should be" in refusal(changed(x509_svid_key=keys.to_pem(ours)))
    assert "no key" in refusal(changed(x509_svid_key=b""))


def test_a_key_of_an_unknown_version_is_refused() -> None:
    key = bytearray(_GOOD.x509_svid_key)
    assert key[3:6] == b"\x02\x01\x00"
    key[5] = 2
    assert "not a PKCS#8 key of version 0 or 1" in refusal(changed(x509_svid_key=bytes(key)))


# --- DER ------------------------------------------------------------------------------------


def element(content: bytes) -> bytes:
    size = len(content)
    if size < 0x80:
        return bytes([der.SEQUENCE, size]) + content
    digits = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([der.SEQUENCE, 0x80 | len(digits)]) + digits + content


_CONTENTS = st.one_of(
    st.binary(max_size=3),
    st.integers(0x7E, 0x82).map(bytes),
    st.integers(0xFE, 0x102).map(bytes),
    st.integers(0xFFFE, 0x10002).map(bytes),
)


@given(st.lists(_CONTENTS, min_size=1, max_size=5))
def test_elements_one_after_another_are_found_again(contents: list[bytes]) -> None:
    whole = [element(one) for one in contents]
    assert der.certificates(b"".join(whole), most=len(whole)) == whole


@pytest.mark.parametrize(
    "data",
    [
        b"\x30\x80\x00\x00",
        b"\x30\x81\x01\x00",
        b"\x30\x81\x7f" + bytes(0x7F),
        b"\x30\x82\x00\x80" + bytes(0x80),
        b"\x30\x83\x00\x01\x00" + bytes(0x100),
        b"\x30\x84\x00\x00\x01\x00" + bytes(0x100),
        b"\x30\xff" + b"\x01" * 200,
        b"\x30\x84\xff\xff\xff\xff",
        b"\x30",
        b"\x30\x82\x01",
    ],
)
def test_lengths_that_are_not_in_their_one_form_are_refused(data: bytes) -> None:
    with pytest.raises(der.DerError):
        der.certificates(data, most=9)


@given(st.binary(max_size=60))
def test_any_bytes_are_taken_apart_or_refused(data: bytes) -> None:
    try:
        found = der.certificates(data, most=30)
    except der.DerError:
        pass
    else:
        assert b"".join(found) == data
    try:
        der.verify_p256_key(data)
    except der.DerError:
        return
    assert der.P256 in data


@settings(deadline=None)
@given(
    st.sampled_from(["x509_svid", "x509_svid_key", "bundle"]),
    st.integers(0, 1 << 16),
    st.integers(1, 255),
)
def test_one_byte_changed_is_refused_or_does_no_harm(part: str, place: int, by: int) -> None:
    """Nothing but the two refusals comes of it, and whatever is put in force proves the one identity."""
    whole = bytearray(getattr(_GOOD, part))
    whole[place % len(whole)] ^= by
    into = store()
    try:
        install(changed(**{part: bytes(whole)}), into)
    except (UnusableSvidError, RefusedCertificateError):
        assert not into.ready
    else:
        # A version number that nobody reads, or the signature of what is trusted as it is.
        assert into.ready
