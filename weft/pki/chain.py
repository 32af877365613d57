"""Whether certificates stand on a trust anchor at a moment."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from weft.pki.certificate import UNREADABLE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from cryptography import x509


class BrokenChain(ValueError):
    """Why a chain does not stand; the message names the certificate and the reason."""


def verify(
    chain: Sequence[x509.Certificate], anchors: Sequence[x509.Certificate], *, at: datetime
) -> None:
    """Check that each certificate was issued by the next, the last by an anchor, all valid `at`.

    `chain` begins with the certificate in question; anchors may themselves be in it. Time and
    signatures only: names are the caller's business. Raises BrokenChain.
    """
    if not chain:
        raise BrokenChain("the chain is empty")
    for certificate in chain:
        verify_time(certificate, at=at)
    for certificate, issuer in itertools.pairwise(chain):
        if not issued_by(certificate, issuer):
            raise BrokenChain(f"{_subject(certificate)} was not issued by {_subject(issuer)}")
    last = chain[-1]
    for anchor in anchors:
        if last == anchor or issued_by(last, anchor):
            verify_time(anchor, at=at)
            return
    raise BrokenChain(f"{_subject(last)} was not issued by any of the trust anchors")


def verify_time(certificate: x509.Certificate, *, at: datetime) -> None:
    """Raises BrokenChain when the certificate is not valid yet, or no longer."""
    if at < certificate.not_valid_before_utc:
        start = certificate.not_valid_before_utc.isoformat()
        raise BrokenChain(f"{_subject(certificate)} is not valid before {start}")
    if at > certificate.not_valid_after_utc:
        end = certificate.not_valid_after_utc.isoformat()
        raise BrokenChain(f"{_subject(certificate)} expired on {end}")


def issued_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    """Name and signature; time is another question. An issuer whose key cannot be read has issued nothing."""
    try:
        if not isinstance(issuer.public_key(), ec.EllipticCurvePublicKey | rsa.RSAPublicKey):
            return False
        certificate.verify_directly_issued_by(issuer)
    except (*UNREADABLE, TypeError, InvalidSignature):
        return False
    return True


def _subject(certificate: x509.Certificate) -> str:
    return certificate.subject.rfc4514_string() or f"certificate {certificate.serial_number:x}"
