from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from weft.pki import certificate, chain, csr, keys
from weft.pki.certificate import Lifetime, Signer

NOW = datetime(2026, 5, 1, tzinfo=UTC)
YEAR = Lifetime(NOW - timedelta(days=1), NOW + timedelta(days=365))
WEB = "web.emojivoto.serviceaccount.identity.weft.cluster.local"

ANCHOR_KEY, ISSUER_KEY, LEAF_KEY = keys.generate(), keys.generate(), keys.generate()
ANCHOR = Signer(certificate.make_anchor("root", ANCHOR_KEY, YEAR), ANCHOR_KEY)
ISSUER = Signer(
    certificate.make_issuer("identity", ISSUER_KEY.public_key(), YEAR, ANCHOR), ISSUER_KEY
)
REQUEST = csr.make(LEAF_KEY, WEB)
LEAF = certificate.make_leaf([WEB], LEAF_KEY.public_key(), YEAR, ISSUER, serial=7)


def test_a_leaf_stands_on_its_anchor_through_the_issuer() -> None:
    chain.verify([LEAF, ISSUER.certificate], [ANCHOR.certificate], at=NOW)
    assert certificate.dns_names(LEAF) == [WEB]
    assert LEAF.serial_number == 7


def test_a_leaf_signed_by_the_anchor_itself_stands() -> None:
    leaf = certificate.make_leaf([WEB], LEAF_KEY.public_key(), YEAR, ANCHOR)
    chain.verify([leaf], [ANCHOR.certificate], at=NOW)


@pytest.mark.parametrize(
    ("links", "at", "why"),
    [
        ([], NOW, "empty"),
        ([LEAF], NOW, "not issued by any"),
        ([LEAF, ANCHOR.certificate], NOW, "was not issued by"),
        ([LEAF, ISSUER.certificate], NOW - timedelta(days=2), "not valid before"),
        ([LEAF, ISSUER.certificate], NOW + timedelta(days=366), "expired on"),
    ],
)
def test_chains_that_do_not_stand(links: list[x509.Certificate], at: datetime, why: str) -> None:
    with pytest.raises(chain.BrokenChain, match=why):
        chain.verify(links, [ANCHOR.certificate], at=at)


def test_an_anchor_with_a_key_that_cannot_be_read_has_issued_nothing() -> None:
    p256, sm2 = bytes.fromhex("06082a8648ce3d030107"), bytes.fromhex("06082a811ccf5501822d")
    odd = certificate.from_der(certificate.to_der(ANCHOR.certificate).replace(p256, sm2))
    chain.verify([LEAF, ISSUER.certificate], [odd, ANCHOR.certificate], at=NOW)
    with pytest.raises(chain.BrokenChain, match="not issued by any"):
        chain.verify([LEAF, ISSUER.certificate], [odd], at=NOW)


def test_an_impostor_with_the_anchors_name_is_refused() -> None:
    key = keys.generate()
    impostor = Signer(certificate.make_anchor("root", key, YEAR), key)
    leaf = certificate.make_leaf([WEB], LEAF_KEY.public_key(), YEAR, impostor)
    with pytest.raises(chain.BrokenChain):
        chain.verify([leaf], [ANCHOR.certificate], at=NOW)


def test_a_long_identity_moves_to_a_critical_alternative_name() -> None:
    long = "a" * 60 + ".b.serviceaccount.identity.weft.cluster.local"
    leaf = certificate.make_leaf([long], LEAF_KEY.public_key(), YEAR, ISSUER)
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    assert names.critical
    assert csr.verify(csr.parse(csr.make(LEAF_KEY, long)), long) == LEAF_KEY.public_key()


def test_keys_are_read_back_and_others_refused() -> None:
    for pem in (keys.to_pem(LEAF_KEY), keys.to_sec1_pem(LEAF_KEY)):
        assert keys.from_pem(pem).public_key() == LEAF_KEY.public_key()
    other = ec.generate_private_key(ec.SECP384R1())
    with pytest.raises(keys.UnusableKey, match="P-256"):
        keys.from_pem(keys.to_pem(other))
    with pytest.raises(keys.UnusableKey):
        keys.from_pem(b"-----BEGIN PRIVATE KEY-----")


def test_certificates_are_read_back_and_garbage_refused() -> None:
    assert certificate.from_pem(certificate.to_pem(LEAF, ISSUER.certificate)) == [
        LEAF,
        ISSUER.certificate,
    ]
    assert certificate.from_der(certificate.to_der(LEAF)) == LEAF
    with pytest.raises(certificate.UnreadableCertificate):
        certificate.from_pem(b"")
    with pytest.raises(certificate.UnreadableCertificate):
        certificate.from_der(b"\x30\x00")


def test_a_request_for_exactly_its_identity_is_granted() -> None:
    assert csr.verify(csr.parse(csr.make(LEAF_KEY, WEB)), WEB) == LEAF_KEY.public_key()


def _request(
    *names: x509.GeneralName,
    common_name: str | None = None,
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey = LEAF_KEY,
) -> bytes:
    subject = [x509.NameAttribute(x509.NameOID.COMMON_NAME, common_name)] if common_name else []
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(subject))
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


@pytest.mark.parametrize(
    ("der", "why"),
    [
        (_request(), "names no DNS name"),
        (_request(x509.DNSName(WEB), x509.DNSName("other.example")), "exactly"),
        (_request(x509.DNSName("other.example")), "exactly"),
        (_request(x509.DNSName("*." + WEB)), "exactly"),
        (_request(x509.UniformResourceIdentifier("spiffe://a/b")), "only one DNS name"),
        (_request(x509.DNSName(WEB), x509.RFC822Name("a@example.org")), "only one DNS name"),
        (_request(x509.IPAddress(ip_address("10.0.0.1"))), "only one DNS name"),
        (_request(x509.DNSName(WEB), common_name="other"), "common name"),
        (_request(x509.DNSName(WEB), key=rsa.generate_private_key(65537, 2048)), "P-256"),
        (_request(x509.DNSName(WEB), key=ec.generate_private_key(ec.SECP521R1())), "P-256"),
    ],
)
def test_requests_for_anything_else_are_refused(der: bytes, why: str) -> None:
    with pytest.raises(csr.RefusedRequest, match=why):
        csr.verify(csr.parse(der), WEB)


def test_a_request_signed_by_another_key_is_refused() -> None:
    der = bytearray(csr.make(LEAF_KEY, WEB))
    der[-1] ^= 1
    with pytest.raises((csr.RefusedRequest, csr.MalformedRequest)):
        csr.verify(csr.parse(bytes(der)), WEB)


@pytest.mark.parametrize("change", [0x01, 0x80, 0xFF])
def test_a_request_with_any_byte_changed_never_passes_as_another(change: int) -> None:
    signed = csr.parse(REQUEST).tbs_certrequest_bytes
    for at in range(len(REQUEST)):
        der = bytearray(REQUEST)
        der[at] ^= change
        try:
            request = csr.parse(bytes(der))
            csr.verify(request, WEB)
        except (csr.MalformedRequest, csr.RefusedRequest):
            continue
        # The signature's own encoding has one spare bit; what was signed has none.
        assert request.tbs_certrequest_bytes == signed


def test_a_request_cut_anywhere_is_malformed() -> None:
    for length in range(len(REQUEST)):
        with pytest.raises(csr.MalformedRequest):
            csr.parse(REQUEST[:length])
