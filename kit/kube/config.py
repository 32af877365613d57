"""Where the API server is and who we are there, read by the `kubernetes` library's own loaders."""

import ssl
from pathlib import Path
from typing import Any

import yaml
from kubernetes.aio.client import Configuration
from kubernetes.aio.config import ConfigException, load_incluster_config, load_kube_config

from kit.kube.errors import ConfigError


async def load(kubeconfig: Path | None = None, context: str | None = None) -> Any:
    """A kubernetes `Configuration`: from a file, else from the pod's service account.

    Raises ConfigError.
    """
    configuration = Configuration()
    try:
        if kubeconfig is None:
            load_incluster_config(client_configuration=configuration)  # type: ignore[no-untyped-call]
        else:
            await load_kube_config(  # type: ignore[no-untyped-call]
                config_file=str(kubeconfig),
                context=context,
                client_configuration=configuration,
                persist_config=False,
            )
    except (ConfigException, OSError, yaml.YAMLError, TypeError, KeyError) as error:
        # TypeError and KeyError: how the library meets a file that is YAML of another shape
        source = f"the kubeconfig {kubeconfig}" if kubeconfig else "the pod's service account"
        raise ConfigError(f"cannot reach Kubernetes by {source}: {error}") from error
    return configuration


def plain(url: str) -> Any:
    """A configuration without credentials, for a fake API server on loopback."""
    return Configuration(host=url)


def tls_context(configuration: Any) -> ssl.SSLContext | bool:
    """How to verify the API server and, with a client certificate, who we are. Raises ConfigError."""
    if not configuration.host.startswith("https"):
        return True
    try:
        context = ssl.create_default_context(
            cafile=configuration.ssl_ca_cert, cadata=configuration.ca_cert_data
        )
        if configuration.cert_file:
            context.load_cert_chain(configuration.cert_file, configuration.key_file)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(
            f"the certificates for {configuration.host} are unusable: {error}"
        ) from error
    if not configuration.verify_ssl:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
