"""Plain REST to the Kubernetes API, synchronous: one command, a handful of requests.

The `kubernetes` library reads kubeconfigs with credential plugins or tokens to refresh, which are its
business; plain ones are read without it, and requests go over urllib3 directly, because importing it and
its typed client costs more than a command may take.
"""

import json
import os
import ssl
import tempfile
from collections.abc import Mapping
from functools import cached_property
from typing import Any, Protocol
from urllib.parse import quote, urlencode

import urllib3

from cli.cluster.errors import ClusterError, NoCluster, NoContext, Unreachable, from_answer
from cli.cluster.kubeconfig import context_names, files_of, path_of, read_plain
from cli.options import Globals
from cli.proxies import check_proxy, http_proxy_of, pool_through

Json = dict[str, Any]
TIMEOUT = urllib3.Timeout(connect=5.0, read=30.0)


class Cluster(Protocol):
    """What commands need of a cluster; tests answer with a dictionary."""

    def get(self, path: str, **query: str) -> Json:
        """One object or list. Raises ClusterError."""

    def post(self, path: str, body: Json) -> Json:
        """Creates, or asks a review. Raises ClusterError."""


class RestCluster:
    """A cluster behind an API server."""

    def __init__(self, configuration: Any, impersonate: Mapping[str, Any] | None = None) -> None:
        self.server = str(configuration.host).rstrip("/")
        self._configuration = configuration
        self._impersonate = dict(impersonate or {})
        self.tls = _tls(configuration)
        """What verifies the server; None over plain HTTP."""
        self.proxy = _proxy(configuration)
        """The URL of the HTTP proxy that leads to the server; None: it is reached directly."""
        self._pool = self.new_pool()

    @cached_property
    def tls_for_two_threads(self) -> ssl.SSLContext | None:
        """For a connection that one thread reads while another writes, which OpenSSL bears only while there is
        nothing but data: TLS 1.3 sends tickets when its handshake is over, TLS 1.2 within it."""
        context = _tls(self._configuration)
        if context is not None:
            context.maximum_version = ssl.TLSVersion.TLSv1_2
        return context

    def new_pool(self, size: int = 1) -> urllib3.PoolManager:
        """Connections of their own, for who reads streams; `size` are kept when idle."""
        return pool_through(
            self.proxy,
            maxsize=size,
            ssl_context=self.tls,
            retries=False,
            timeout=TIMEOUT,
            server_hostname=self._configuration.tls_server_name,
        )

    def get(self, path: str, **query: str) -> Json:
        """One object or list. Raises ClusterError."""
        return self._request("GET", path + (f"?{urlencode(query)}" if query else ""), None)

    def post(self, path: str, body: Json) -> Json:
        """Creates, or asks a review. Raises ClusterError."""
        return self._request("POST", path, body)

    def headers(self) -> urllib3.HTTPHeaderDict:
        """Who we are, and whom to impersonate; a token is asked for anew, because it may be renewed."""
        found = urllib3.HTTPHeaderDict({"Accept": "application/json", "User-Agent": "mesh"})
        for setting in self._configuration.auth_settings().values():
            if setting["in"] == "header" and setting["value"]:
                found[setting["key"]] = setting["value"]
        if user := self._impersonate.get("user"):
            found["Impersonate-User"] = user
        for group in self._impersonate.get("groups", ()):
            found.add("Impersonate-Group", group)
        return found

    def _request(self, method: str, path: str, body: Json | None) -> Json:
        headers = self.headers()
        data = None
        if body is not None:
            headers["Content-Type"] = "application/json"
            data = json.dumps(body).encode()
        try:
            answer = self._pool.request(method, self.server + path, body=data, headers=headers)
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise Unreachable(self.server, _why(error)) from None
        return _read(answer.status, answer.data)


def connect(chosen: Globals) -> RestCluster:
    """The cluster the global flags and the environment name. Raises ClusterError.

    Inside a pod without a kubeconfig, the pod's service account is used.
    """
    impersonate = {"user": chosen.impersonate, "groups": chosen.impersonate_groups}
    path, files = path_of(chosen), files_of(chosen)
    if plain := read_plain(chosen):
        try:
            return RestCluster(plain, impersonate)
        except (OSError, ValueError) as error:
            raise NoCluster(f"cannot use the kubeconfig {path}: {error}") from None

    from kubernetes.client import Configuration
    from kubernetes.config import ConfigException, load_incluster_config, load_kube_config

    # Without proxies of the environment, which the library reads otherwise than kubectl.
    configuration = Configuration(proxy="", no_proxy="")
    try:
        if any(file.is_file() for file in files):
            load_kube_config(  # type: ignore[no-untyped-call]
                config_file=os.pathsep.join(map(str, files)),
                context=chosen.context,
                client_configuration=configuration,
                persist_config=False,
            )
        elif chosen.kubeconfig is None and "KUBERNETES_SERVICE_HOST" in os.environ:
            load_incluster_config(client_configuration=configuration)  # type: ignore[no-untyped-call]
        else:
            if folder := next((file for file in files if file.is_dir()), None):
                raise NoCluster(f"{folder} is a directory: a kubeconfig is a file")
            raise NoCluster(f"no kubeconfig at {path}")
        return RestCluster(configuration, impersonate)
    except ClusterError:
        raise
    except UnicodeDecodeError:
        raise NoCluster(f"the kubeconfig {path} is not UTF-8 text") from None
    except (ConfigException, OSError, ValueError) as error:
        known = context_names(chosen)
        if chosen.context and known and chosen.context not in known:
            raise NoContext(chosen.context, path, known) from None
        raise NoCluster(f"cannot use the kubeconfig {path}: {error}") from None
    except (TypeError, KeyError, AttributeError):  # how the library meets YAML of another shape
        raise NoCluster(
            f"cannot use the kubeconfig {path}: it must be YAML with clusters, contexts and users"
        ) from None
    except Exception as error:
        if type(error).__module__.startswith("yaml"):
            raise NoCluster(f"the kubeconfig {path} is not YAML: {error}") from None
        raise


def segment(text: str) -> str:
    """A name as one segment of a path."""
    return quote(text, safe="")


def _tls(configuration: Any) -> ssl.SSLContext | None:
    if not str(configuration.host).startswith("https"):
        return None
    context = ssl.create_default_context(
        cafile=configuration.ssl_ca_cert, cadata=getattr(configuration, "ca_cert_data", None)
    )
    if configuration.cert_file:
        context.load_cert_chain(configuration.cert_file, configuration.key_file)
    elif client_pem := getattr(configuration, "client_pem", b""):
        with tempfile.NamedTemporaryFile() as file:  # the library of TLS reads files only
            file.write(client_pem)
            file.flush()
            context.load_cert_chain(file.name)
    if not configuration.verify_ssl:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _proxy(configuration: Any) -> str | None:
    """The one of the kubeconfig, or that of the environment. Raises ValueError when it cannot be used."""
    if chosen := getattr(configuration, "proxy", None):
        return check_proxy(str(chosen), "proxy-url")
    return http_proxy_of(str(configuration.host))


def _why(error: BaseException) -> str:
    reason = getattr(error, "reason", None) or error
    late = (urllib3.exceptions.ConnectTimeoutError, urllib3.exceptions.ReadTimeoutError)
    # "refused" is a NewConnectionError, which urllib3 derives from its time-outs
    if isinstance(reason, late) and not isinstance(reason, urllib3.exceptions.NewConnectionError):
        return "no answer in time"
    text = str(reason)
    return text.rpartition("] ")[2] if "[Errno" in text else text


def _read(status: int, data: bytes) -> Json:
    try:
        body = json.loads(data) if data else {}
    except ValueError:
        body = None
    if status >= 400:
        said = (
            (body.get("message") or body.get("error"))
            if isinstance(body, dict)
            else data[:200].decode("utf-8", "replace")
        )
        raise from_answer(
            status, f"the Kubernetes API answered {status}: {said or 'no reason given'}"
        )
    if not isinstance(body, dict):
        raise from_answer(status, "the Kubernetes API's answer is not a JSON object")
    return body
