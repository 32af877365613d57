"""weft-webhooks-and-apisvc-tls: can the API server trust those it asks, the webhooks and the tap API?"""

from base64 import b64decode
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cli.certificates import Certificate, CertificateError, check_issued, read_certificates, rfc3339
from cli.checks.config import VALIDATOR, WEBHOOK
from cli.checks.context import Context
from cli.checks.identity import SOON, secret_text
from cli.checks.model import Category, Check
from cli.checks.problem import Problem
from cli.cluster.paths import MUTATING_WEBHOOKS, VALIDATING_WEBHOOKS, Resource, find
from weft.names import INJECTOR_COMPONENT, TAP_COMPONENT, VALIDATOR_SERVICE

API_SERVICES = Resource("/apis/apiregistration.k8s.io/v1", "apiservices")
TAP_API = "v1alpha1.tap.linkerd.io"
ADVICE = "Pods are created without a proxy while the API server refuses the webhook: apply the installation again, which makes a new certificate."
RENEW = "Run `mesh upgrade | kubectl apply -f -`, which makes a new certificate."


@dataclass(frozen=True, slots=True)
class Served:
    """What the API server asks over TLS."""

    what: str
    """`webhook`: in front of `certificate` and `authority`."""
    service: str
    secret: str
    registration: str
    """The object that tells the API server of it."""
    client: Callable[[Context], dict[str, Any]]
    """Where that object has the `caBundle`. Raises Problem, ClusterError."""

    def chain(self, context: Context) -> list[Certificate]:
        """What it presents. Raises Problem, CertificateError, ClusterError."""
        pem = secret_text(context, self.secret, "tls.crt", "crt.pem")
        return read_certificates(f"{self.what} certificate", pem)

    def bundle(self, context: Context) -> list[Certificate]:
        """What the API server verifies it with. Raises Problem, CertificateError, ClusterError."""
        try:
            encoded = self.client(context).get("caBundle") or ""
            pem = b64decode(encoded, validate=True).decode("ascii")
        except ValueError:
            raise Problem(f"{self.registration}: its caBundle is not PEM") from None
        return read_certificates(f"{self.what} authority", pem)

    def check_valid(self, context: Context) -> None:
        """Issued by the bundle, valid now, for the Service's name."""
        try:
            chain, authorities = self.chain(context), self.bundle(context)
            for one in (*chain, *authorities):
                one.check_time(context.now())
            check_issued(chain, authorities)
        except CertificateError as error:
            raise Problem(str(error)) from None
        from weft.pki.certificate import dns_names

        host = f"{self.service}.{context.weft_namespace}.svc"
        names = dns_names(chain[0].parsed)
        if host not in names:
            raise Problem(
                f"the {self.what}'s certificate is for {', '.join(names) or 'no name'}, not {host}"
            )

    def check_not_soon(self, context: Context) -> None:
        """Valid for 60 days more."""
        try:
            soon = [one for one in self.chain(context) if one.expires < context.now() + SOON]
        except CertificateError as error:
            raise Problem(str(error)) from None
        if soon:
            raise Problem(f"{self.what} certificate will expire on {rfc3339(soon[0].expires)}")


def _configured(resource: Resource, what: str, name: str) -> Callable[[Context], dict[str, Any]]:
    """The client of a webhook configuration's first webhook."""

    def client(context: Context) -> dict[str, Any]:
        found = find(context.cluster, resource, name)
        if found is None:
            raise Problem(f"{what} webhook configuration {name} does not exist")
        hooks = found.get("webhooks") or [{}]
        return hooks[0].get("clientConfig") or {}

    return client


def _tap_api(context: Context) -> dict[str, Any]:
    found = find(context.cluster, API_SERVICES, TAP_API)
    if found is None:
        raise Problem(f"API service {TAP_API} does not exist")
    return found


def tap_is_running(context: Context) -> None:
    """The API server says that it reaches tap."""
    conditions = (_tap_api(context).get("status") or {}).get("conditions") or []
    for one in conditions:
        if one.get("type") == "Available" and one.get("status") != "True":
            raise Problem(f"API service {TAP_API} is not available: {one.get('message')}")


INJECTOR = Served(
    "webhook",
    INJECTOR_COMPONENT,
    "weft-proxy-injector-k8s-tls",
    WEBHOOK,
    _configured(MUTATING_WEBHOOKS, "mutating", WEBHOOK),
)
POLICY_VALIDATOR = Served(
    "policy validator",
    VALIDATOR_SERVICE,
    "weft-policy-validator-k8s-tls",
    VALIDATOR,
    _configured(VALIDATING_WEBHOOKS, "validating", VALIDATOR),
)
TAP = Served(
    "tap",
    TAP_COMPONENT,
    "weft-tap-k8s-tls",
    TAP_API,
    lambda context: _tap_api(context).get("spec") or {},
)

CATEGORY = Category(
    "weft-webhooks-and-apisvc-tls",
    (
        Check("proxy-injector webhook has valid cert", "l5d-proxy-injector-webhook-cert-valid", ADVICE, INJECTOR.check_valid),
        Check("proxy-injector cert is valid for at least 60 days", "l5d-proxy-injector-webhook-cert-not-expiring-soon", RENEW, INJECTOR.check_not_soon, warning=True),
        Check("policy-validator webhook has valid cert", "l5d-policy-validator-webhook-cert-valid", "Wrong policy resources are not refused while the API server refuses the webhook; with --ha none can be changed. " + RENEW, POLICY_VALIDATOR.check_valid),
        Check("policy-validator cert is valid for at least 60 days", "l5d-policy-validator-webhook-cert-not-expiring-soon", RENEW, POLICY_VALIDATOR.check_not_soon, warning=True),
        Check("tap API server has valid cert", "l5d-tap-cert-valid", "There is no `mesh tap` while the API server refuses it. " + RENEW, TAP.check_valid),
        Check("tap API server cert is valid for at least 60 days", "l5d-tap-cert-not-expiring-soon", RENEW, TAP.check_not_soon, warning=True),
        Check("tap API service is running", "l5d-tap-api", "Read its log: `kubectl -n weft logs deploy/weft-tap -c tap`.", tap_is_running, retry=True, warning=True),
    ),
)  # fmt: skip
