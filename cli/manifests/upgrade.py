"""What an upgrade keeps, and what it refuses.

Anchors, issuer and the webhook's certificate stay what they are unless new ones are given; values stay
what somebody chose. Refused is what would break pods that run: proxies trust the anchors they were started
with, and know control plane and each other by names that end in the trust domain.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from cli.certificates import CertificateError, check_issued, read_certificates
from cli.checks.context import over
from cli.failure import CommandError
from cli.manifests.credentials import (
    Credentials,
    Identity,
    Webhook,
    check_identity,
    given_identity,
    obtain_webhook,
)
from cli.manifests.existing import Existing, usable
from cli.manifests.identity import ISSUER_SECRET, KEPT_ELSEWHERE
from cli.manifests.values import Serving, Values
from cli.manifests.versions import newer

Json = dict[str, Any]
PROXY = "linkerd-proxy"
ANCHORS_VARIABLE = "LINKERD2_PROXY_IDENTITY_TRUST_ANCHORS"
FIXED = {
    "clusterDomain": "the control plane is found under names that end in it",
    "identityTrustDomain": "every identity ends in it, and running proxies would refuse each other",
}


@dataclass(slots=True)
class Plan:
    """How to render the upgrade. `refusals` stop it unless forced; `warnings` are told."""

    credentials: Credentials
    refusals: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def plan(
    values: Values,
    stored: Mapping[str, Any],
    existing: Existing,
    pods: Sequence[Json],
    now: datetime,
) -> Plan:
    """`stored` is the tree of ConfigMap weft-config, `pods` are the meshed pods.

    Raises CommandError when an issuer is given in part.
    """
    identity = _identity(values, existing)
    made = Plan(
        Credentials(
            _rendered(values, identity),
            _serving(values, "proxyInjector", values.proxyInjector, existing.injector, now),
            _serving(values, "policyValidator", values.policyValidator, existing.validator, now),
            _serving(values, "tap", values.tap, existing.tap, now),
        )
    )
    if refusal := newer(str(stored.get("version", "")), values.version):
        made.refusals.append(refusal)
    made.refusals += _fixed(values, stored)
    try:
        check_identity(identity, now)
    except CertificateError as error:
        made.refusals.append(str(error))
    else:
        _judge_pods(made, identity, pods)
    return made


def _identity(values: Values, existing: Existing) -> Identity:
    given = given_identity(values)
    anchors = given.trust_anchors or existing.identity.trust_anchors
    if bool(given.issuer_certificate) != bool(given.issuer_key):
        raise CommandError(
            "an issuer is a certificate and its key: --identity-issuer-certificate-file and "
            "--identity-issuer-key-file go together"
        )
    if given.issuer_key:
        return Identity(anchors, given.issuer_certificate, given.issuer_key)
    old = existing.identity
    return Identity(anchors, old.issuer_certificate, old.issuer_key)


def _rendered(values: Values, identity: Identity) -> Identity:
    if values.identity.issuer.scheme != KEPT_ELSEWHERE:
        return identity
    if values.identity.issuer.tls.keyPEM:
        raise CommandError(
            f"somebody else keeps Secret {ISSUER_SECRET} (value identity.issuer.scheme is "
            f"{KEPT_ELSEWHERE}): give the issuer to them"
        )
    return Identity(identity.trust_anchors, "", "")


def _serving(
    values: Values, section: str, given: Serving, existing: Webhook, now: datetime
) -> Webhook:
    """As the values say, or the one that is there while it lasts, or made."""
    if not given.crtPEM and usable(existing, now):
        return existing
    return obtain_webhook(values, section, given, now)


def _fixed(values: Values, stored: Mapping[str, Any]) -> list[str]:
    found = []
    for name, why in FIXED.items():
        old, new = stored.get(name), getattr(values, name)
        if name == "identityTrustDomain":
            old, new = old or stored.get("clusterDomain"), values.trust_domain
        if old is not None and old != new:
            found.append(f"value {name} would change from {old} to {new}: {why}")
    return found


def _judge_pods(made: Plan, identity: Identity, pods: Sequence[Json]) -> None:
    """Refuses an issuer that running proxies do not trust; warns of anchors they do not know yet."""
    chain = read_certificates("issuer certificate", identity.issuer_certificate)
    for anchors, where in sorted(_by_anchors(pods).items()):
        if anchors == identity.trust_anchors:
            continue
        places = ", ".join(f"{name} ({count})" for name, count in sorted(where.items()))
        try:
            check_issued(chain, read_certificates("trust anchor", anchors))
        except CertificateError as error:
            made.refusals.append(
                f"pods in {places} would not trust certificates of the issuer: {error}"
            )
        else:
            made.warnings.append(
                f"pods in {places} have other trust anchors: restart them before the issuer changes"
            )


def _by_anchors(pods: Sequence[Json]) -> dict[str, dict[str, int]]:
    """Anchors -> namespace -> number of pods that run with them."""
    found: dict[str, dict[str, int]] = {}
    for pod in pods:
        if over(pod):
            continue
        namespace = str(pod["metadata"].get("namespace"))
        spec = pod.get("spec") or {}
        for container in [*(spec.get("initContainers") or []), *(spec.get("containers") or [])]:
            for variable in container.get("env") or []:
                if container["name"] == PROXY and variable["name"] == ANCHORS_VARIABLE:
                    where = found.setdefault(str(variable.get("value", "")), {})
                    where[namespace] = where.get(namespace, 0) + 1
    return found
