"""Certify over a real gRPC connection: every answer code, and the table of attacks."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from identity.authority import Issued, Issuer, Terms
from identity.issuer import Credentials
from identity.metrics import Metrics
from identity.server import Certifier, register
from identity.tests.authorities import ANCHOR, ISSUER, NOW, Authority, anchor
from identity.tokens import MalformedToken, RefusedToken, ReviewFailed
from kit.rpc import client
from kit.rpc import server as rpc
from kit.rpc.status import RpcError
from weft.addresses import SocketAddress
from weft.names import TrustDomain, Workload
from weft.pki import certificate, chain, csr, keys
from weftapi.proxy import identity_pb2, identity_pb2_grpc

DOMAIN = TrustDomain()
WEB = DOMAIN.identity("web", "emojivoto")
VOTING = DOMAIN.identity("voting", "emojivoto")
KEY = keys.generate()
GOOD = csr.make(KEY, WEB)
CODE = grpc.StatusCode

Call = Callable[[str, bytes, bytes], Awaitable[identity_pb2.CertifyResponse]]


class TokenTable:
    """A reviewer that knows a few tokens."""

    async def review(self, token: bytes) -> Workload:
        match token:
            case b"web":
                return Workload("web", "emojivoto")
            case b"voting":
                return Workload("voting", "emojivoto")
            case b"garbage":
                raise MalformedToken("the token is not text")
            case b"down":
                raise ReviewFailed("the token could not be reviewed: no answer")
            case b"broken":
                raise RuntimeError("a defect")
        raise RefusedToken("the token is not valid")


@dataclass
class Witness:
    """An observer that remembers."""

    seen: list[str] = field(default_factory=list)

    def issued(self, workload: Workload, issued: Issued) -> None:
        self.seen.append(f"issued {workload} {issued.leaf.serial_number}")

    def issuer_invalid(self, why: str) -> None:
        self.seen.append(f"invalid: {why}")


@dataclass
class Bench:
    """The service with everything around it under the test's control."""

    issuer: Authority | None = ISSUER
    anchors: tuple[x509.Certificate, ...] = (ANCHOR.signer.certificate,)
    now: datetime = NOW
    witness: Witness = field(default_factory=Witness)
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)

    def certifier(self) -> Certifier:
        def credentials() -> Credentials | None:
            if self.issuer is None:
                return None
            return Credentials(Issuer(self.issuer.signer), self.anchors)

        return Certifier(
            credentials=credentials,
            reviewer=TokenTable(),
            observer=self.witness,
            domain=DOMAIN,
            terms=Terms(timedelta(hours=24), timedelta(seconds=20)),
            clock=lambda: self.now,
        )

    def run(self, script: Callable[[Call], Awaitable[None]]) -> None:
        async def main() -> None:
            async with (
                rpc.serve(
                    SocketAddress("127.0.0.1", 0),
                    [register(self.certifier(), Metrics(self.registry))],
                    metrics=rpc.Metrics(self.registry),
                    grace=0.1,
                ) as bound,
                client.channel(str(bound)) as channel,
            ):
                stub = identity_pb2_grpc.IdentityStub(channel)  # type: ignore[no-untyped-call]

                async def call(
                    identity: str, token: bytes, request: bytes
                ) -> identity_pb2.CertifyResponse:
                    message = identity_pb2.CertifyRequest(
                        identity=identity, token=token, certificate_signing_request=request
                    )
                    answer: identity_pb2.CertifyResponse = await stub.Certify(message, timeout=10)
                    return answer

                await script(call)

        asyncio.run(main())

    def refused(self, identity: str, token: bytes, request: bytes) -> tuple[grpc.StatusCode, str]:
        answer: list[tuple[grpc.StatusCode, str]] = []

        async def script(call: Call) -> None:
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await call(identity, token, request)
            answer.append((caught.value.code(), caught.value.details() or ""))

        self.run(script)
        return answer[0]


def test_a_good_request_gets_a_leaf_that_stands() -> None:
    bench = Bench()

    async def script(call: Call) -> None:
        for serial in (1, 2):
            answer = await call(WEB, b"web", GOOD)
            leaf = certificate.from_der(answer.leaf_certificate)
            above = [certificate.from_der(one) for one in answer.intermediate_certificates]
            chain.verify([leaf, *above], bench.anchors, at=NOW)
            assert above == [ISSUER.signer.certificate]
            assert certificate.dns_names(leaf) == [WEB]
            assert leaf.public_key() == KEY.public_key()
            assert leaf.serial_number == serial
            until = answer.valid_until.ToDatetime(UTC)
            assert until == leaf.not_valid_after_utc == NOW + timedelta(hours=24, seconds=20)

    bench.run(script)
    assert bench.witness.seen == ["issued web.emojivoto 1", "issued web.emojivoto 2"]
    assert bench.registry.get_sample_value("identity_certificates_issued_total") == 2


# -- the requests an attacker would send ---------------------------------------------------------
def made(
    *names: x509.GeneralName,
    common_name: str = "",
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey = KEY,
) -> bytes:
    subject = [x509.NameAttribute(NameOID.COMMON_NAME, common_name)] if common_name else []
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(subject))
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    algorithm = None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    return builder.sign(key, algorithm).public_bytes(serialization.Encoding.DER)


def bad_signature() -> bytes:
    """A good request whose last byte, part of the signature, is another."""
    return GOOD[:-1] + bytes([GOOD[-1] ^ 1])


def stolen_key() -> bytes:
    """A request that carries somebody else's public key, signed with our own."""
    other = csr.make(keys.generate(), WEB)
    mine, theirs = (csr.parse(one).public_key() for one in (GOOD, other))
    own, others = (
        key.public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        for key in (mine, theirs)
    )
    return GOOD.replace(own, others)


DNS = x509.DNSName
URI = x509.UniformResourceIdentifier("spiffe://cluster.local/ns/emojivoto/sa/web")

ATTACKS = {
    "wrong or expired token": (WEB, b"expired", GOOD, CODE.FAILED_PRECONDITION, "not valid"),
    "token of another account": (WEB, b"voting", GOOD, CODE.FAILED_PRECONDITION, "token proves"),
    "identity of another": (
        VOTING,
        b"web",
        csr.make(KEY, VOTING),
        CODE.FAILED_PRECONDITION,
        "token proves",
    ),
    "request for another": (
        WEB,
        b"web",
        csr.make(KEY, VOTING),
        CODE.FAILED_PRECONDITION,
        "common name",
    ),
    "identity outside the mesh": (
        "web.example.com",
        b"web",
        csr.make(KEY, "web.example.com"),
        CODE.FAILED_PRECONDITION,
        "token proves",
    ),
    "two DNS names": (
        WEB,
        b"web",
        made(DNS(WEB), DNS(VOTING)),
        CODE.FAILED_PRECONDITION,
        "asks for",
    ),
    "the same name twice": (
        WEB,
        b"web",
        made(DNS(WEB), DNS(WEB)),
        CODE.FAILED_PRECONDITION,
        "asks for",
    ),
    "wildcard": (WEB, b"web", made(DNS("*." + WEB)), CODE.FAILED_PRECONDITION, "asks for"),
    "no name": (WEB, b"web", made(), CODE.FAILED_PRECONDITION, "no DNS name"),
    "common name only": (
        WEB,
        b"web",
        made(common_name=WEB),
        CODE.FAILED_PRECONDITION,
        "no DNS name",
    ),
    "another common name": (
        WEB,
        b"web",
        made(DNS(WEB), common_name="root"),
        CODE.FAILED_PRECONDITION,
        "common name",
    ),
    "URI beside the name": (
        WEB,
        b"web",
        made(DNS(WEB), URI),
        CODE.FAILED_PRECONDITION,
        "UniformResourceIdentifier",
    ),
    "URI only": (WEB, b"web", made(URI), CODE.FAILED_PRECONDITION, "UniformResourceIdentifier"),
    "IP address": (
        WEB,
        b"web",
        made(DNS(WEB), x509.IPAddress(ip_address("10.0.0.1"))),
        CODE.FAILED_PRECONDITION,
        "IPAddress",
    ),
    "e-mail": (
        WEB,
        b"web",
        made(DNS(WEB), x509.RFC822Name("a@example.com")),
        CODE.FAILED_PRECONDITION,
        "RFC822Name",
    ),
    "directory name": (
        WEB,
        b"web",
        made(DNS(WEB), x509.DirectoryName(x509.Name([]))),
        CODE.FAILED_PRECONDITION,
        "DirectoryName",
    ),
    "RSA key": (
        WEB,
        b"web",
        made(DNS(WEB), key=rsa.generate_private_key(65537, 2048)),
        CODE.FAILED_PRECONDITION,
        "P-256",
    ),
    "Ed25519 key": (
        WEB,
        b"web",
        made(DNS(WEB), key=ed25519.Ed25519PrivateKey.generate()),
        CODE.FAILED_PRECONDITION,
        "P-256",
    ),
    "another curve": (
        WEB,
        b"web",
        made(DNS(WEB), key=ec.generate_private_key(ec.SECP384R1())),
        CODE.FAILED_PRECONDITION,
        "P-256",
    ),
    "bad signature": (WEB, b"web", bad_signature(), CODE.FAILED_PRECONDITION, "signature"),
    "somebody else's key": (WEB, b"web", stolen_key(), CODE.FAILED_PRECONDITION, "signature"),
    "garbage request": (WEB, b"web", b"garbage", CODE.INVALID_ARGUMENT, "signing request"),
    "PEM instead of DER": (
        WEB,
        b"web",
        b"-----BEGIN CERTIFICATE REQUEST-----\n",
        CODE.INVALID_ARGUMENT,
        "signing request",
    ),
    "a certificate instead": (
        WEB,
        b"web",
        certificate.to_der(ISSUER.signer.certificate),
        CODE.INVALID_ARGUMENT,
        "signing request",
    ),
    "cut short": (WEB, b"web", GOOD[:-10], CODE.INVALID_ARGUMENT, "signing request"),
    "no identity": ("", b"web", GOOD, CODE.INVALID_ARGUMENT, "no identity"),
    "no token": (WEB, b"", GOOD, CODE.INVALID_ARGUMENT, "no token"),
    "no request": (WEB, b"web", b"", CODE.INVALID_ARGUMENT, "no CSR"),
    "garbage token": (WEB, b"garbage", GOOD, CODE.INVALID_ARGUMENT, "not text"),
    "API server down": (WEB, b"down", GOOD, CODE.INTERNAL, "could not be reviewed"),
    "a defect of ours": (WEB, b"broken", GOOD, CODE.INTERNAL, "unexpected error"),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_attacks_are_refused_with_their_code(name: str) -> None:
    identity, token, request, code, why = ATTACKS[name]
    bench = Bench()
    answered, details = bench.refused(identity, token, request)
    assert answered is code
    assert why in details
    assert bench.witness.seen == [], "nothing was issued"


def test_no_issuer_yet() -> None:
    bench = Bench(issuer=None)
    assert bench.refused(WEB, b"web", GOOD)[0] is CODE.UNAVAILABLE
    labels = {"code": "UNAVAILABLE"}
    assert bench.registry.get_sample_value("identity_certificates_refused_total", labels) == 1


def test_an_issuer_that_expired_in_use() -> None:
    bench = Bench(now=NOW + timedelta(days=400))
    code, details = bench.refused(WEB, b"web", GOOD)
    assert code is CODE.UNKNOWN
    assert "expired" in details
    assert bench.witness.seen[0].startswith("invalid: ")


def test_an_issuer_the_anchors_do_not_know() -> None:
    bench = Bench(anchors=(anchor("other").signer.certificate,))
    assert bench.refused(WEB, b"web", GOOD)[0] is CODE.UNKNOWN


@pytest.mark.parametrize(
    ("bench", "request_", "code"),
    [
        (Bench(issuer=None), ("", b"", b""), CODE.UNAVAILABLE),
        (Bench(now=NOW + timedelta(days=400)), (WEB, b"web", b"garbage"), CODE.INVALID_ARGUMENT),
        (Bench(now=NOW + timedelta(days=400)), (WEB, b"web", made(URI)), CODE.UNKNOWN),
        (Bench(), (WEB, b"down", made(URI)), CODE.FAILED_PRECONDITION),
        (Bench(), (VOTING, b"down", csr.make(KEY, VOTING)), CODE.INTERNAL),
    ],
)
def test_the_checks_come_in_order(
    bench: Bench, request_: tuple[str, bytes, bytes], code: grpc.StatusCode
) -> None:
    assert bench.refused(*request_)[0] is code


@given(st.binary(max_size=400) | st.integers(0, len(GOOD) - 1).map(lambda n: GOOD[:n]))
@settings(max_examples=100, deadline=None)
def test_no_bytes_are_a_crash(data: bytes) -> None:
    with pytest.raises(RpcError):
        asyncio.run(Bench().certifier().certify(WEB, b"web", data))


@given(st.integers(0, len(GOOD) - 1), st.integers(1, 255))
@settings(max_examples=200, deadline=None)
def test_no_changed_byte_gets_a_certificate_for_another_key_or_name(place: int, flip: int) -> None:
    changed = GOOD[:place] + bytes([GOOD[place] ^ flip]) + GOOD[place + 1 :]
    try:
        issued = asyncio.run(Bench().certifier().certify(WEB, b"web", changed))
    except RpcError:
        return
    assert certificate.dns_names(issued.leaf) == [WEB]
    assert issued.leaf.public_key() == KEY.public_key()
