"""The signing credentials: read from a mounted Secret, believed only if they stand on the anchors.

The kubelet replaces a mounted Secret by switching a symlink, so the watcher looks at contents, not
at file events: it reads the few files every interval and acts when their hash changes. A reload
that does not stand keeps the credentials in use, because a certificate authority that stops
signing is worse than one that signs with yesterday's certificate until it expires.
"""

import asyncio
import hashlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509

from identity.authority import Issuer
from weft.pki import certificate, chain, keys

log = logging.getLogger(__name__)

_FILES = (("crt.pem", "key.pem"), ("tls.crt", "tls.key"))


class UnusableIssuer(Exception):
    """Why credentials cannot sign; the message names the file or the certificate."""


class InvalidIssuer(UnusableIssuer):
    """The credentials are well formed and do not stand on the trust anchors at this moment."""


@dataclass(frozen=True)
class Credentials:
    """An issuer and the anchors it is measured by."""

    issuer: Issuer
    anchors: tuple[x509.Certificate, ...]

    def verify(self, *, at: datetime) -> None:
        """Raises InvalidIssuer unless the issuer's chain stands on an anchor `at` that time."""
        try:
            chain.verify(self.issuer.chain, self.anchors, at=at)
        except (
            certificate.UNREADABLE
        ) as error:  # a BrokenChain, or a part that nobody looked at yet
            raise InvalidIssuer(str(error)) from error


@dataclass(frozen=True, slots=True)
class Material:
    """The bytes of the files, before anyone believes them."""

    certificates: bytes
    key: bytes
    anchors: bytes

    @property
    def digest(self) -> str:
        parts = (self.certificates, self.key, self.anchors)
        return hashlib.sha256(
            b"\0".join(hashlib.sha256(part).digest() for part in parts)
        ).hexdigest()


def read(directory: Path, trust_roots: Path) -> Material:
    """Reads crt.pem and key.pem, or tls.crt and tls.key. Raises UnusableIssuer."""
    # The kubelet's `..data` names the current version: reading through it once never mixes two.
    version = directory / "..data"
    root = version.resolve() if version.exists() else directory
    names = next((pair for pair in _FILES if (root / pair[0]).exists()), None)
    if names is None:
        raise UnusableIssuer(f"{directory} holds neither crt.pem nor tls.crt")
    try:
        signing, key = ((root / name).read_bytes() for name in names)
        return Material(signing, key, trust_roots.read_bytes())
    except OSError as error:
        raise UnusableIssuer(str(error)) from error


def parse(material: Material) -> Credentials:
    """Well-formed, matching, and an authority; whether it stands is `Credentials.verify`.

    Raises UnusableIssuer.
    """
    try:
        signing, *intermediates = certificate.from_pem(material.certificates)
        anchors = certificate.from_pem(material.anchors)
        key = keys.from_pem(material.key)
    except (certificate.UnreadableCertificate, keys.UnusableKey) as error:
        raise UnusableIssuer(str(error)) from error
    try:
        if key.public_key() != signing.public_key():
            raise UnusableIssuer("the private key does not belong to the issuer certificate")
        _require_authority([signing, *intermediates])
        # A root in the chain is not sent to peers: they hold the anchors or they do not trust us.
        above = tuple(one for one in intermediates if one.subject != one.issuer)
    except certificate.UNREADABLE as error:
        raise UnusableIssuer(f"the issuer certificate cannot be used: {error}") from error
    return Credentials(Issuer(certificate.Signer(signing, key), above), tuple(anchors))


def _require_authority(certificates: Sequence[x509.Certificate]) -> None:
    for one in certificates:
        name = one.subject.rfc4514_string()
        try:
            constraints = one.extensions.get_extension_for_class(x509.BasicConstraints).value
        except (x509.ExtensionNotFound, ValueError) as error:
            raise UnusableIssuer(f"{name} is not an authority: no basic constraints") from error
        if not constraints.ca:
            raise UnusableIssuer(f"{name} is not an authority: its basic constraints say CA:FALSE")


@dataclass(frozen=True, slots=True)
class Updated:
    """A changed Secret was taken into use."""

    issuer: Issuer


@dataclass(frozen=True, slots=True)
class Skipped:
    """A changed Secret was not taken into use; what was in use stays."""

    why: str


Change = Updated | Skipped


class IssuerStore:
    """The credentials in use. `current` is None until the first that stand have been loaded."""

    def __init__(self, directory: Path, trust_roots: Path) -> None:
        self._directory = directory
        self._trust_roots = trust_roots
        self._digest = ""  # of the files in use
        self._problem = ""  # why the files seen last are not in use
        self.current: Credentials | None = None

    def refresh(self, *, now: datetime) -> Change | None:
        """Looks at the files; None when there is nothing to tell that was not told. Never raises."""
        try:
            material = read(self._directory, self._trust_roots)
            if material.digest == self._digest:
                self._problem = ""
                return None
            credentials = parse(material)
            credentials.verify(at=now)
        except UnusableIssuer as error:
            told, self._problem = self._problem == str(error), str(error)
            return None if told else Skipped(str(error))
        self._digest, self._problem, self.current = material.digest, "", credentials
        return Updated(credentials.issuer)

    async def watch(self, every: float, on_change: Callable[[Change], None]) -> None:
        """Refreshes every few seconds and tells what changed, until cancelled."""
        while True:
            await asyncio.sleep(every)
            # Reading a few kilobytes of tmpfs is quicker than handing the work to a thread.
            if change := self.refresh(now=datetime.now(UTC)):
                log.info("issuer files changed", extra={"outcome": repr(change)})
                on_change(change)
