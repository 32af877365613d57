"""Who has an address: pods and Services by what proxies write in their faults. Pure."""

from cli.diagnosis.evidence import Evidence, Pod, Service
from weft.addresses import AddressError, split_host_port


class Places:
    """The addresses of one piece of evidence."""

    def __init__(self, evidence: Evidence) -> None:
        self._pods = {pod.ip: pod for pod in (*evidence.others, *evidence.pods) if pod.ip}
        self._services = {ip: one for one in evidence.services for ip in one.ips}

    def pod(self, text: str) -> Pod | None:
        """The pod at `ip`, `ip:port` or `ip (identity)`."""
        return self._pods.get(host_of(text))

    def service(self, text: str) -> Service | None:
        return self._services.get(host_of(text))

    def named(self, text: str) -> str:
        """`deploy/web`, `svc/web-svc.emojivoto:80`, or the text itself."""
        port = port_of(text)
        if service := self.service(text):
            return f"{service}:{port}" if port else str(service)
        if pod := self.pod(text):
            where = f"{pod.workload}.{pod.namespace}"
            return f"{where}:{port}" if port else where
        return text


def host_of(text: str) -> str:
    """Without port, brackets and identity."""
    first = text.partition(" ")[0]
    if first.count(":") > 1 and not first.startswith("["):
        return first
    try:
        return split_host_port(first)[0]
    except AddressError:
        return first


def port_of(text: str) -> int:
    """0 when there is none."""
    first = text.partition(" ")[0]
    if first.count(":") > 1 and not first.startswith("["):
        return 0
    try:
        return split_host_port(first)[1] or 0
    except AddressError:
        return 0
