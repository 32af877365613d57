"""Whose certificate the other side of a handshake showed."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


def peer_names(certificate: Mapping[str, object] | None) -> tuple[str, ...]:
    """DNS and URI names of a verified certificate, in its order, DNS names in lower case.

    A colon is what tells the two kinds apart once they are text, so a DNS name with one is left out, and
    a URI without: neither can stand for a name of the other kind.

    `certificate` is what `SSLObject.getpeercert()` returns: None or empty without one.
    """
    if not certificate:
        return ()
    names = certificate.get("subjectAltName", ())
    assert isinstance(names, tuple)
    return tuple(
        canonical(value)
        for kind, value in names
        if kind in ("DNS", "URI") and (":" in value) is (kind == "URI")
    )


def canonical(identity: str) -> str:
    """As identities are compared: DNS names in lower case without a dot at the end, URIs as they are."""
    return identity if ":" in identity else identity.lower().rstrip(".")


def peer_identity(certificate: Mapping[str, object] | None) -> str | None:
    """The first name of the certificate: the identity the peer proved, or None."""
    names = peer_names(certificate)
    return names[0] if names else None


def proves(certificate: Mapping[str, object] | None, identity: str) -> bool:
    """Whether the certificate carries the name that was promised: DNS in any case, URIs exactly."""
    return canonical(identity) in peer_names(certificate)
