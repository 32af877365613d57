"""From a Service to the addresses behind it, for webhooks and the service proxy."""

from dataclasses import dataclass

from sandbox.apiserver.errors import NotFoundError, UnavailableError
from sandbox.apiserver.kinds import ENDPOINT_SLICE, SERVICE
from sandbox.apiserver.objects import Obj, labels_of, spec_of
from sandbox.apiserver.store import Store

SERVICE_NAME_LABEL = "kubernetes.io/service-name"


@dataclass(frozen=True, slots=True)
class Target:
    address: str
    port: int


def service_port(service: Obj, wanted: str) -> Obj | None:
    """The Service's port called or numbered `wanted`; its only port when `wanted` is ""."""
    ports: list[Obj] = spec_of(service).get("ports") or []
    if not wanted:
        return ports[0] if len(ports) == 1 else None
    return next((one for one in ports if wanted in (one.get("name"), str(one["port"]))), None)


def ready_targets(store: Store, namespace: str, name: str, port: str) -> list[Target]:
    """Where a Service's ready endpoints listen.

    NotFoundError without the Service, UnavailableError without the port or a ready endpoint.
    """
    service = store.find(SERVICE, namespace, name)
    if service is None:
        raise NotFoundError.of(SERVICE, name)
    chosen = service_port(service, port)
    if chosen is None:
        raise UnavailableError(f'no service port "{port}" found for service "{name}"')
    found: list[Target] = []
    for piece in store.list(ENDPOINT_SLICE, namespace):
        if labels_of(piece).get(SERVICE_NAME_LABEL) != name:
            continue
        number = _slice_port(piece, chosen)
        for endpoint in piece.get("endpoints") or []:
            ready = (endpoint.get("conditions") or {}).get("ready", True)
            if number and ready:
                found += [Target(address, number) for address in endpoint["addresses"][:1]]
    if not found:
        raise UnavailableError(f'no endpoints available for service "{name}"')
    return found


def _slice_port(piece: Obj, chosen: Obj) -> int | None:
    for port in piece.get("ports") or []:
        if (port.get("name") or "") == (chosen.get("name") or ""):
            return int(port["port"]) if port.get("port") else None
    return None
