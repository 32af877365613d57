"""weft-webhooks-and-apisvc-tls: can the API server trust the webhook?"""

from base64 import b64decode

from cli.certificates import Certificate, CertificateError, check_issued, read_certificates, rfc3339
from cli.checks.config import WEBHOOK
from cli.checks.context import Context
from cli.checks.identity import SOON, secret_text
from cli.checks.model import Category, Check, Problem
from cli.cluster.paths import MUTATING_WEBHOOKS, find
from weft.names import INJECTOR_COMPONENT

TLS_SECRET = "weft-proxy-injector-k8s-tls"  # noqa: S105 (a name)
ADVICE = "Pods are created without a proxy while the API server refuses the webhook: apply the installation again, which makes a new certificate."


def served(context: Context) -> list[Certificate]:
    """What the webhook presents. Raises Problem, CertificateError, ClusterError."""
    return read_certificates(
        "webhook certificate", secret_text(context, TLS_SECRET, "tls.crt", "crt.pem")
    )


def bundle(context: Context) -> list[Certificate]:
    """What the API server verifies it with. Raises Problem, CertificateError, ClusterError."""
    found = find(context.cluster, MUTATING_WEBHOOKS, WEBHOOK)
    if found is None:
        raise Problem(f"mutating webhook configuration {WEBHOOK} does not exist")
    hooks = found.get("webhooks") or [{}]
    encoded = (hooks[0].get("clientConfig") or {}).get("caBundle") or ""
    try:
        pem = b64decode(encoded, validate=True).decode("ascii")
    except ValueError:
        raise Problem(f"{WEBHOOK}: its caBundle is not PEM") from None
    return read_certificates("webhook authority", pem)


def certificate_valid(context: Context) -> None:
    """Issued by the bundle, valid now, for the Service's name."""
    try:
        chain, authorities = served(context), bundle(context)
        for one in (*chain, *authorities):
            one.check_time(context.now())
        check_issued(chain, authorities)
    except CertificateError as error:
        raise Problem(str(error)) from None
    from weft.pki.certificate import dns_names

    host = f"{INJECTOR_COMPONENT}.{context.weft_namespace}.svc"
    names = dns_names(chain[0].parsed)
    if host not in names:
        raise Problem(
            f"the webhook's certificate is for {', '.join(names) or 'no name'}, not {host}"
        )


def certificate_not_soon(context: Context) -> None:
    """Valid for 60 days more."""
    try:
        soon = [one for one in served(context) if one.expires < context.now() + SOON]
    except CertificateError as error:
        raise Problem(str(error)) from None
    if soon:
        raise Problem(f"webhook certificate will expire on {rfc3339(soon[0].expires)}")


CATEGORY = Category(
    "weft-webhooks-and-apisvc-tls",
    (
        Check("proxy-injector webhook has valid cert", "l5d-proxy-injector-webhook-cert-valid", ADVICE, certificate_valid),
        Check("proxy-injector cert is valid for at least 60 days", "l5d-proxy-injector-webhook-cert-not-expiring-soon", "Apply the installation again, which makes a new certificate.", certificate_not_soon, warning=True),
    ),
)  # fmt: skip
