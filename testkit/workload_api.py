"""A SPIRE agent as a workload sees it: the SPIFFE Workload API on a Unix socket, as the test says.

    with WorkloadApi(tmp_path / "agent.sock", authority) as agent:
        agent.svids.show(agent.says(agent.svid("spiffe://root.weft.test/web")))
        environment = plane.environment("", **agent.environment("spiffe://root.weft.test/web", "web.weft.test"))

A real gRPC server. Until scripted it knows no process and refuses everybody, as an agent does.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Self

import grpc
from cryptography.hazmat.primitives import serialization

from testkit.control_plane import Authority, Script
from weft.pki import certificate, keys
from weftapi.spiffe import workload_pb2

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from types import TracebackType

    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec

ANCESTRY = timedelta(hours=12)


class WorkloadApi:
    """The agent, and the authority of its trust domain, which stands on that of a mesh."""

    def __init__(self, socket: Path, authority: Authority) -> None:
        self.socket = socket
        self.authority = authority
        self.svids: Script[workload_pb2.X509SVIDResponse] = Script()
        self.svids.refuse(grpc.StatusCode.PERMISSION_DENIED, "no identity issued")
        self.issuer = _issuer(authority)
        self._server: grpc.Server | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Listen; after a `stop`, again."""
        self.socket.unlink(missing_ok=True)
        self._server = grpc.server(ThreadPoolExecutor(max_workers=16, thread_name_prefix="agent"))
        method = grpc.unary_stream_rpc_method_handler(
            self._fetch,
            workload_pb2.X509SVIDRequest.FromString,
            workload_pb2.X509SVIDResponse.SerializeToString,
        )
        self._server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler("SpiffeWorkloadAPI", {"FetchX509SVID": method}),)
        )
        self._server.add_insecure_port(f"unix:{self.socket}")
        self._server.start()

    def stop(self) -> None:
        """Stop listening and break every stream."""
        if self._server is not None:
            self._server.stop(grace=0).wait()
            self._server = None

    def svid(
        self,
        spiffe_id: str,
        *,
        names: Sequence[str] = (),
        lifetime: timedelta = timedelta(hours=1),
        issuer: certificate.Signer | None = None,
    ) -> workload_pb2.X509SVID:
        """An identity with a fresh key, as the agent sends it: leaf, intermediate, and the mesh's anchor as
        its bundle."""
        now = datetime.now(UTC)
        key = keys.generate()
        signer = issuer or self.issuer
        leaf = certificate.make_leaf(
            names,
            key.public_key(),
            certificate.Lifetime(now - timedelta(minutes=1), now + lifetime),
            signer,
            uris=[spiffe_id],
        )
        return workload_pb2.X509SVID(
            spiffe_id=spiffe_id,
            x509_svid=der(leaf, signer.certificate),
            x509_svid_key=pkcs8(key),
            bundle=der(self.authority.anchor.certificate),
        )

    @staticmethod
    def says(*svids: workload_pb2.X509SVID) -> workload_pb2.X509SVIDResponse:
        return workload_pb2.X509SVIDResponse(svids=svids)

    def environment(self, spiffe_id: str, server_name: str) -> dict[str, str]:
        """What a proxy needs to take its identity from here; without the prefix of its variables. An empty
        value is one that is not set."""
        return {
            "IDENTITY_SPIRE_WORKLOAD_API_ADDRESS": f"unix://{self.socket}",
            "IDENTITY_SERVER_ID": spiffe_id,
            "IDENTITY_SERVER_NAME": server_name,
            **dict.fromkeys(
                ("IDENTITY_SVC_ADDR", "IDENTITY_LOCAL_NAME", "IDENTITY_TOKEN_FILE"), ""
            ),
            "IDENTITY_DIR": "",
        }

    def _fetch(
        self, request: workload_pb2.X509SVIDRequest, context: grpc.ServicerContext
    ) -> Iterator[workload_pb2.X509SVIDResponse]:
        if ("workload.spiffe.io", "true") not in context.invocation_metadata():
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "security header missing from request")
        return self.svids.serve(context)


def der(*certificates: x509.Certificate) -> bytes:
    """One after another, as SPIFFE sends them."""
    return b"".join(map(certificate.to_der, certificates))


def pkcs8(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.DER,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _issuer(authority: Authority) -> certificate.Signer:
    now = datetime.now(UTC)
    key = keys.generate()
    span = certificate.Lifetime(now - timedelta(minutes=30), now + ANCESTRY)
    made = certificate.make_issuer("spire.weft.test", key.public_key(), span, authority.anchor)
    return certificate.Signer(made, key)
