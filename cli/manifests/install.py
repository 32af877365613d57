"""The whole installation, in the order it must be applied.

Definitions and namespace first; then roles, configuration and the components, identity before those
that ask it; the webhook configurations last, so that nothing is sent to a webhook that is not there yet.
"""

from collections.abc import Iterator
from typing import Any

from cli.manifests import (
    config,
    crds,
    destination,
    identity,
    injector,
    namespace,
    stored,
    tap,
    validator,
    web,
)
from cli.manifests.credentials import Credentials
from cli.manifests.scheduling import disruption_budget
from cli.manifests.values import IssuerTls, Values

Json = dict[str, Any]
COMPONENTS = (identity, destination, injector, web)


def control_plane(values: Values, credentials: Credentials) -> Iterator[Json]:
    """Everything but the custom resource definitions."""
    yield from namespace.render(values)
    for component in COMPONENTS:
        yield from component.rbac(values)
    yield from config.render(values)
    yield stored.render(values)
    yield from identity.render(values, credentials.identity)
    yield from validator.render(values, credentials.validator)
    yield from destination.render(values)
    yield from injector.render(values, credentials.injector)
    yield from web.render(values)
    if credentials.tap is not None:
        yield from tap.rbac(values)
        yield from tap.render(values, credentials.tap)
        yield tap.api_service(values, credentials.tap)
    if values.enablePodDisruptionBudget:
        for component in (*COMPONENTS, *([tap] if credentials.tap is not None else [])):
            yield disruption_budget(values, component.COMPONENT)
    yield validator.webhook(values, credentials.validator)
    yield injector.webhook(values, credentials.injector)


def definitions(values: Values) -> Iterator[Json]:
    """The custom resource definitions."""
    yield from crds.render(values)


def with_anchors(values: Values, credentials: Credentials) -> Values:
    """The values an installation is rendered from: anchors and issuer's certificate as they are in force,
    and none of the secrets, which are objects of their own.

    Rendering needs the anchors, because every proxy is started with them.
    """
    tls = IssuerTls(crtPEM=credentials.identity.issuer_certificate)
    issuer = values.identity.issuer.model_copy(update={"tls": tls})
    no_certificate = {"caBundle": "", "crtPEM": "", "keyPEM": ""}
    may_tap = values.tap.identity or (tap.identity(values) if credentials.tap is not None else "")
    return values.model_copy(
        update={
            "tap": values.tap.model_copy(update={"identity": may_tap, **no_certificate}),
            "identityTrustAnchorsPEM": credentials.identity.trust_anchors,
            "identity": values.identity.model_copy(update={"issuer": issuer}),
            "proxyInjector": values.proxyInjector.model_copy(update=no_certificate),
            "policyValidator": values.policyValidator.model_copy(update=no_certificate),
        }
    )
