"""Asking identity for a certificate, as a proxy does, through the port of its pod."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import grpc

from tests.mesh import pods
from weft import labels, ports
from weft.names import CONTROL_PLANE_NAMESPACE, TOKEN_AUDIENCE
from weftapi.proxy import identity_pb2

if TYPE_CHECKING:
    from tests.mesh.cluster import Cluster

IDENTITY = f"{labels.CONTROL_PLANE_COMPONENT_LABEL}=identity"
METHOD = "/io.linkerd.proxy.identity.Identity/Certify"


@dataclass(frozen=True, slots=True)
class Verdict:
    """How identity answered; `names` are the leaf's when it signed one."""

    code: str
    details: str
    leaf: bytes = b""


def certify(cluster: Cluster, identity: str, token: bytes, request: bytes) -> Verdict:
    """One call, by an unmeshed client."""
    pod = pods.only(cluster, CONTROL_PLANE_NAMESPACE, IDENTITY)
    with grpc.insecure_channel(f"{pod.ip}:{ports.IDENTITY}") as channel:
        call = channel.unary_unary(
            METHOD,
            request_serializer=identity_pb2.CertifyRequest.SerializeToString,
            response_deserializer=identity_pb2.CertifyResponse.FromString,
        )
        message = identity_pb2.CertifyRequest(
            identity=identity, token=token, certificate_signing_request=request
        )
        try:
            answer = call(message, timeout=10)
        except grpc.RpcError as error:
            failed = cast(grpc.Call, error)
            return Verdict(failed.code().name, failed.details() or "")
    return Verdict("OK", "", answer.leaf_certificate)


def make_token(cluster: Cluster, namespace: str, account: str, *, audience: str = "") -> bytes:
    """A token of a service account for identity, or for another audience."""
    return (
        cluster.kubectl(
            "create", "token", account, "-n", namespace, f"--audience={audience or TOKEN_AUDIENCE}"
        )
        .strip()
        .encode()
    )
