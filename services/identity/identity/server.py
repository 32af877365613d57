"""The gRPC face of identity: the order of the checks, and the code each failure answers with.

The order is the contract (proxies and their operators read the codes): issuer, shape of the
request, issuer against anchors, CSR, token, identity, signature.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from typing import Protocol

import grpc.aio
from cryptography.hazmat.primitives.asymmetric import ec
from google.protobuf.timestamp_pb2 import Timestamp

from identity.authority import Issued, Issuer, Terms, issue
from identity.issuer import Credentials, InvalidIssuer
from identity.metrics import Metrics
from identity.tokens import MalformedToken, RefusedToken, ReviewFailed
from kit import tracing
from kit.rpc.server import Register
from kit.rpc.status import (
    FailedPrecondition,
    Internal,
    InvalidArgument,
    RpcError,
    Unavailable,
    Unknown,
)
from weft.names import NotAnIdentity, TrustDomain, Workload
from weft.pki import certificate, csr
from weftapi.proxy import identity_pb2, identity_pb2_grpc

log = logging.getLogger(__name__)


class Reviewer(Protocol):
    """Who says whose token it is; `identity.tokens.TokenReviewer` in production."""

    async def review(self, token: bytes) -> Workload: ...


class Observer(Protocol):
    """Who is told what was done; Kubernetes events in production."""

    def issued(self, workload: Workload, issued: Issued) -> None: ...

    def issuer_invalid(self, why: str) -> None: ...


@dataclass
class Certifier:
    """Everything `Certify` decides, over plain values; raises `kit.rpc.status` errors."""

    credentials: Callable[[], Credentials | None]
    reviewer: Reviewer
    observer: Observer
    domain: TrustDomain
    terms: Terms
    clock: Callable[[], datetime]
    _serials: "count[int]" = field(default_factory=lambda: count(1))

    async def certify(self, identity: str, token: bytes, request_der: bytes) -> Issued:
        credentials = self.credentials()
        if credentials is None:
            raise Unavailable("the issuer's credentials are not loaded yet")
        for what, value in (("identity", identity), ("token", token), ("CSR", request_der)):
            if not value:
                raise InvalidArgument(f"the request has no {what}")
        try:
            request = csr.parse(request_der)
        except csr.MalformedRequest as error:
            raise InvalidArgument(str(error)) from error
        self._verify_issuer(credentials)
        try:
            key = csr.verify(request, identity)
        except csr.RefusedRequest as error:
            raise FailedPrecondition(f"the CSR is refused: {error}") from error
        workload = await self._review(token)
        self._verify_identity(identity, workload)
        issued = self._sign(credentials.issuer, identity, key)
        self.observer.issued(workload, issued)
        return issued

    def _verify_issuer(self, credentials: Credentials) -> None:
        try:
            credentials.verify(at=self.clock())
        except InvalidIssuer as error:
            self.observer.issuer_invalid(str(error))
            raise Unknown(f"the issuer is not valid: {error}") from error

    async def _review(self, token: bytes) -> Workload:
        try:
            with tracing.span("review token"):
                return await self.reviewer.review(token)
        except MalformedToken as error:
            raise InvalidArgument(str(error)) from error
        except RefusedToken as error:
            raise FailedPrecondition(str(error)) from error
        except ReviewFailed as error:
            raise Internal(str(error)) from error

    def _verify_identity(self, identity: str, workload: Workload) -> None:
        try:
            proven = self.domain.identity(workload.service_account, workload.namespace)
        except NotAnIdentity as error:
            raise FailedPrecondition(str(error)) from error
        if proven != identity:
            raise FailedPrecondition(
                f"the token proves {proven!r}; the request is for {identity!r}"
            )

    def _sign(self, issuer: Issuer, identity: str, key: ec.EllipticCurvePublicKey) -> Issued:
        try:
            return issue(
                issuer,
                identity,
                key,
                serial=next(self._serials),
                now=self.clock(),
                terms=self.terms,
            )
        except ValueError as error:
            raise Internal(f"signing failed: {error}") from error


def to_response(issued: Issued) -> identity_pb2.CertifyResponse:
    valid_until = Timestamp()
    valid_until.FromDatetime(issued.valid_until)
    return identity_pb2.CertifyResponse(
        leaf_certificate=certificate.to_der(issued.leaf),
        intermediate_certificates=[certificate.to_der(one) for one in issued.chain],
        valid_until=valid_until,
    )


class IdentityServicer(identity_pb2_grpc.IdentityServicer):
    """Messages in, messages out, and a count of each outcome."""

    def __init__(self, certifier: Certifier, metrics: Metrics) -> None:
        self._certifier = certifier
        self._metrics = metrics

    async def Certify(  # noqa: N802 (the API's name)
        self, request: identity_pb2.CertifyRequest, context: object
    ) -> identity_pb2.CertifyResponse:
        try:
            issued = await self._certifier.certify(
                request.identity, request.token, request.certificate_signing_request
            )
        except RpcError as error:
            self._metrics.refused.labels(error.code.name).inc()
            log.warning(
                "refused",
                extra={"identity": request.identity, "code": error.code.name, "why": str(error)},
            )
            raise
        self._metrics.issued.inc()
        until = issued.valid_until.isoformat()
        log.info("issued", extra={"identity": request.identity, "valid_until": until})
        return to_response(issued)


def register(certifier: Certifier, metrics: Metrics) -> Register:
    def add(server: grpc.aio.Server) -> None:
        servicer = IdentityServicer(certifier, metrics)
        identity_pb2_grpc.add_IdentityServicer_to_server(servicer, server)  # type: ignore[no-untyped-call]

    return add
