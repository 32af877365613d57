"""What a leaf says, and how long it lasts."""

from datetime import timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import given
from hypothesis import strategies as st

from identity.authority import Issuer, Terms, issue, lifetime
from identity.tests.authorities import ANCHOR, ISSUER, NOW, YEAR, issuer
from weft.pki import certificate, chain, keys
from weft.pki.certificate import Lifetime

NAME = "web.emojivoto.serviceaccount.identity.weft.cluster.local"
KEY = keys.generate()
TERMS = Terms(timedelta(hours=24), timedelta(seconds=20))


def test_a_leaf_names_one_identity_and_stands_on_the_anchor() -> None:
    issued = issue(Issuer(ISSUER.signer), NAME, KEY.public_key(), serial=7, now=NOW, terms=TERMS)
    assert certificate.dns_names(issued.leaf) == [NAME]
    assert issued.leaf.serial_number == 7
    assert issued.leaf.public_key() == KEY.public_key()
    assert issued.leaf.not_valid_before_utc == NOW - timedelta(seconds=20)
    assert issued.valid_until == NOW + timedelta(hours=24, seconds=20)
    assert isinstance(issued.leaf.signature_hash_algorithm, hashes.SHA256)
    chain.verify([issued.leaf, *issued.chain], [ANCHOR.signer.certificate], at=NOW)


def test_a_leaf_may_serve_and_call_and_nothing_else() -> None:
    leaf = issue(Issuer(ISSUER.signer), NAME, KEY.public_key(), serial=1, now=NOW, terms=TERMS).leaf
    constraints = leaf.extensions.get_extension_for_class(x509.BasicConstraints).value
    usage = leaf.extensions.get_extension_for_class(x509.KeyUsage).value
    extended = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert not constraints.ca
    assert usage.digital_signature
    assert usage.key_encipherment
    assert not usage.key_cert_sign
    assert set(extended) == {ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH}


def test_a_leaf_ends_no_later_than_its_issuer() -> None:
    short = issuer(ANCHOR, Lifetime(YEAR.not_before, NOW + timedelta(hours=1)))
    issued = issue(Issuer(short.signer), NAME, KEY.public_key(), serial=1, now=NOW, terms=TERMS)
    assert issued.valid_until == NOW + timedelta(hours=1)


def test_a_leaf_ends_no_later_than_any_of_the_chain() -> None:
    above = issuer(ANCHOR, Lifetime(YEAR.not_before, NOW + timedelta(minutes=30)))
    whole = Issuer(ISSUER.signer, (above.signer.certificate,))
    issued = issue(whole, NAME, KEY.public_key(), serial=1, now=NOW, terms=TERMS)
    assert issued.valid_until == NOW + timedelta(minutes=30)
    assert issued.chain == (ISSUER.signer.certificate, above.signer.certificate)


@given(hours=st.integers(1, 24 * 400), skew=st.integers(0, 3600))
def test_the_lifetime_covers_now_and_never_outlives_the_chain(hours: int, skew: int) -> None:
    whole = Issuer(ISSUER.signer)
    terms = Terms(timedelta(hours=hours), timedelta(seconds=skew))
    got = lifetime(whole, terms, now=NOW)
    assert got.not_before == NOW - timedelta(seconds=skew)
    assert NOW < got.not_after <= whole.expires
    assert got.not_after == min(NOW + terms.lifetime + terms.skew, whole.expires)
