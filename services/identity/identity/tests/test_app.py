"""The whole service on real sockets: start, certify, change the issuer, stop."""

import asyncio
from pathlib import Path

import aiohttp
import grpc
from prometheus_client import CollectorRegistry

from identity.app import serve
from identity.settings import IdentitySettings
from identity.tests.authorities import ANCHOR, ISSUER, files
from kit.kube.objects import EVENTS
from kit.lifecycle import Process
from kit.rpc import client
from testkit.kube import FakeKube, Token
from testkit.ports import free_ports
from testkit.waiting import wait_until
from weft.names import TOKEN_AUDIENCE, TrustDomain
from weft.pki import certificate, csr, keys
from weftapi.proxy import identity_pb2, identity_pb2_grpc

WEB = TrustDomain().identity("web", "emojivoto")


def test_the_story(tmp_path: Path) -> None:
    where = files(tmp_path)
    api, admin = free_ports(2)
    settings = IdentitySettings.load(
        {
            "WEFT_ADDR": f"127.0.0.1:{api}",
            "WEFT_ADMIN_ADDR": f"127.0.0.1:{admin}",
            "WEFT_ISSUER_PATH": str(where.directory),
            "WEFT_TRUST_ROOTS_PATH": str(where.trust_roots),
            "WEFT_ISSUER_POLL_INTERVAL": "5ms",
        }
    )

    async def story() -> None:
        process = Process()
        async with (
            FakeKube().serving() as kube,
            kube.client() as kubernetes,
            aiohttp.ClientSession(f"http://127.0.0.1:{admin}") as session,
            client.channel(f"127.0.0.1:{api}") as channel,
        ):
            kube.tokens["t"] = Token("system:serviceaccount:emojivoto:web", (TOKEN_AUDIENCE,))
            service = asyncio.ensure_future(
                serve(process, settings, kubernetes, CollectorRegistry())
            )
            await wait_until(lambda: kube.objects(EVENTS))  # IssuerUpdateSkipped: up, no issuer

            async def ready() -> tuple[int, str]:
                async with session.get("/ready") as response:
                    return response.status, await response.text()

            def reasons() -> set[str]:
                return {event["reason"] for event in kube.objects(EVENTS)}

            assert await ready() == (503, "issuer loaded and valid\n")
            where.write()
            await wait_until(lambda: "IssuerUpdated" in reasons())
            await wait_until(lambda: process.readiness.is_ready)
            assert (await ready())[0] == 200

            stub = identity_pb2_grpc.IdentityStub(channel)  # type: ignore[no-untyped-call]
            request = identity_pb2.CertifyRequest(
                identity=WEB,
                token=b"t",
                certificate_signing_request=csr.make(keys.generate(), WEB),
            )
            answer = await stub.Certify(request, wait_for_ready=True, timeout=10)
            assert certificate.from_der(answer.intermediate_certificates[0]) == (
                ISSUER.signer.certificate
            )
            await wait_until(lambda: "IssuedLeafCertificate" in reasons())

            where.write(signing=b"garbage")
            await wait_until(lambda: _count(kube, "IssuerUpdateSkipped") == 2)
            await stub.Certify(request, timeout=10)

            where.write(signing=ANCHOR.pem, key=ANCHOR.key_pem)
            await wait_until(lambda: _count(kube, "IssuerUpdated") == 2)
            answer = await stub.Certify(request, timeout=10)
            assert certificate.from_der(answer.intermediate_certificates[0]) == (
                ANCHOR.signer.certificate
            )

            async with session.get("/metrics") as response:
                assert "identity_certificates_issued_total 3.0" in await response.text()
            process.stop()
            await service
            assert channel.get_state(try_to_connect=False) is not grpc.ChannelConnectivity.READY

    asyncio.run(asyncio.wait_for(story(), 30))


def _count(kube: FakeKube, reason: str) -> int:
    return sum(event["reason"] == reason for event in kube.objects(EVENTS))
