"""The cell of endpoints."""

from proxy.discovery.endpoints import Endpoint, EndpointSet
from weft.addresses import SocketAddress

ONE, TWO = SocketAddress("10.0.0.1", 80), SocketAddress("10.0.0.2", 80)


def test_endpoints_come_change_and_go() -> None:
    endpoints = EndpointSet("web:80")
    seen: list[tuple[int, list[SocketAddress]]] = []
    endpoints.watch(lambda: seen.append((endpoints.version, list(endpoints.endpoints))))
    assert not endpoints.known
    assert repr(endpoints) == "<EndpointSet web:80: unknown, version 0>"
    endpoints.add([Endpoint(ONE)])
    endpoints.add([Endpoint(ONE, weight=5), Endpoint(TWO)])
    endpoints.remove([ONE, SocketAddress("10.0.0.9", 1)])
    endpoints.clear(exists=False)
    assert seen == [(1, [ONE]), (2, [ONE, TWO]), (3, [TWO]), (4, [])]
    assert endpoints.known
    assert not endpoints.exists


def test_the_same_picture_again_is_no_change() -> None:
    endpoints = EndpointSet("web:80")
    endpoints.replace([Endpoint(ONE)])
    endpoints.replace([Endpoint(ONE)])
    assert endpoints.version == 1
    endpoints.replace([Endpoint(TWO)])
    assert list(endpoints.endpoints) == [TWO]
    assert endpoints.version == 2


def test_an_empty_first_picture_is_an_answer() -> None:
    endpoints = EndpointSet("web:80")
    endpoints.replace([])
    assert endpoints.known
    assert endpoints.version == 1
