"""weft-identity: are the trust anchors and the issuer usable, and for how long?"""

from base64 import b64decode
from datetime import timedelta

from cli.certificates import (
    Certificate,
    CertificateError,
    check_issued,
    check_key,
    read_certificates,
    rfc3339,
)
from cli.checks.context import Context
from cli.checks.model import Category, Check
from cli.checks.problem import Problem
from cli.cluster.paths import CONFIG_MAPS, SECRETS, find

SOON = timedelta(days=60)
ROTATE = "docs/how-to/rotate-certificates.md tells how to replace it without dropping a connection."
ISSUER_SECRET = "weft-identity-issuer"  # noqa: S105 (a name)
TRUST_ROOTS = "weft-identity-trust-roots"


def issuer_chain(context: Context) -> list[Certificate]:
    """The issuer's certificate and its intermediates. Raises Problem, CertificateError, ClusterError."""
    pem = secret_text(context, ISSUER_SECRET, "crt.pem", "tls.crt")
    return read_certificates("issuer certificate", pem)


def anchors(context: Context) -> list[Certificate]:
    """The trust anchors. Raises Problem, CertificateError, ClusterError."""
    found = find(context.cluster, CONFIG_MAPS, TRUST_ROOTS, context.weft_namespace)
    if found is None:
        raise Problem(f"ConfigMap {TRUST_ROOTS} does not exist")
    return read_certificates("trust anchor", (found.get("data") or {}).get("ca-bundle.crt") or "")


def secret_text(context: Context, name: str, *keys: str) -> str:
    """The first of the keys a Secret has. Raises Problem, ClusterError."""
    found = find(context.cluster, SECRETS, name, context.weft_namespace)
    if found is None:
        raise Problem(f"Secret {name} does not exist")
    data = found.get("data") or {}
    for key in keys:
        if key in data:
            try:
                return b64decode(data[key], validate=True).decode("ascii")
            except ValueError:
                raise Problem(f"Secret {name} key {key} is not PEM") from None
    raise Problem(f"Secret {name} has none of the keys {', '.join(keys)}")


def config_valid(context: Context) -> None:
    """Anchors, issuer and its key can be read and belong together."""
    try:
        anchors(context)
        chain = issuer_chain(context)
        check_key("issuer key", chain[0], secret_text(context, ISSUER_SECRET, "key.pem", "tls.key"))
    except CertificateError as error:
        raise Problem(str(error)) from None


def anchors_algorithm(context: Context) -> None:
    """Proxies can verify by every anchor."""
    _judge(*(lambda one=one: one.check_algorithm(p256_only=False) for one in anchors(context)))


def anchors_in_time(context: Context) -> None:
    """Every anchor is valid now."""
    _judge(*(lambda one=one: one.check_time(context.now()) for one in anchors(context)))


def anchors_not_soon(context: Context) -> None:
    """No anchor expires within 60 days."""
    _not_soon(context, anchors(context))


def issuer_algorithm(context: Context) -> None:
    """Proxies accept the issuer's signatures."""
    _judge(lambda: issuer_chain(context)[0].check_algorithm(p256_only=True))


def issuer_in_time(context: Context) -> None:
    """The issuer is valid now."""
    _judge(*(lambda one=one: one.check_time(context.now()) for one in issuer_chain(context)))


def issuer_not_soon(context: Context) -> None:
    """The issuer does not expire within 60 days."""
    _not_soon(context, issuer_chain(context))


def issuer_issued(context: Context) -> None:
    """The issuer leads to an anchor."""
    _judge(lambda: check_issued(issuer_chain(context), anchors(context)))


def _judge(*questions: object) -> None:
    found = []
    for question in questions:
        assert callable(question)
        try:
            question()
        except CertificateError as error:
            found.append(str(error))
    if found:
        raise Problem("\n".join(found))


def _not_soon(context: Context, certificates: list[Certificate]) -> None:
    limit = context.now() + SOON
    found = [
        f"{one.what} will expire on {rfc3339(one.expires)}"
        for one in certificates
        if one.expires < limit
    ]
    if found:
        raise Problem("\n".join(found))


CATEGORY = Category(
    "weft-identity",
    (
        Check("certificate config is valid", "l5d-identity-cert-config-valid", "Restore the Secret and the ConfigMap, or install anew with certificates of your own.", config_valid, fatal=True),
        Check("trust anchors are using supported crypto algorithm", "l5d-identity-trustAnchors-use-supported-crypto", ROTATE, anchors_algorithm),
        Check("trust anchors are within their validity period", "l5d-identity-trustAnchors-are-time-valid", ROTATE, anchors_in_time),
        Check("trust anchors are valid for at least 60 days", "l5d-identity-trustAnchors-not-expiring-soon", ROTATE, anchors_not_soon, warning=True),
        Check("issuer cert is using supported crypto algorithm", "l5d-identity-issuer-cert-uses-supported-crypto", ROTATE, issuer_algorithm),
        Check("issuer cert is within its validity period", "l5d-identity-issuer-cert-is-time-valid", "Proxies cannot renew their certificates. " + ROTATE, issuer_in_time),
        Check("issuer cert is valid for at least 60 days", "l5d-identity-issuer-cert-not-expiring-soon", ROTATE, issuer_not_soon, warning=True),
        Check("issuer cert is issued by the trust anchor", "l5d-identity-issuer-cert-issued-by-trust-anchor", ROTATE, issuer_issued),
    ),
)  # fmt: skip
