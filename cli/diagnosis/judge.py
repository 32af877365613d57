"""From evidence to findings: what failed, where, since when, and what to do. Pure.

A failure shows in the proxy that gave up, which may be the caller's or the called one's. So faults of
the workload's own proxies count, and of other proxies those whose other end is the workload.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain

from cli.diagnosis.evidence import IDENTITY, INBOUND, OUTBOUND, Evidence, Fault, Pod, Service
from cli.diagnosis.phases import phase_of
from cli.diagnosis.places import Places, host_of, port_of
from weft import errors

ORDINARY = frozenset({errors.CLIENT_GONE.number, errors.DRAINING.number})
"""What happens where nothing is wrong as well: said last."""
MESH = "mesh"
POD = "pod"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong."""

    side: str
    """`inbound`, `outbound`, `identity`; `pod` and `mesh` for what keeps a pod from taking part."""
    pods: tuple[str, ...]
    """The pods that show it, as `namespace/name`."""
    source: str
    """Whose request it was: `deploy/web.emojivoto`; empty when no request failed."""
    destination: str
    phase: str
    what: str
    """The sentence's end: what failed, and what was seen."""
    meaning: str
    advice: str
    number: int = 0
    """Of the error catalogue; 0 for what is none of it."""
    error: str = ""
    count: int = 0
    first: datetime | None = None
    last: datetime | None = None


def judge(evidence: Evidence, since: timedelta) -> list[Finding]:
    """What is wrong now, or went wrong within `since`; what keeps pods out of the mesh comes first."""
    return [*_standing(evidence), *_failing(evidence, since)]


# --- what keeps a pod from taking part ------------------------------------------------------


def _standing(evidence: Evidence) -> Iterator[Finding]:
    for pod in evidence.pods:
        for trouble in pod.troubles:
            yield Finding(
                POD, (str(pod),), "", "", "start", trouble,
                "The application in this pod is not there to answer.",
                f"`kubectl describe pod {pod.name} -n {pod.namespace}` and the container's log say more.",
            )  # fmt: skip
    yield from _unmeshed(evidence)
    for pod in evidence.pods:
        if pod.proxy is not None:
            yield from _of_proxy(pod, evidence)


def _unmeshed(evidence: Evidence) -> Iterator[Finding]:
    """One finding for each reason."""
    by_reason: dict[tuple[str, str], list[Pod]] = {}
    for pod in evidence.pods:
        if pod.proxy is None:
            by_reason.setdefault((pod.unmeshed_because, pod.unmeshed_advice), []).append(pod)
    for (reason, advice), pods in by_reason.items():
        yield Finding(
            MESH, tuple(map(str, pods)), "", "", "injection", f"not meshed: {reason}",
            "Without a proxy its traffic is plaintext, uncounted and subject to no policy of its own.",
            advice,
        )  # fmt: skip


def _of_proxy(pod: Pod, evidence: Evidence) -> Iterator[Finding]:
    proxy = pod.proxy
    assert proxy is not None
    name = (str(pod),)
    if proxy.problem:
        yield Finding(
            POD, name, "", "", "start", f"its proxy cannot be asked: {proxy.problem}",
            "The proxy has not started, has ended, or you may not port-forward to this pod.",
            f"`kubectl logs {pod.name} -n {pod.namespace} -c linkerd-proxy` says what it met.",
        )  # fmt: skip
        return
    kind = errors.CERTIFICATE_UNAVAILABLE
    failed = [
        fault
        for fault in proxy.faults
        if fault.side == IDENTITY
        and (proxy.certificate_refreshed is None or fault.at > proxy.certificate_refreshed)
    ]
    expires = proxy.certificate_expires
    over = expires is not None and expires <= evidence.now
    if not failed and expires is not None and not over:
        return
    state = (
        "its proxy has no certificate and lets nothing through"
        if expires is None
        else f"its proxy's certificate {'ended' if over else 'ends'} at {moment(expires)} and is not renewed"
    )
    if failed:
        state += f": {failed[0].cause.partition(': ')[2] or failed[0].cause}"
    yield Finding(
        IDENTITY, name, "", "", phase_of(kind.number),
        ". ".join([state, *evidence.identity_troubles]),
        kind.meaning, kind.advice, kind.number, kind.name, sum(fault.count for fault in failed),
        min((fault.first for fault in failed), default=None), failed[0].at if failed else None,
    )  # fmt: skip


# --- requests that failed -------------------------------------------------------------------

_Key = tuple[str, int, str, str]


def _failing(evidence: Evidence, since: timedelta) -> list[Finding]:
    places = Places(evidence)
    found: dict[_Key, list[tuple[Pod, Fault]]] = {}
    for pod, fault in chain(_own(evidence.pods), _about(evidence)):
        if fault.side in (INBOUND, OUTBOUND) and evidence.now - fault.at <= since:
            key = (fault.side, fault.number, *_ends(pod, fault, places))
            found.setdefault(key, []).append((pod, fault))
    made = [_finding(key, seen, places) for key, seen in found.items()]
    return sorted(made, key=_rank)


def _rank(one: Finding) -> tuple[bool, int, int, str, str]:
    """The most frequent first."""
    return one.number in ORDINARY, -one.count, one.number, one.source, one.destination


def _own(pods: Iterable[Pod]) -> Iterator[tuple[Pod, Fault]]:
    for pod in pods:
        for fault in pod.proxy.faults if pod.proxy is not None else ():
            yield pod, fault


def _about(evidence: Evidence) -> Iterator[tuple[Pod, Fault]]:
    """Faults of other proxies whose other end is the workload."""
    ours = {pod.ip for pod in evidence.pods}
    services = {
        ip for one in evidence.services for ip in one.ips if any(map(one.selects, evidence.pods))
    }
    for pod, fault in _own(evidence.others):
        ends = {host_of(fault.peer)}
        if fault.side == OUTBOUND:
            ends.add(host_of(fault.endpoint))
        if ends & ours or (fault.side == OUTBOUND and ends & services):
            yield pod, fault


def _ends(pod: Pod, fault: Fault, places: Places) -> tuple[str, str]:
    """Who asked, and whom."""
    here = f"{pod.workload}.{pod.namespace}"
    if fault.side == OUTBOUND:
        return here, places.named(fault.peer)
    port = port_of(fault.endpoint)
    return _client(fault.peer, places), f"{here}:{port}" if port else here


def _client(peer: str, places: Places) -> str:
    pod = places.pod(peer)
    return f"{pod.workload}.{pod.namespace}" if pod is not None else peer


def _finding(key: _Key, seen: list[tuple[Pod, Fault]], places: Places) -> Finding:
    side, number, source, destination = key
    latest_pod, latest = max(seen, key=lambda one: one[1].at)
    kind = errors.BY_NUMBER.get(number)
    pods = tuple(sorted({str(pod) for pod, _ in seen}))
    return Finding(
        side=side,
        pods=pods,
        source=source,
        destination=destination,
        phase=phase_of(number),
        what=". ".join([latest.cause, *_context(latest_pod, latest, places)]),
        meaning=kind.meaning if kind is not None else "",
        advice=kind.advice if kind is not None else "See the reference of the proxy's version.",
        number=number,
        error=latest.name,
        count=sum(fault.count for _, fault in seen),
        first=min(fault.first for _, fault in seen),
        last=latest.at,
    )  # fmt: skip


def _context(pod: Pod, fault: Fault, places: Places) -> Iterator[str]:
    """What else is known that explains it."""
    if fault.side == OUTBOUND:
        service = places.service(fault.peer)
        if service is not None:
            yield from _of_service(service, port_of(fault.peer))
    elif fault.number == errors.CONNECT_REFUSED.number and pod.ports:
        port = port_of(fault.endpoint)
        if port not in pod.ports:
            declared = ", ".join(map(str, sorted(pod.ports)))
            yield f"The pod's containers declare port {declared}, not {port}"
    elif fault.side == INBOUND and fault.number // 1000 == 4:
        client = places.pod(fault.peer)
        if client is not None and client.proxy is None:
            yield f"The client {client} is not meshed, so it has no identity to show"


def _of_service(service: Service, port: int) -> Iterator[str]:
    if port and port not in service.ports:
        declared = ", ".join(map(str, sorted(service.ports)))
        yield f"{service} has no port {port}, only {declared}"
    if not service.selector:
        yield f"{service} has no selector: its endpoints are kept by hand"
    elif not service.pods:
        yield f"{service} selects no pods"
    elif not service.ready:
        yield f"None of the {service.pods} pods of {service} is ready"


def moment(at: datetime) -> str:
    """`2026-11-28 03:35:44 UTC`."""
    return at.strftime("%Y-%m-%d %H:%M:%S UTC")
