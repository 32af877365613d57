"""The whole installation, in the order it must be applied.

Definitions and namespace first; then roles, configuration and the components, identity before those
that ask it; the webhook configuration last, so that no pod is sent to a webhook that is not there yet.
"""

from collections.abc import Iterator
from typing import Any

from cli.manifests import config, crds, destination, identity, injector, namespace, web
from cli.manifests.credentials import Credentials
from cli.manifests.values import Values

Json = dict[str, Any]


def control_plane(values: Values, credentials: Credentials) -> Iterator[Json]:
    """Everything but the custom resource definitions."""
    yield from namespace.render(values)
    for component in (identity, destination, injector, web):
        yield from component.rbac(values)
    yield from config.render(values)
    yield from identity.render(values, credentials.identity)
    yield from destination.render(values)
    yield from injector.render(values, credentials.injector)
    yield from web.render(values)
    yield injector.webhook(values, credentials.injector)


def definitions(values: Values) -> Iterator[Json]:
    """The custom resource definitions."""
    yield from crds.render(values)


def with_anchors(values: Values, credentials: Credentials) -> Values:
    """The values an installation stores: with the trust anchors and the issuer's certificate.

    Rendering needs the anchors, because every proxy is started with them.
    """
    issuer = values.identity.issuer
    tls = issuer.tls.model_copy(update={"crtPEM": credentials.identity.issuer_certificate})
    stored = issuer.model_copy(update={"tls": tls})
    return values.model_copy(
        update={
            "identityTrustAnchorsPEM": credentials.identity.trust_anchors,
            "identity": values.identity.model_copy(update={"issuer": stored}),
        }
    )
