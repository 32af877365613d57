"""Authorities: the `host[:port]` by which a request or a look-up names its target."""

from __future__ import annotations

from dataclasses import dataclass

from weft.addresses import AddressError, split_host_port
from weft.names import CLUSTER_DOMAIN, is_dns_label, is_dns_name

DEFAULT_PORT = 80


class AuthorityError(ValueError):
    """An authority that names no service; the message says which and why."""


@dataclass(frozen=True, slots=True)
class ServiceAuthority:
    """A port of a Service, or of one pod of it (`hostname` set: a StatefulSet's stable name)."""

    name: str
    namespace: str
    port: int
    hostname: str = ""


def canonical_host(host: str) -> str:
    """The one form in which hosts are compared: lower case, no trailing dot."""
    return host.lower().removesuffix(".")


def parse_service(text: str, *, cluster_domain: str = CLUSTER_DOMAIN) -> ServiceAuthority:
    """`[hostname.]service.namespace.svc.<cluster domain>[:port]`; the port defaults to 80.

    Raises AuthorityError.
    """
    try:
        host, port = split_host_port(text)
    except AddressError as error:
        raise AuthorityError(str(error)) from None
    suffix = f".svc.{cluster_domain}"
    name = canonical_host(host)
    labels = name.removesuffix(suffix).split(".")
    if not name.endswith(suffix) or len(labels) not in (2, 3) or not all(map(is_dns_label, labels)):
        raise AuthorityError(
            f"{text!r} names no service: the form is SERVICE.NAMESPACE{suffix}[:PORT]"
        )
    service, namespace = labels[-2:]
    hostname = labels[0] if len(labels) == 3 else ""
    return ServiceAuthority(service, namespace, DEFAULT_PORT if port is None else port, hostname)


def service_name(name: str, namespace: str, *, cluster_domain: str = CLUSTER_DOMAIN) -> str:
    """The fully qualified name of a Service, without a port."""
    return f"{name}.{namespace}.svc.{cluster_domain}"


def is_host(text: str) -> bool:
    """A DNS name, with or without a trailing dot."""
    return is_dns_name(canonical_host(text))
