"""Issuer files: what is believed, and that a bad change keeps what is in use."""

import os
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from identity.issuer import (
    InvalidIssuer,
    IssuerStore,
    Skipped,
    UnusableIssuer,
    Updated,
    parse,
    read,
)
from identity.tests.authorities import (
    ANCHOR,
    ISSUER,
    NOW,
    YEAR,
    Files,
    anchor,
    files,
    issuer,
    leaf,
    unreadable,
)
from weft.pki import keys
from weft.pki.certificate import Lifetime

STRANGER = anchor("root.elsewhere")
EXPIRED = issuer(ANCHOR, Lifetime(YEAR.not_before, NOW - timedelta(seconds=1)))
FUTURE = issuer(ANCHOR, Lifetime(NOW + timedelta(hours=1), NOW + timedelta(hours=2)))
PLAIN = serialization.NoEncryption()


def pem_of(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, PLAIN)


def store(where: Files) -> IssuerStore:
    return IssuerStore(where.directory, where.trust_roots)


@pytest.mark.parametrize("names", [("crt.pem", "key.pem"), ("tls.crt", "tls.key")])
def test_both_spellings_of_the_secret_are_read(tmp_path: Path, names: tuple[str, str]) -> None:
    where = files(tmp_path)
    where.write(names=names, key=pem_of(ISSUER.signer.key))
    loaded = store(where)
    assert isinstance(loaded.refresh(now=NOW), Updated)
    assert loaded.current is not None
    assert loaded.current.issuer.chain == (ISSUER.signer.certificate,)


def test_one_self_signed_authority_may_be_anchor_and_issuer(tmp_path: Path) -> None:
    where = files(tmp_path)
    where.write(signing=ANCHOR.pem, key=ANCHOR.key_pem)
    assert isinstance(store(where).refresh(now=NOW), Updated)


@pytest.mark.parametrize("while_it_runs", [False, True])
def test_an_anchor_that_cannot_be_read_does_no_harm_beside_one_that_can(
    tmp_path: Path, while_it_runs: bool
) -> None:
    where = files(tmp_path)
    loaded = store(where)
    if while_it_runs:
        where.write()
        loaded.refresh(now=NOW)
    where.write(anchors=unreadable(STRANGER) + ANCHOR.pem)
    assert isinstance(loaded.refresh(now=NOW), Updated)
    assert loaded.current is not None
    assert len(loaded.current.anchors) == 2


def test_the_root_in_a_bundle_is_not_sent_to_peers(tmp_path: Path) -> None:
    where = files(tmp_path)
    where.write(signing=ISSUER.pem + ANCHOR.pem)
    loaded = store(where)
    loaded.refresh(now=NOW)
    assert loaded.current is not None
    assert loaded.current.issuer.chain == (ISSUER.signer.certificate,)


@pytest.mark.parametrize(
    ("signing", "key", "anchors", "why"),
    [
        (b"", ISSUER.key_pem, ANCHOR.pem, "no PEM certificate"),
        (b"garbage", ISSUER.key_pem, ANCHOR.pem, "no PEM certificate"),
        (ISSUER.pem[:-60], ISSUER.key_pem, ANCHOR.pem, "no PEM certificate"),
        (ISSUER.pem, b"garbage", ANCHOR.pem, "PEM private key"),
        (ISSUER.pem, ISSUER.pem, ANCHOR.pem, "PEM private key"),
        (ISSUER.pem, ISSUER.key_pem, b"", "no PEM certificate"),
        (ISSUER.pem, STRANGER.key_pem, ANCHOR.pem, "does not belong"),
        (ISSUER.pem, pem_of(ec.generate_private_key(ec.SECP384R1())), ANCHOR.pem, "P-256"),
        (ISSUER.pem, pem_of(rsa.generate_private_key(65537, 2048)), ANCHOR.pem, "P-256"),
        (ISSUER.pem, ISSUER.key_pem, STRANGER.pem, "not issued by any of the trust anchors"),
        (
            unreadable(ISSUER),
            ISSUER.key_pem,
            ANCHOR.pem,
            "issuer certificate cannot be used: Curve",
        ),
        (ISSUER.pem + unreadable(ISSUER), ISSUER.key_pem, ANCHOR.pem, "was not issued by"),
        (ISSUER.pem, ISSUER.key_pem, unreadable(ANCHOR), "not issued by any of the trust anchors"),
        (EXPIRED.pem, EXPIRED.key_pem, ANCHOR.pem, "expired on"),
        (FUTURE.pem, FUTURE.key_pem, ANCHOR.pem, "not valid before"),
    ],
)
def test_a_bad_secret_is_skipped_and_the_old_issuer_stays(
    tmp_path: Path, signing: bytes, key: bytes, anchors: bytes, why: str
) -> None:
    where = files(tmp_path)
    where.write()
    loaded = store(where)
    loaded.refresh(now=NOW)
    good = loaded.current
    where.write(signing=signing, key=key, anchors=anchors)
    change = loaded.refresh(now=NOW)
    assert isinstance(change, Skipped)
    assert why in change.why
    assert loaded.current is good is not None
    assert loaded.refresh(now=NOW) is None, "the same problem is told once"
    where.write()
    assert loaded.refresh(now=NOW) is None, "the files in use are back: nothing changed"


def test_a_leaf_cannot_be_an_issuer(tmp_path: Path) -> None:
    where, made = files(tmp_path), leaf(ANCHOR)
    where.write(signing=made.pem, key=made.key_pem)
    with pytest.raises(UnusableIssuer, match="CA:FALSE"):
        parse(read(where.directory, where.trust_roots))


def test_missing_files_name_the_place(tmp_path: Path) -> None:
    where = files(tmp_path)
    change = store(where).refresh(now=NOW)
    assert isinstance(change, Skipped)
    assert str(where.directory) in change.why
    where.write()
    (where.directory / "key.pem").unlink()
    with pytest.raises(UnusableIssuer, match=r"key\.pem"):
        read(where.directory, where.trust_roots)


def test_an_issuer_that_is_not_valid_yet_is_taken_when_its_time_comes(tmp_path: Path) -> None:
    where = files(tmp_path)
    where.write(signing=FUTURE.pem, key=FUTURE.key_pem)
    loaded = store(where)
    assert isinstance(loaded.refresh(now=NOW), Skipped)
    assert isinstance(loaded.refresh(now=NOW + timedelta(minutes=90)), Updated)


def test_an_issuer_in_use_expires(tmp_path: Path) -> None:
    where = files(tmp_path)
    where.write()
    loaded = store(where)
    loaded.refresh(now=NOW)
    assert loaded.current is not None
    with pytest.raises(InvalidIssuer, match="expired"):
        loaded.current.verify(at=NOW + timedelta(days=366))


def test_the_kubelets_switch_of_a_symlink_is_seen(tmp_path: Path) -> None:
    where = files(tmp_path)
    old, new = tmp_path / "issuer" / "..v1", tmp_path / "issuer" / "..v2"
    data = where.directory / "..data"
    for version, made in ((old, ISSUER), (new, ANCHOR)):
        version.mkdir(parents=True)
        (version / "crt.pem").write_bytes(made.pem)
        (version / "key.pem").write_bytes(made.key_pem)
    where.trust_roots.write_bytes(ANCHOR.pem)
    data.symlink_to(old.name)
    for name in ("crt.pem", "key.pem"):
        (where.directory / name).symlink_to(f"..data/{name}")
    loaded = store(where)
    assert isinstance(loaded.refresh(now=NOW), Updated)
    swap = where.directory / "..swap"
    swap.symlink_to(new.name)
    os.replace(swap, data)
    assert isinstance(loaded.refresh(now=NOW), Updated)
    assert loaded.current is not None
    assert loaded.current.issuer.chain == (ANCHOR.signer.certificate,)


def test_keys_in_both_encodings_are_the_same_key() -> None:
    assert keys.from_pem(ISSUER.key_pem).private_numbers() == ISSUER.signer.key.private_numbers()
