"""Linkerd's environment contract."""

from collections.abc import Mapping

import pytest

from proxy.settings import (
    HONOURED,
    NOT_YET,
    ControlAddress,
    IdentityServiceSettings,
    IdentitySettings,
    Settings,
    SettingsError,
    StreamLimits,
    TapSettings,
    WorkloadApiSettings,
)
from proxy.stack.backoff import Backoff
from weft.addresses import SocketAddress

PEM = "-----BEGIN CERTIFICATE-----\nMII\n-----END CERTIFICATE-----\n"

MINIMUM = {
    "IDENTITY_SVC_ADDR": "weft-identity-headless.weft.svc.cluster.local.:8080",
    "IDENTITY_SVC_NAME": "weft-identity.weft.serviceaccount.identity.weft.cluster.local",
    "DESTINATION_SVC_ADDR": "127.0.0.1:8086",
    "POLICY_SVC_ADDR": "localhost.:8090",
    "POLICY_WORKLOAD": '{"ns":"emojivoto","pod":"web-0"}',
    "IDENTITY_LOCAL_NAME": "web.emojivoto.serviceaccount.identity.weft.cluster.local",
    "IDENTITY_TRUST_ANCHORS": PEM,
    "IDENTITY_TOKEN_FILE": "/var/run/secrets/tokens/linkerd-identity-token",
    "IDENTITY_DIR": "/var/run/linkerd/identity/end-entity",
}


def read(changes: Mapping[str, str] | None = None, **overrides: str) -> Settings:
    variables = {**MINIMUM, **(changes or {}), **overrides}
    return Settings.from_environment(
        {f"LINKERD2_PROXY_{name}": value for name, value in variables.items()}
    )


def test_defaults_are_linkerds() -> None:
    settings = read()
    assert settings.log == "warn,linkerd=info"
    assert settings.shutdown_grace_period == 120
    assert settings.admin.listen == SocketAddress("127.0.0.1", 4191)
    assert not settings.admin.shutdown_enabled
    assert settings.inbound.listen == (SocketAddress("0.0.0.0", 4143),)
    assert settings.outbound.listen == (SocketAddress("127.0.0.1", 4140),)
    assert settings.inbound.connect.timeout == 0.3
    assert settings.outbound.connect.timeout == 1.0
    assert settings.inbound.connect.backoff == Backoff(0.1, 10.0, 0.1)
    assert settings.outbound.connect.backoff == Backoff(0.1, 60.0, 0.1)
    assert settings.inbound.http_queue.failfast_timeout == 1.0
    assert settings.outbound.tcp_queue.failfast_timeout == 3.0
    assert settings.inbound.detect_timeout == settings.outbound.detect_timeout == 10.0
    assert settings.outbound.discovery_idle_timeout == 5.0
    assert settings.inbound.discovery_idle_timeout == 90.0
    assert settings.inbound.default_policy == "all-unauthenticated"
    assert settings.inbound.max_in_flight == 100_000
    assert settings.inbound.pool.idle_timeout == 3.0
    service = settings.identity.source
    assert isinstance(service, IdentityServiceSettings)
    assert (service.min_refresh, service.max_refresh) == (10.0, 86_400.0)
    assert settings.control_streams == StreamLimits()
    assert settings.destination.networks is None
    assert settings.warnings == ()


def test_addresses_of_the_control_plane() -> None:
    settings = read()
    service = settings.identity.source
    assert isinstance(service, IdentityServiceSettings)
    assert service.address == ControlAddress(
        "weft-identity-headless.weft.svc.cluster.local.",
        8080,
        "weft-identity.weft.serviceaccount.identity.weft.cluster.local",
    )
    assert settings.destination.address.name is None
    assert settings.policy.address == ControlAddress("localhost.", 8090, None)
    assert settings.policy.address.is_loopback
    assert str(read(DESTINATION_SVC_ADDR="[::1]:8086").destination.address) == "[::1]:8086"


def test_what_an_injector_sets_is_understood_without_a_warning() -> None:
    settings = read(
        CORES="1",
        LOG="warn,linkerd=info,hickory=error,[{headers}]=off,[{request}]=off",
        LOG_FORMAT="plain",
        CONTROL_LISTEN_ADDR="0.0.0.0:4190",
        ADMIN_LISTEN_ADDR="0.0.0.0:4191",
        OUTBOUND_LISTEN_ADDR="127.0.0.1:4140",
        OUTBOUND_LISTEN_ADDRS="127.0.0.1:4140,[::1]:4140",
        INBOUND_LISTEN_ADDR="0.0.0.0:4143",
        INBOUND_IPS="10.244.0.7,fd00::7",
        INBOUND_PORTS="8080,9000-9001",
        INBOUND_DEFAULT_POLICY="cluster-authenticated",
        POLICY_CLUSTER_NETWORKS="10.0.0.0/8,fd00::/8",
        DESTINATION_PROFILE_SUFFIXES="svc.cluster.local.",
        DESTINATION_PROFILE_NETWORKS="10.0.0.0/8",
        INBOUND_PORTS_DISABLE_PROTOCOL_DETECTION="25,3306",
        INBOUND_ACCEPT_KEEPALIVE="10000ms",
        OUTBOUND_CONNECT_KEEPALIVE="10000ms",
        INBOUND_ACCEPT_USER_TIMEOUT="30s",
        OUTBOUND_CONNECT_USER_TIMEOUT="30s",
        INBOUND_SERVER_HTTP2_KEEP_ALIVE_INTERVAL="10s",
        INBOUND_SERVER_HTTP2_KEEP_ALIVE_TIMEOUT="3s",
        CONTROL_STREAM_INITIAL_TIMEOUT="3s",
        CONTROL_STREAM_IDLE_TIMEOUT="5m",
        CONTROL_STREAM_LIFETIME="1h",
        SHUTDOWN_GRACE_PERIOD="",
        DESTINATION_CONTEXT='{"ns":"emojivoto","nodeName":"sandbox","pod":"web-0"}',
    )
    assert settings.warnings == ()
    assert settings.inbound.ports == (8080, 9000, 9001)
    assert 25 in settings.inbound.opaque_ports
    assert settings.inbound.allowed_ips == {"10.244.0.7", "fd00::7"}
    assert settings.outbound.listen[1] == SocketAddress("::1", 4140)
    assert settings.inbound.accept.keepalive == 10.0
    assert settings.outbound.connect.socket.user_timeout == 30.0
    assert settings.inbound.http2.keep_alive_interval == 10.0
    assert settings.control_streams == StreamLimits(3.0, 300.0, 3600.0)


def test_what_has_no_effect_is_said() -> None:
    warnings = read(DNS_MIN_TTL="5s", NO_SUCH="1").warnings
    assert [sentence.split()[0] for sentence in warnings] == [
        "LINKERD2_PROXY_DNS_MIN_TTL",
        "LINKERD2_PROXY_NO_SUCH",
    ]
    assert all(sentence.rstrip(".").count(" ") > 3 for sentence in warnings)


def test_a_gateway_serves_names_below_its_suffixes() -> None:
    assert read().inbound.gateway_suffixes == ()
    settings = read(INBOUND_GATEWAY_SUFFIXES="svc.cluster.local., .B.example")
    assert settings.inbound.gateway_suffixes == ("svc.cluster.local", "b.example")
    assert settings.warnings == ()
    assert read(INBOUND_GATEWAY_SUFFIXES=".").inbound.gateway_suffixes == ("",)


def test_ingress_mode_keeps_to_itself_what_went_wrong() -> None:
    assert not read().outbound.ingress
    settings = read(INGRESS_MODE="true", DESTINATION_PROFILE_SUFFIXES=".a.example., b.example")
    assert settings.warnings == ()
    assert settings.outbound.ingress
    assert settings.outbound.disable_informational_headers
    assert settings.destination.suffixes == ("a.example", "b.example")
    assert read(DESTINATION_PROFILE_SUFFIXES=".").destination.suffixes == ("",)
    frank = read(INGRESS_MODE="true", OUTBOUND_DISABLE_INFORMATIONAL_HEADERS="false")
    assert not frank.outbound.disable_informational_headers


@pytest.mark.parametrize(
    ("variables", "cores"),
    [
        ({}, 1),
        ({"CORES": "4"}, 4),
        ({"CORES": "4", "CORES_MAX": "3"}, 3),
        ({"CORES_MIN": "2"}, 2),
        ({"CORES": "1", "CORES_MAX_RATIO": "0.5"}, 4),
        ({"CORES": "6", "CORES_MAX_RATIO": "0.01"}, 1),
        ({"CORES_MAX_RATIO": "1", "CORES_MAX": "3"}, 3),
        ({"CORES_MAX_RATIO": "0.1", "CORES_MIN": "2"}, 2),
    ],
)
def test_cores_are_a_number_or_a_share_of_the_hosts(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], cores: int
) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: set(range(8)))
    assert read(None, **variables).cores == cores


@pytest.mark.parametrize(
    ("variables", "named"),
    [
        ({"CORES": "0"}, "LINKERD2_PROXY_CORES: '0': allowed are whole numbers from 1 to 256"),
        ({"CORES": "1.5"}, "LINKERD2_PROXY_CORES: "),
        ({"CORES": "257"}, "LINKERD2_PROXY_CORES: "),
        ({"CORES_MAX_RATIO": "2"}, "LINKERD2_PROXY_CORES_MAX_RATIO: "),
        ({"CORES_MAX_RATIO": "0"}, "LINKERD2_PROXY_CORES_MAX_RATIO: "),
        ({"CORES_MAX": "many"}, "LINKERD2_PROXY_CORES_MAX: "),
        ({"CORES_MIN": "3", "CORES_MAX": "2"}, "LINKERD2_PROXY_CORES_MIN: 3 is more than"),
    ],
)
def test_cores_that_cannot_be_used_stop_the_start(variables: dict[str, str], named: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read(None, **variables)
    assert str(caught.value).startswith(named)


def test_the_control_port_opens_only_for_somebody() -> None:
    assert read(CONTROL_LISTEN_ADDR="0.0.0.0:4195").tap is None
    found = read(CONTROL_LISTEN_ADDR="0.0.0.0:4195", TAP_SVC_NAME="Tap.weft.cluster.local.").tap
    assert found == TapSettings(SocketAddress("0.0.0.0", 4195), "tap.weft.cluster.local")
    with pytest.raises(SettingsError, match=r"TAP_SVC_NAME: .* is not a DNS name"):
        read(TAP_SVC_NAME="no name")


def test_no_variable_is_both_honoured_and_not_yet() -> None:
    assert not HONOURED & NOT_YET.keys()
    assert all(sentence.endswith(".") for sentence in NOT_YET.values())


@pytest.mark.parametrize("name", [*MINIMUM, "DESTINATION_SVC_NAME"])
def test_what_is_required(name: str) -> None:
    changes = {name: ""}
    if name == "DESTINATION_SVC_NAME":
        changes["DESTINATION_SVC_ADDR"] = "weft-dst.weft.svc:8086"
    with pytest.raises(SettingsError, match=f"LINKERD2_PROXY_{name}: is required") as error:
        read(changes)
    assert error.value.name == f"LINKERD2_PROXY_{name}"


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("INBOUND_DETECT_TIMEOUT", "10", "such as 300ms"),
        ("INBOUND_DETECT_TIMEOUT", "-1s", "such as 300ms"),
        ("ADMIN_LISTEN_ADDR", "4191", "has no port"),
        ("ADMIN_LISTEN_ADDR", "web:4191", "IP:PORT"),
        ("OUTBOUND_LISTEN_ADDRS", "127.0.0.1:1,127.0.0.1:2,127.0.0.1:3", "one of each IP version"),
        ("INBOUND_PORTS", "80,http", "whole numbers from 1 to 65535"),
        ("INBOUND_DEFAULT_POLICY", "open", "allowed are all-unauthenticated"),
        ("INBOUND_IPS", "10.0.0.300", "does not appear to be"),
        ("INBOUND_GATEWAY_SUFFIXES", "svc.cluster.local,a b", "svc.cluster.local"),
        ("DESTINATION_PROFILE_SUFFIXES", "*.example.com", "is no DNS suffix"),
        ("POLICY_CLUSTER_NETWORKS", "10.0.0.1/8", "is not a network"),
        ("SHUTDOWN_ENDPOINT_ENABLED", "yes", "true and false"),
        ("INBOUND_MAX_IN_FLIGHT", "0", "whole numbers from 1"),
        ("OUTBOUND_CONNECT_EXP_BACKOFF_JITTER", "2", "from 0 to 1"),
        ("OUTBOUND_CONNECT_EXP_BACKOFF_JITTER", "much", "from 0 to 1"),
        ("OUTBOUND_CONNECT_EXP_BACKOFF_MIN", "2m", "not more than EXP_BACKOFF_MAX"),
        ("DESTINATION_SVC_ADDR", "weft-dst", "HOST:PORT"),
        ("DESTINATION_SVC_ADDR", "weft-dst:99999", "65535"),
        ("IDENTITY_TRUST_ANCHORS", "nonsense", "PEM bundle"),
        ("IDENTITY_LOCAL_NAME", "not a name", "is not a DNS name"),
        ("IDENTITY_LOCAL_NAME", "spiffe://a/b", "is not a DNS name"),
        ("IDENTITY_MIN_REFRESH", "2d", "more than MAX_REFRESH"),
        ("IDENTITY_DISABLED", "1", "cannot be disabled"),
        ("LOG", "loud", "not a log directive"),
        ("LOG_FORMAT", "xml", "plain, json"),
        ("CONTROL_STREAM_INITIAL_TIMEOUT", "2h", "must not exceed"),
    ],
)
def test_values_that_cannot_be_used(name: str, value: str, allowed: str) -> None:
    others = {"CONTROL_STREAM_LIFETIME": "1h"} if name.startswith("CONTROL") else {}
    with pytest.raises(SettingsError, match=f"LINKERD2_PROXY_{name}: ") as error:
        read({name: value, **others})
    assert allowed in str(error.value)


def test_cluster_policies_need_the_networks() -> None:
    with pytest.raises(SettingsError, match="POLICY_CLUSTER_NETWORKS: is required"):
        read(INBOUND_DEFAULT_POLICY="cluster-unauthenticated")


@pytest.mark.parametrize(("value", "style"), [("", None), ("json", "json"), ("apache", "apache")])
def test_the_access_log(value: str, style: str | None) -> None:
    assert read(ACCESS_LOG=value).inbound.access_log == style


def test_an_unknown_access_log_stops_the_start() -> None:
    with pytest.raises(SettingsError, match="ACCESS_LOG"):
        read(ACCESS_LOG="nginx")


def test_where_spans_go() -> None:
    assert read().trace is None
    trace = read(
        TRACE_COLLECTOR_SVC_ADDR="collector.tracing:4317",
        TRACE_COLLECTOR_SVC_NAME="Collector.tracing.",
        TRACE_EXTRA_ATTRIBUTES="a=1\nb=x,y",
        TRACE_SERVICE_NAME="voting",
    ).trace
    assert trace is not None
    assert trace.collector == ControlAddress("collector.tracing", 4317, "collector.tracing")
    assert (trace.service, trace.extra, trace.standard) == ("voting", "a=1\nb=x,y", "")


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({}, "LINKERD2_PROXY_TRACE_COLLECTOR_SVC_NAME"),
        (
            {"TRACE_COLLECTOR_SVC_NAME": "c", "TRACE_EXTRA_ATTRIBUTES": "nonsense"},
            "LINKERD2_PROXY_TRACE_EXTRA_ATTRIBUTES.*'nonsense' is not KEY=VALUE",
        ),
    ],
)
def test_spans_go_nowhere_by_guess(variables: dict[str, str], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        read(None, TRACE_COLLECTOR_SVC_ADDR="collector.tracing:4317", **variables)


def test_bounds_are_shared_out_among_processes() -> None:
    inbound = read(INBOUND_MAX_CONNECTIONS="10", INBOUND_MAX_IN_FLIGHT="2").inbound
    assert inbound.shared_by(1) == inbound
    part = inbound.shared_by(3)
    assert (part.bounds.max_connections, part.max_in_flight) == (3, 1)
    assert part.bounds.body_timeout == inbound.bounds.body_timeout


# --- identity from a SPIRE agent ------------------------------------------------------------

AGENT = {
    **{name: value for name, value in MINIMUM.items() if not name.startswith("IDENTITY_")},
    "IDENTITY_TRUST_ANCHORS": PEM,
    "IDENTITY_SPIRE_WORKLOAD_API_ADDRESS": "unix:///run/spire/agent.sock",
    "IDENTITY_SERVER_ID": "spiffe://root.weft.test/vm",
    "IDENTITY_SERVER_NAME": "VM.weft.test.",
}


def of_agent(**changes: str) -> IdentitySettings:
    """Without the identity service's variables, which are not needed."""
    variables = {**AGENT, **changes}
    found = Settings.from_environment(
        {f"LINKERD2_PROXY_{name}": value for name, value in variables.items()}
    )
    assert found.warnings == ()
    return found.identity


def test_an_identity_from_an_agent_needs_no_identity_service() -> None:
    identity = of_agent()
    assert identity.local_name == "spiffe://root.weft.test/vm"
    assert identity.server_name == "vm.weft.test"
    assert identity.source == WorkloadApiSettings("/run/spire/agent.sock")
    of_agent(IDENTITY_SVC_ADDR="identity.example:8080", IDENTITY_TOKEN_FILE="/nowhere")  # unused


@pytest.mark.parametrize("address", ["unix:///a/b.sock", "unix:/a/b.sock", "/a/b.sock"])
def test_the_agents_socket(address: str) -> None:
    assert of_agent(IDENTITY_SPIRE_WORKLOAD_API_ADDRESS=address).source == WorkloadApiSettings(
        "/a/b.sock"
    )
    older = of_agent(IDENTITY_SPIRE_WORKLOAD_API_ADDRESS="", IDENTITY_SPIRE_SOCKET=address)
    assert older.source == WorkloadApiSettings("/a/b.sock")
    both = of_agent(IDENTITY_SPIRE_SOCKET="/old.sock", IDENTITY_SPIRE_WORKLOAD_API_ADDRESS=address)
    assert both.source == WorkloadApiSettings("/a/b.sock")


@pytest.mark.parametrize(
    ("changes", "name", "problem"),
    [
        ({"IDENTITY_SERVER_ID": ""}, "SERVER_ID", "is required and not set"),
        ({"IDENTITY_SERVER_NAME": ""}, "SERVER_NAME", "is required and not set"),
        ({"IDENTITY_TRUST_ANCHORS": ""}, "TRUST_ANCHORS", "is required and not set"),
        ({"IDENTITY_SERVER_ID": "vm.weft.test"}, "SERVER_ID", "is not a SPIFFE ID: the form is"),
        ({"IDENTITY_SERVER_ID": "spiffe://a"}, "SERVER_ID", "is not a SPIFFE ID: the form is"),
        ({"IDENTITY_SERVER_NAME": "spiffe://a/b"}, "SERVER_NAME", "is not a DNS name"),
        ({"IDENTITY_LOCAL_NAME": "vm.weft.test"}, "LOCAL_NAME", "IDENTITY_SERVER_ID and"),
        *(
            (
                {"IDENTITY_SPIRE_WORKLOAD_API_ADDRESS": wrong},
                "SPIRE_WORKLOAD_API_ADDRESS",
                "is no Unix socket: the form is unix:///path/to/agent.sock",
            )
            for wrong in (
                "tcp://127.0.0.1:8081",
                "agent.sock",
                "unix:agent.sock",
                "unix://run/agent.sock",
                "unix:",
                "unix:///run/spire/",
                "unix:///" + "x" * 107,
            )
        ),
        (
            {"IDENTITY_SPIRE_WORKLOAD_API_ADDRESS": "", "IDENTITY_SPIRE_SOCKET": "x"},
            "SPIRE_SOCKET",
            "is no Unix socket",
        ),
        (
            {"IDENTITY_SPIRE_WORKLOAD_API_ADDRESS": ""},
            "SERVER_ID",
            "which only a SPIRE agent gives: set IDENTITY_SPIRE_WORKLOAD_API_ADDRESS",
        ),
    ],
)
def test_an_identity_from_an_agent_that_cannot_be(
    changes: dict[str, str], name: str, problem: str
) -> None:
    with pytest.raises(SettingsError) as error:
        of_agent(**changes)
    assert error.value.name == f"LINKERD2_PROXY_IDENTITY_{name}"
    assert problem in str(error.value)


def test_server_id_and_server_name_may_stand_for_the_local_name() -> None:
    name = MINIMUM["IDENTITY_LOCAL_NAME"]
    found = read(IDENTITY_LOCAL_NAME="", IDENTITY_SERVER_ID=name, IDENTITY_SERVER_NAME=name + ".")
    assert found.identity == read().identity
    assert read(IDENTITY_SERVER_ID="other", IDENTITY_SERVER_NAME="x").identity.local_name == name
    with pytest.raises(SettingsError, match="must be the same as IDENTITY_SERVER_ID"):
        read(IDENTITY_LOCAL_NAME="", IDENTITY_SERVER_ID=name, IDENTITY_SERVER_NAME="other")
    with pytest.raises(SettingsError, match="IDENTITY_SERVER_NAME: is required"):
        read(IDENTITY_LOCAL_NAME="", IDENTITY_SERVER_ID=name)
