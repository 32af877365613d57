"""How the proxy-injector is configured."""

from pathlib import Path

from pydantic import Field

from kit.settings import ListenAddress, Seconds, Settings
from proxy_injector.unmeshed.plan import Choice
from weft import ports
from weft.addresses import SocketAddress


class InjectorSettings(Settings):
    """Environment variables `WEFT_<FIELD>`."""

    addr: ListenAddress = SocketAddress("0.0.0.0", ports.INJECTOR)  # noqa: S104 (the pod's address)
    tls_path: Path = Path("/var/run/linkerd/tls")
    """A mounted Secret with tls.crt and tls.key."""
    config_path: Path = Path("/var/run/linkerd/config/values")
    """The values of the installation, mounted from ConfigMap weft-config."""
    poll_interval: Seconds = Field(5.0, gt=0)
    """How soon a changed certificate or changed values are noticed after the kubelet has written them."""
    lookup_timeout: Seconds = Field(8.0, gt=0)
    """How long an answer waits for the API server; below the webhook's own time-out, so that the
    API server hears why."""
    unmeshed_pods: Choice = "report"
    """What becomes of pods that ask for a proxy and run without one: `report`, `restart` or `ignore`."""
