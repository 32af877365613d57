"""The whole path from objects to a client's picture, under random changes.

The invariant: whatever happens in whatever order, and whenever a client reads, once the cluster is
still and the client has read all, its picture is what a fresh look would give.
"""

import asyncio
from collections.abc import Mapping

from hypothesis import given, settings
from hypothesis import strategies as st

from destination.diff import diff
from destination.fanout import Fanout, Subscription
from destination.index import Reader
from destination.model import Endpoint
from destination.resolve import EndpointSet, Rules, endpoints
from destination.tests.cluster import Cluster, custom, endpoint, endpoint_slice, pod, service
from kit.kube.objects import Object
from weft.addresses import SocketAddress
from weft.authority import ServiceAuthority

AUTHORITY = ServiceAuthority("web", "ns", 80)
RULES = Rules()

_PODS = st.integers(1, 4)


@st.composite
def _objects(draw: st.DrawFn) -> Object:
    number = draw(_PODS)
    match draw(st.sampled_from(["pod", "slice", "service", "server"])):
        case "pod":
            return pod(f"web-{number}", f"10.244.0.{number}", meshed=draw(st.booleans()))
        case "slice":
            chosen = draw(st.lists(_PODS, unique=True))
            made = [endpoint(f"10.244.0.{one}", f"web-{one}") for one in chosen]
            return endpoint_slice(*made, name=f"slice-{draw(st.integers(0, 1))}")
        case "service":
            return service(ports={draw(st.sampled_from(["http", "other"])): 80})
    protocol = draw(st.sampled_from(["unknown", "opaque"]))
    return custom("Server", "s", {"podSelector": {}, "port": 8080, "proxyProtocol": protocol})


_STEPS = st.lists(st.tuples(_objects(), st.booleans(), st.booleans()), max_size=25)


@given(_STEPS)
@settings(deadline=None, max_examples=60)
def test_every_client_converges(steps: list[tuple[Object, bool, bool]]) -> None:
    async def script() -> None:
        cluster = Cluster(service())
        fanout = Fanout(cluster.index)
        worker = asyncio.ensure_future(fanout.run())
        with fanout.subscribe("web", _compute) as subscription:
            known = await _read(subscription, {})
            for obj, remove, reads in steps:
                fanout.touched(cluster.gone(obj) if remove else cluster.put(obj))
                if reads:
                    known = await _read(subscription, known)
            known = await _read(subscription, known)
            assert known == _compute(Reader(cluster.index)).endpoints
        worker.cancel()

    asyncio.run(script())


def _compute(reader: Reader) -> EndpointSet:
    return endpoints(reader, AUTHORITY, RULES)


async def _read(
    subscription: Subscription[EndpointSet], known: Mapping[SocketAddress, Endpoint]
) -> Mapping[SocketAddress, Endpoint]:
    """Lets the fan-out work, then takes what there is, by differences."""
    for _ in range(3):
        await asyncio.sleep(0)
    if subscription.version == subscription.view.version:
        return known
    change = diff(known, (await anext(subscription)).endpoints)
    kept = {at: one for at, one in known.items() if at not in change.remove}
    return kept | {one.address: one for one in change.add}
