"""X509-SVIDs: what a SPIRE agent says this process is, taken apart and made ready to be put in force."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from proxy.identity import der
from proxy.identity.keypair import key_to_pem

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_CHAIN = 10
MAX_BUNDLE = 100
_SHOWN = 5
"""IDs named in a refusal."""


class UnusableSvidError(ValueError):
    """What the agent sent cannot be this proxy's identity; the message names what came."""


class Received(Protocol):
    """One identity as it arrives."""

    @property
    def spiffe_id(self) -> str: ...
    @property
    def x509_svid(self) -> bytes: ...
    @property
    def x509_svid_key(self) -> bytes: ...
    @property
    def bundle(self) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Svid:
    """All in PEM. `repr` shows nothing of the key."""

    chain_pem: str
    """The leaf first."""
    key_pem: str
    bundle_pem: str
    """Whom the trust domain of this identity trusts."""

    def __repr__(self) -> str:
        return "<Svid>"


def choose(received: Iterable[Received], spiffe_id: str) -> Svid:
    """The identity `spiffe_id` among those that came, read strictly. Raises UnusableSvidError."""
    came = list(received)
    found = [one for one in came if one.spiffe_id == spiffe_id]
    if len(found) > 1:
        raise UnusableSvidError(f"the agent sent {spiffe_id} {len(found)} times")
    if not found:
        raise UnusableSvidError(f"the agent sent {_names(came)} and not {spiffe_id}")
    return _read(found[0])


def _read(received: Received) -> Svid:
    part = "certificate chain"
    try:
        chain = der.certificates(received.x509_svid, most=MAX_CHAIN)
        part = "key"
        der.verify_p256_key(received.x509_svid_key)
        part = "trust bundle"
        bundle = der.certificates(received.bundle, most=MAX_BUNDLE)
    except der.DerError as error:
        raise UnusableSvidError(f"the {part} of {received.spiffe_id}: {error}") from error
    return Svid(
        _to_pem(chain),
        key_to_pem(received.x509_svid_key),
        _to_pem(bundle),
    )


def _to_pem(certificates: list[bytes]) -> str:
    return "".join(map(ssl.DER_cert_to_PEM_cert, certificates))


def _names(came: list[Received]) -> str:
    if not came:
        return "no identity"
    more = f" and {len(came) - _SHOWN} more" if len(came) > _SHOWN else ""
    return ", ".join(one.spiffe_id[:256] or "one without a name" for one in came[:_SHOWN]) + more
