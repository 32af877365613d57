"""The kinds that say what traffic may do, and where it may go: the destination service obeys them, and refuses wrong ones."""

POLICY_GROUP = "policy.linkerd.io"
POLICIES = (
    "authorizationpolicies",
    "egressnetworks",
    "httplocalratelimitpolicies",
    "httproutes",
    "meshtlsauthentications",
    "networkauthentications",
    "serverauthorizations",
    "servers",
)
GATEWAY_GROUP = "gateway.networking.k8s.io"
ROUTES = ("grpcroutes", "httproutes", "tcproutes", "tlsroutes")
PROFILE_GROUP = "linkerd.io"
PROFILES = ("serviceprofiles",)
WORKLOAD_GROUP = "workload.linkerd.io"
WORKLOADS = ("externalworkloads",)
KINDS = {
    POLICY_GROUP: POLICIES,
    GATEWAY_GROUP: ROUTES,
    PROFILE_GROUP: PROFILES,
    WORKLOAD_GROUP: WORKLOADS,
}
"""By group, in whatever version."""
