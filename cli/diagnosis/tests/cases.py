"""Evidence as it is gathered in the cases people meet."""

from datetime import UTC, datetime, timedelta
from typing import Any

from cli.diagnosis.evidence import Evidence, Fault, Pod, Proxy, Service
from weft import errors
from weft.errors import ErrorKind

NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
SINCE = timedelta(minutes=10)
GOOD = Proxy(
    ready=True,
    certificate_refreshed=NOW - timedelta(hours=1),
    certificate_expires=NOW + timedelta(hours=23),
)
IDENTITY = "web.shop.serviceaccount.identity.weft.cluster.local"


def fault(
    kind: ErrorKind,
    side: str,
    peer: str,
    *,
    ago: float = 30.0,
    endpoint: str = "",
    detail: str = "",
    count: int = 1,
) -> Fault:
    """The last of `count` was so many seconds ago, the others one each second before."""
    cause = f"{kind.text}: {detail}" if detail else kind.text
    at = NOW - timedelta(seconds=ago)
    return Fault(
        at, side, peer, "default", endpoint, kind.number, kind.name, cause,
        at - timedelta(seconds=count - 1), count,
    )  # fmt: skip


def proxy(*faults: Fault, **changed: Any) -> Proxy:
    said: dict[str, Any] = {
        "ready": True,
        "certificate_refreshed": GOOD.certificate_refreshed,
        "certificate_expires": GOOD.certificate_expires,
        "faults": faults,
    }
    return Proxy(**{**said, **changed})


def pod(name: str, ip: str, said: Proxy | None = GOOD, **more: Any) -> Pod:
    """Of deployment `name`, in namespace shop."""
    return Pod(
        "shop", f"{name}-1", f"deploy/{name}", ip, said, labels={"app": name},
        ports=frozenset({8080}), **more,
    )  # fmt: skip


def service(name: str, ip: str, *, pods: int = 1, ready: int = 1, **more: Any) -> Service:
    return Service(
        "shop", name, frozenset({ip}), {80: "8080"},
        more.get("selector", {"app": name.removesuffix("-svc")}), pods, ready,
    )  # fmt: skip


def evidence(*pods: Pod, **more: Any) -> Evidence:
    return Evidence(NOW, f"deployment/{pods[0].workload.partition('/')[2]}", "shop", pods, **more)


DB = service("db-svc", "10.96.0.7", pods=2, ready=0)
NO_ENDPOINTS = evidence(
    pod(
        "web",
        "10.244.0.5",
        proxy(
            fault(errors.FAILFAST, "outbound", "10.96.0.7:80", ago=2, count=63),
            fault(errors.CLIENT_GONE, "inbound", f"10.244.0.9 ({IDENTITY})", ago=300),
        ),
    ),
    services=(DB,),
)
NO_CERTIFICATE = evidence(
    pod(
        "web",
        "10.244.0.5",
        proxy(
            fault(
                errors.CERTIFICATE_UNAVAILABLE,
                "identity",
                "weft-identity-headless.weft.svc.cluster.local.:8080",
                detail="the identity service gave no answer in 10s",
            ),
            ready=False,
            certificate_refreshed=None,
            certificate_expires=None,
        ),
    ),
    identity_troubles=("The identity service in namespace weft has no pods",),
)
UNMESHED = evidence(
    pod(
        "web",
        "10.244.0.5",
        None,
        unmeshed_because='pod has the annotation "linkerd.io/inject:disabled"',
        unmeshed_advice="To mesh it, annotate it `linkerd.io/inject: enabled` and restart it.",
        troubles=("container web is not ready: CrashLoopBackOff",),
    )
)
WELL = evidence(pod("web", "10.244.0.5"))
