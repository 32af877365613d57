"""Service account tokens: JWTs (RFC 7519) signed with ES256, bound to account and pod.

The claims are the real ones, so that TokenReview, webhooks and clients that look inside see what
they know: `kubernetes.io` with namespace, service account and pod, each with its uid.
"""

import base64
import binascii
import hashlib
import json
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)

from sandbox.apiserver.identity import User, service_account
from sandbox.apiserver.kinds import POD, SERVICE_ACCOUNT
from sandbox.apiserver.objects import Obj, is_deleting, name_of, namespace_of, uid_of
from sandbox.apiserver.store import Store

ISSUER = "https://kubernetes.default.svc.cluster.local"
DEFAULT_AUDIENCE = ISSUER
DEFAULT_SECONDS = 3600
LEAST_SECONDS = 600
COORDINATE_BYTES = 32
POD_NAME_KEY = "authentication.kubernetes.io/pod-name"
POD_UID_KEY = "authentication.kubernetes.io/pod-uid"
CREDENTIAL_KEY = "authentication.kubernetes.io/credential-id"


class InvalidTokenError(Exception):
    """Why a token proves nothing; the text is what TokenReview's `status.error` says."""


@dataclass(frozen=True, slots=True)
class Proven:
    """What a valid token proves."""

    user: User
    audiences: tuple[str, ...]
    """Those of the token that were asked for."""


class Tokens:
    """Signs and checks. `store` answers whether account and pod still are who they were."""

    def __init__(
        self,
        store: Store,
        key: ec.EllipticCurvePrivateKey | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._store = store
        self._key = key or ec.generate_private_key(ec.SECP256R1())
        self._clock = clock
        public = self._key.public_key().public_bytes(
            Encoding.DER, PublicFormat.SubjectPublicKeyInfo
        )
        self._key_id = _encode(hashlib.sha256(public).digest())

    @classmethod
    def from_pem(cls, store: Store, pem: bytes) -> "Tokens":
        key = load_pem_private_key(pem, None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise TypeError("the token key is not an elliptic-curve key")
        return cls(store, key)

    def issue(
        self,
        account: Obj,
        *,
        audiences: Sequence[str] = (),
        seconds: int = DEFAULT_SECONDS,
        pod: Obj | None = None,
    ) -> tuple[str, datetime]:
        """A token for a ServiceAccount object, and when it expires.

        With `pod` it is good only while that very pod exists. The node agent uses this for projected
        volumes.
        """
        issued = int(self._clock().timestamp())
        namespace, name = namespace_of(account), name_of(account)
        about: Obj = {
            "namespace": namespace,
            "serviceaccount": {"name": name, "uid": uid_of(account)},
        }
        if pod is not None:
            about["pod"] = {"name": name_of(pod), "uid": uid_of(pod)}
            node = pod.get("spec", {}).get("nodeName")
            if node:
                about["node"] = {"name": node}
        claims = {
            "aud": list(audiences) or [DEFAULT_AUDIENCE],
            "exp": issued + seconds,
            "iat": issued,
            "iss": ISSUER,
            "jti": str(uuid.uuid4()),
            "kubernetes.io": about,
            "nbf": issued,
            "sub": f"system:serviceaccount:{namespace}:{name}",
        }
        return self._sign(claims), datetime.fromtimestamp(issued + seconds, UTC)

    def check(self, token: str, audiences: Sequence[str] = ()) -> Proven:
        """What `token` proves to one of `audiences` (the API server's own when empty).

        InvalidTokenError for everything else: signature, time, audience, account or pod gone.
        """
        claims = self._verified(token)
        now = self._clock().timestamp()
        if claims.get("iss") != ISSUER:
            raise InvalidTokenError("invalid bearer token")
        if not claims.get("nbf", 0) <= now + 1:
            raise InvalidTokenError("token is not valid yet")
        if now >= claims.get("exp", 0):
            raise InvalidTokenError("service account token has expired")
        wanted = tuple(audiences) or (DEFAULT_AUDIENCE,)
        shared = tuple(one for one in wanted if one in claims.get("aud", []))
        if not shared:
            raise InvalidTokenError(
                f"token audiences {claims.get('aud')} is invalid for the target audiences"
                f" {list(wanted)}"
            )
        return Proven(self._subject(claims), shared)

    def keys(self) -> Obj:
        """The JSON Web Key Set at `/openid/v1/jwks`."""
        point = self._key.public_key().public_numbers()
        return {
            "keys": [
                {
                    "use": "sig",
                    "kty": "EC",
                    "kid": self._key_id,
                    "crv": "P-256",
                    "alg": "ES256",
                    "x": _encode(point.x.to_bytes(COORDINATE_BYTES, "big")),
                    "y": _encode(point.y.to_bytes(COORDINATE_BYTES, "big")),
                }
            ]
        }

    def _sign(self, claims: Obj) -> str:
        header = {"alg": "ES256", "kid": self._key_id}
        signed = f"{_encode(_json(header))}.{_encode(_json(claims))}"
        r, s = decode_dss_signature(self._key.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
        signature = r.to_bytes(COORDINATE_BYTES, "big") + s.to_bytes(COORDINATE_BYTES, "big")
        return f"{signed}.{_encode(signature)}"

    def _verified(self, token: str) -> dict[str, Any]:
        try:
            header, payload, signature = token.split(".")
            raw = _decode(signature)
            claims = json.loads(_decode(payload))
            algorithm = json.loads(_decode(header)).get("alg")
        except (ValueError, binascii.Error, AttributeError) as error:
            raise InvalidTokenError("invalid bearer token") from error
        if algorithm != "ES256" or len(raw) != 2 * COORDINATE_BYTES or not isinstance(claims, dict):
            raise InvalidTokenError("invalid bearer token")
        r = int.from_bytes(raw[:COORDINATE_BYTES], "big")
        s = int.from_bytes(raw[COORDINATE_BYTES:], "big")
        try:
            self._key.public_key().verify(
                encode_dss_signature(r, s),
                f"{header}.{payload}".encode(),
                ec.ECDSA(hashes.SHA256()),
            )
        except InvalidSignature as error:
            raise InvalidTokenError("invalid bearer token") from error
        return claims

    def _subject(self, claims: Obj) -> User:
        about = claims["kubernetes.io"]
        namespace, account = about["namespace"], about["serviceaccount"]
        found = self._store.find(SERVICE_ACCOUNT, namespace, account["name"])
        if found is None or uid_of(found) != account["uid"] or is_deleting(found):
            raise InvalidTokenError("service account token has been invalidated")
        user = service_account(namespace, account["name"], account["uid"])
        extra = {CREDENTIAL_KEY: [f"JTI={claims['jti']}"]}
        pod = about.get("pod")
        if pod is not None:
            running = self._store.find(POD, namespace, pod["name"])
            if running is None or uid_of(running) != pod["uid"]:
                raise InvalidTokenError("service account token has been invalidated")
            extra |= {POD_NAME_KEY: [pod["name"]], POD_UID_KEY: [pod["uid"]]}
        return User(user.name, user.groups, user.uid, extra)


def _json(value: Obj) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
