"""What a neighbour on the network can see and do: captured bytes, names, and who gets in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from deploy.demo.steps import NAMESPACE
from tests.mesh import network, pods, talk, trust, workloads
from tests.mesh.capture import Flow, Stream, capture
from tests.mesh.load import pod as load
from tests.mesh.tls_records import (
    Content,
    chooses_tls13,
    offers_tls13,
    server_name,
    split_records,
)
from weft import labels, ports
from weft.names import CONTROL_PLANE_NAMESPACE, TrustDomain

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.mesh.cluster import Cluster
    from tests.mesh.pods import Pod
    from tests.mesh.story import Story

WORDS = (b"emojivoto", b"VoteDoughnut", b"VoteJoy", b"shortcode", b"doughnut", b"HTTP/")
"""What the application says, and what says that it speaks HTTP."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What passed two interfaces of one pod while new clients came to it."""

    network: list[Stream]
    loopback: list[Stream]
    meshed: dict[str, Pod]
    """Every meshed pod of the cluster, by address."""
    dropped: int


@pytest.fixture(scope="module")
def seen(demo: Story, reachable: Cluster) -> Seen:
    """Web's traffic, with a client that is new: its connections are seen from their first byte."""
    web = pods.only(reachable, NAMESPACE, "app=web-svc")
    namespace = network.find(web.ip)
    with capture(namespace, "eth0") as outside, capture(namespace, "lo") as inside:
        with load.running(reachable, "web=20,voting=5,emoji=5") as running:
            span = running.since(running.read())
            meshed = pods.running(reachable, pods.ALL, pods.MESHED)
        assert span.failed == 0, span.failures
    return Seen(
        outside.streams(),
        inside.streams(),
        {one.ip: one for one in meshed},
        outside.dropped + inside.dropped,
    )


def test_between_meshed_pods_nothing_of_the_application_can_be_read(seen: Seen) -> None:
    between = [one for one in seen.network if _is_between(one.flow, seen.meshed)]
    total = sum(len(one.data) for one in between)
    assert seen.dropped == 0
    assert total > 10_000
    found = [(str(one.flow), word) for one in between for word in WORDS if word in _body(one)]
    print(f"{total} bytes in {len(between)} streams between meshed pods, none of them plaintext")
    assert found == []


def test_the_same_words_are_there_where_the_application_meets_its_proxy(seen: Seen) -> None:
    """Otherwise their absence on the network would say nothing."""
    data = b"".join(one.data for one in seen.loopback)
    assert b"shortcode" in data
    assert b"HTTP/1.1 200 OK" in data


def test_new_connections_are_tls13_from_the_first_byte_to_the_last(seen: Seen) -> None:
    streams = {
        one.flow: one
        for one in seen.network
        if one.whole and one.data and _is_between(one.flow, seen.meshed)
    }
    connections = [
        (client, streams[back])
        for client in streams.values()
        if client.flow.target[1] < 32768
        and (back := Flow(client.flow.target, client.flow.source)) in streams
    ]
    for client, server in connections:
        offered, chosen = split_records(client.data), split_records(server.data)
        assert offers_tls13(offered[0])
        assert chooses_tls13(chosen[0])
        assert server_name(offered[0]) == seen.meshed[client.flow.target[0]].identity
        after_hellos = {one.content for one in offered[1:] + chosen[1:]}
        assert after_hellos <= {Content.CHANGE_CIPHER_SPEC, Content.APPLICATION_DATA}
    print(
        f"{len(connections)} new connections: {', '.join(str(one.flow) for one, _ in connections)}"
    )
    assert connections


@pytest.mark.parametrize("deployment", ["emoji", "voting", "web"])
def test_the_certificate_names_the_workload_and_nothing_else(
    demo: Story, reachable: Cluster, deployment: str
) -> None:
    pod = pods.only(reachable, NAMESPACE, f"app={deployment}-svc")
    identity = TrustDomain().identity(deployment, NAMESPACE)
    context = trust.client(trusts=trust.anchors(reachable))
    for port in (ports.INBOUND, 8080):
        names, version = talk.peer_names((pod.ip, port), context, identity)
        assert names == [identity]
        assert version == "TLSv1.3"


@pytest.mark.parametrize("component", ["identity", "destination"])
def test_the_control_plane_has_identities_too(reachable: Cluster, component: str) -> None:
    selector = f"{labels.CONTROL_PLANE_COMPONENT_LABEL}={component}"
    pod = pods.only(reachable, CONTROL_PLANE_NAMESPACE, selector)
    identity = TrustDomain().component(f"weft-{component}")
    context = trust.client(trusts=trust.anchors(reachable))
    assert talk.peer_names((pod.ip, ports.INBOUND), context, identity)[0] == [identity]


# -- who gets in ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def servers(reachable: Cluster) -> Iterator[dict[str, Pod]]:
    """The same HTTP server under two policies."""
    policies = {"open": "all-unauthenticated", "closed": "all-authenticated"}
    objects = [
        workloads.http_server(name, {labels.DEFAULT_INBOUND_POLICY: policy})
        for name, policy in policies.items()
    ]
    reachable.apply(*objects)
    for name in policies:
        pods.await_rollout(reachable, workloads.NAMESPACE, name)
    yield {name: pods.only(reachable, workloads.NAMESPACE, f"app={name}") for name in policies}
    for name in policies:
        reachable.kubectl("delete", f"deploy/{name}", "-n", workloads.NAMESPACE)


CALLER = TrustDomain().identity("default", workloads.NAMESPACE)


def test_without_identity_the_open_server_answers_and_the_closed_one_refuses(
    servers: dict[str, Pod],
) -> None:
    answers = {name: talk.ask((pod.ip, workloads.HTTP_PORT)) for name, pod in servers.items()}
    print(answers)
    assert answers["open"].status == 200
    assert answers["closed"].status == 403


def test_with_an_identity_of_this_mesh_both_answer(
    reachable: Cluster, servers: dict[str, Pod]
) -> None:
    context = trust.client(trusts=trust.anchors(reachable), shows=trust.member(reachable, CALLER))
    for name, pod in servers.items():
        answer = talk.ask((pod.ip, workloads.HTTP_PORT), tls=context, server_name=pod.identity)
        assert answer.status == 200, (name, answer)


def test_tls_without_a_certificate_is_refused(reachable: Cluster, servers: dict[str, Pod]) -> None:
    context = trust.client(trusts=trust.anchors(reachable))
    closed = servers["closed"]
    answer = talk.ask((closed.ip, workloads.HTTP_PORT), tls=context, server_name=closed.identity)
    print(answer)
    assert answer.status in (None, 403)


@pytest.mark.parametrize("policy", ["open", "closed"])
def test_the_right_name_from_another_trust_domain_is_refused(
    servers: dict[str, Pod], policy: str
) -> None:
    """Also where no identity is demanded: a certificate that cannot be verified is no certificate."""
    pod = servers[policy]
    context = trust.client(trusts=None, shows=trust.stranger(CALLER))
    answer = talk.ask((pod.ip, workloads.HTTP_PORT), tls=context, server_name=pod.identity)
    print(answer)
    assert answer.status is None


def _is_between(flow: Flow, meshed: dict[str, Pod]) -> bool:
    """Both ends are meshed; metrics for operators are read in clear, and are not the application's."""
    ends = (flow.source, flow.target)
    return all(ip in meshed and port != ports.ADMIN for ip, port in ends)


def _body(stream: Stream) -> bytes:
    """All but the hello, which names the server in clear."""
    if not stream.whole:
        return stream.data
    return b"".join(one.payload for one in split_records(stream.data)[1:])
