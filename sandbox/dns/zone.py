"""A question and the records -> the answer, by the Kubernetes DNS specification.

    web.default.svc.cluster.local            A: the cluster IP, or every ready endpoint if headless
    web-0.web.default.svc.cluster.local      A: the endpoint of that hostname (or dashed address)
    _http._tcp.web.default.svc.cluster.local SRV
    10-244-0-5.default.pod.cluster.local     A: that address
    5.0.244.10.in-addr.arpa                  PTR

A name that exists, or below which one exists, without a record of the asked type is NODATA (no
error, a SOA); any other is NXDOMAIN. A headless Service with no ready endpoint is NXDOMAIN.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address

from sandbox.dns.records import Port, Records, Service
from sandbox.dns.wire import Answer, Data, Name, Question, Rcode, Record, Soa, Srv, Type
from sandbox.dns.wire import name_of as name_from_text

TTL = 5
VERSION = "1.1.0"
_REVERSE: Name = ("in-addr", "arpa")


@dataclass(frozen=True, slots=True)
class Found:
    """What there is at one name, before a type is chosen."""

    records: tuple[Record, ...] = ()
    additional: tuple[Record, ...] = ()


class Zone:
    """The cluster's domain over one state of the records."""

    def __init__(self, domain: str, records: Records) -> None:
        self._apex = name_from_text(domain.lower())
        self._records = records

    def __repr__(self) -> str:
        return f"<Zone {'.'.join(self._apex)}: {len(self._records.services)} services>"

    def owns(self, name: Name) -> bool:
        """Whether the answer to this name is ours to give."""
        lowered = _lower(name)
        if lowered[-2:] == _REVERSE:
            return _reversed(lowered) in self._records.reverse
        return lowered[-len(self._apex) :] == self._apex

    def answer(self, question: Question) -> Answer:
        """For a name this zone owns. A CNAME's target outside the zone is the caller's to follow."""
        lowered = _lower(question.name)
        if lowered[-2:] == _REVERSE:
            found = self._reverse(question.name, lowered)
        else:
            found = self._find(question.name, lowered[: -len(self._apex)])
        if found is None:
            return Answer(Rcode.NXDOMAIN, authority=(self._soa(),))
        chosen = tuple(r for r in found.records if _wanted(r.type, question.type))
        if not chosen:
            return Answer(authority=(self._soa(),))
        additional = found.additional if question.type in (Type.SRV, Type.ANY) else ()
        return Answer(answers=chosen, additional=additional)

    def _soa(self) -> Record:
        primary, mailbox = ("ns", "dns", *self._apex), ("hostmaster", *self._apex)
        # A fixed serial: nobody transfers this zone, and answers may be compared by bytes.
        return Record(self._apex, Type.SOA, TTL, Soa(primary, mailbox, 1, 7200, 1800, 86400, TTL))

    # --- names --------------------------------------------------------------

    def _find(self, asked: Name, relative: Name) -> Found | None:
        match relative:
            case ():
                ns = Record(asked, Type.NS, TTL, ("ns", "dns", *self._apex))
                soa = self._soa()
                return Found((Record(asked, Type.SOA, TTL, soa.data), ns))
            case ("dns-version",):
                return Found((Record(asked, Type.TXT, TTL, VERSION),))
            case ("svc",) | ("pod",) | ("dns",):
                return Found()
            case ("ns", "dns"):
                return Found()
            case (namespace, "svc" | "pod"):
                return Found() if namespace in self._records.namespaces else None
            case (dashed, namespace, "pod"):
                return self._pod(asked, dashed, namespace)
            case (*inner, name, namespace, "svc"):
                service = self._records.services.get((namespace, name))
                if service is None:
                    return None
                here = (name, namespace, "svc", *self._apex)
                return _in_service(asked, here, tuple(inner), service)
        return None

    def _pod(self, asked: Name, dashed: str, namespace: str) -> Found | None:
        if namespace not in self._records.namespaces:
            return None
        try:
            address = IPv4Address(dashed.replace("-", "."))
        except AddressValueError:
            return None
        return Found((Record(asked, Type.A, TTL, address),))

    def _reverse(self, asked: Name, lowered: Name) -> Found | None:
        address = _reversed(lowered)
        known = self._records.reverse.get(address) if address else None
        if known is None:
            return None
        return Found((Record(asked, Type.PTR, TTL, (*known, "svc", *self._apex)),))


def _in_service(asked: Name, here: Name, inner: Name, service: Service) -> Found | None:
    """At a Service's own name, or below it."""
    if service.external_name:
        target = name_from_text(service.external_name)
        return Found((Record(asked, Type.CNAME, TTL, target),)) if not inner else None
    if service.headless and not service.endpoints:
        return None
    match inner:
        case ():
            return _at_service(asked, here, service)
        case (protocol,) if protocol in ("_tcp", "_udp"):
            return Found() if any(f"_{p.protocol}" == protocol for p in service.ports) else None
        case (port, protocol) if port[:1] == "_" and protocol in ("_tcp", "_udp"):
            return _srv(asked, here, service, port[1:], protocol[1:])
        case (hostname,):
            hosts = [e for e in service.endpoints if e.hostname == hostname]
            found = tuple(Record(asked, Type.A, TTL, e.address) for e in hosts)
            return Found(found) if found else None
    return None


def _at_service(asked: Name, here: Name, service: Service) -> Found:
    """A records, and SRV for every port: a client that knows no port's name may ask for all."""
    addresses: Sequence[IPv4Address] = service.addresses or [e.address for e in service.endpoints]
    found = [Record(asked, Type.A, TTL, address) for address in addresses]
    srv, additional = _targets(asked, here, service, lambda port: True)
    return Found((*found, *srv), additional)


def _srv(asked: Name, here: Name, service: Service, port: str, protocol: str) -> Found | None:
    def chosen(one: Port) -> bool:
        return one.name == port and one.protocol == protocol

    found, additional = _targets(asked, here, service, chosen)
    return Found(found, additional) if found else None


def _targets(
    asked: Name, here: Name, service: Service, chosen: Callable[[Port], bool]
) -> tuple[tuple[Record, ...], tuple[Record, ...]]:
    """SRV records for the chosen ports, and the addresses of their targets."""
    if service.headless:
        hosts: list[tuple[Name, IPv4Address, tuple[Port, ...]]] = [
            ((e.hostname, *here), e.address, e.ports) for e in service.endpoints
        ]
    else:
        hosts = [(here, address, service.ports) for address in service.addresses]
    found: list[Record] = []
    additional: list[Record] = []
    for target, address, ports in hosts:
        wanted = [port for port in ports if chosen(port)]
        weight = max(1, 100 // (len(hosts) or 1))
        data: list[Data] = [Srv(0, weight, port.number, target) for port in wanted]
        found += [Record(asked, Type.SRV, TTL, each) for each in data]
        if wanted:
            additional.append(Record(target, Type.A, TTL, address))
    return tuple(found), tuple(additional)


def _wanted(have: Type, asked: int) -> bool:
    return have == asked or asked == Type.ANY or (have == Type.CNAME and asked != Type.SOA)


def _lower(name: Name) -> Name:
    return tuple(label.lower() for label in name)


def _reversed(name: Name) -> IPv4Address | None:
    """The address of ``d.c.b.a.in-addr.arpa``."""
    try:
        return IPv4Address(".".join(reversed(name[:-2])))
    except AddressValueError:
        return None
