"""A webhook on this host: HTTPS with a certificate of its own, what it was asked, what it answers."""

from __future__ import annotations

import json
import ssl
import tempfile
import threading
import time
from base64 import b64encode
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Json = dict[str, Any]
Answer = "Callable[[Json], Json]"


@dataclass
class Hooks:
    """`asked` are the reviews in the order in which they came, by the path they came to."""

    url: str
    bundle: str
    """The certificate that clients must trust, as a webhook configuration wants it."""
    answers: dict[str, Callable[[Json], Any]] = field(default_factory=dict)
    """What each path answers to a review's `request`: a response without its uid, or anything else."""
    asked: list[tuple[str, Json]] = field(default_factory=list)
    delay: float = 0.0

    def client_config(self, path: str) -> Json:
        return {"url": f"{self.url}/{path}", "caBundle": self.bundle}


@contextmanager
def serving() -> Iterator[Hooks]:
    """On a free port of loopback."""
    certificate, key = _certificate()
    server = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    hooks = Hooks(
        f"https://127.0.0.1:{server.server_port}",
        b64encode(certificate).decode(),
    )
    server.RequestHandlerClass = _handler(hooks)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.NamedTemporaryFile() as file:
        file.write(certificate + key)
        file.flush()
        context.load_cert_chain(file.name)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield hooks
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _handler(hooks: Hooks) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            request, path = review["request"], self.path.lstrip("/").split("?")[0]
            hooks.asked.append((path, request))
            time.sleep(hooks.delay)
            answer = hooks.answers[path](request)
            if isinstance(answer, dict):
                answer = {
                    "apiVersion": review["apiVersion"],
                    "kind": review["kind"],
                    "response": {"uid": request["uid"], **answer},
                }
            body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Nothing: what was asked is kept."""

    return Handler


def _certificate() -> tuple[bytes, bytes]:
    """A self-signed certificate of 127.0.0.1 and its key, PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "webhook")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    return certificate.public_bytes(Encoding.PEM), key.private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
