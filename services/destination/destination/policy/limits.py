"""How many requests a second a port takes: HTTPLocalRateLimitPolicies. Pure."""

from destination.index import Reader
from destination.policy.attach import ACCEPTED, Verdict
from destination.policy.model import RateLimit
from destination.policy.route import POLICY_GROUP, SERVER
from kit.kube.objects import Key


def limit_for(reader: Reader, server: Key) -> RateLimit | None:
    """The accepted policy of a Server."""
    return next(iter(_of(reader, server)), None)


def limit_accepted(reader: Reader, limit: RateLimit) -> Verdict:
    if limit.problem:
        return Verdict(False, "UnsupportedValue", limit.problem)
    if why := untargeted(limit):
        return Verdict(False, "NoMatchingTarget", why)
    server = Key(limit.key.namespace, limit.target.name)
    if reader.get(reader.index.servers, server) is None:
        return Verdict(False, "NoMatchingTarget", f"there is no Server {server}")
    first = _of(reader, server)[0]
    if first.key != limit.key:
        why = f"{first.key} limits the same Server already"
        return Verdict(False, "RateLimitReasonAlreadyExists", why)
    return ACCEPTED


def untargeted(limit: RateLimit) -> str:
    """Why nothing can be its target; empty: a Server may be."""
    if (limit.target.group, limit.target.kind) == (POLICY_GROUP, SERVER):
        return ""
    return "a rate limit's target is a Server"


def _of(reader: Reader, server: Key) -> list[RateLimit]:
    """Usable ones that target a Server, the oldest first."""
    found = [
        one
        for one in reader.by(reader.index.rate_limits, "namespace", server.namespace)
        if not one.problem
        and (one.target.group, one.target.kind, one.target.name)
        == (POLICY_GROUP, SERVER, server.name)
    ]
    return sorted(found, key=lambda one: (not one.created, one.created, one.key))
