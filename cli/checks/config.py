"""weft-config: are the objects of the installation all there?"""

from collections.abc import Callable
from dataclasses import replace

from cli.checks.context import COMPONENTS, Context
from cli.checks.model import Category, Check
from cli.checks.problem import Problem
from cli.cluster.paths import (
    CLUSTER_ROLE_BINDINGS,
    CLUSTER_ROLES,
    DEFINITIONS,
    MUTATING_WEBHOOKS,
    NAMESPACES,
    SERVICE_ACCOUNTS,
    VALIDATING_WEBHOOKS,
    Resource,
    find,
)

ADVICE = "Something removed it: apply the installation again."
WEBHOOK = "weft-proxy-injector-webhook-config"
VALIDATOR = "weft-policy-validator-webhook-config"


def namespace_exists(context: Context) -> None:
    """The control plane's namespace."""
    _require(context, NAMESPACES, "namespace", [context.weft_namespace])


def roles(resource: Resource, what: str) -> Callable[[Context], None]:
    """Cluster-wide objects named `<namespace>-<component>`."""

    def verify(context: Context) -> None:
        _require(
            context,
            resource,
            what,
            [f"{context.weft_namespace}-{name}" for name in COMPONENTS.values()],
        )

    return verify


def service_accounts_exist(context: Context) -> None:
    """One per component."""
    _require(
        context,
        SERVICE_ACCOUNTS,
        "service account",
        list(COMPONENTS.values()),
        context.weft_namespace,
    )


def definitions_exist(context: Context) -> None:
    """All kinds the mesh reads."""
    from cli.manifests.crds import names

    _require(context, DEFINITIONS, "custom resource definition", names())


def webhook_exists(context: Context) -> None:
    """The API server knows the webhook."""
    _require(context, MUTATING_WEBHOOKS, "mutating webhook configuration", [WEBHOOK])


def validator_exists(context: Context) -> None:
    """The API server knows the policy validator."""
    _require(context, VALIDATING_WEBHOOKS, "validating webhook configuration", [VALIDATOR])


def _require(
    context: Context, resource: Resource, what: str, names: list[str], namespace: str | None = None
) -> None:
    missing = [name for name in names if find(context.cluster, resource, name, namespace) is None]
    if missing:
        raise Problem(
            f"missing {what}s: {', '.join(missing)}"
            if len(missing) > 1
            else f"missing {what}: {missing[0]}"
        )


_DEFINITIONS = Check(
    "control plane CustomResourceDefinitions exist", "l5d-existence-crd",
    "Apply them: `mesh install --crds | kubectl apply -f -`.", definitions_exist,
)  # fmt: skip

DEFINITIONS_ALONE = Category("weft-crd", (replace(_DEFINITIONS, retry=True),))
"""Between `mesh install --crds` and the rest, when they may have been applied a moment ago."""

CATEGORY = Category(
    "weft-config",
    (
        Check("control plane Namespace exists", "l5d-existence-ns", ADVICE, namespace_exists, fatal=True),
        Check("control plane ClusterRoles exist", "l5d-existence-cr", ADVICE, roles(CLUSTER_ROLES, "cluster role")),
        Check("control plane ClusterRoleBindings exist", "l5d-existence-crb", ADVICE, roles(CLUSTER_ROLE_BINDINGS, "cluster role binding")),
        Check("control plane ServiceAccounts exist", "l5d-existence-sa", ADVICE, service_accounts_exist),
        _DEFINITIONS,
        Check(
            "control plane MutatingWebhookConfigurations exist", "l5d-existence-mwc",
            "Without it pods are created without a proxy. " + ADVICE, webhook_exists,
        ),
        Check(
            "control plane ValidatingWebhookConfigurations exist", "l5d-existence-vwc",
            "Without it wrong policy resources are not refused. " + ADVICE, validator_exists,
        ),
    ),
)  # fmt: skip
