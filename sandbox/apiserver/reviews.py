"""Reviews: questions put as objects that are answered at once and stored nowhere."""

from sandbox.apiserver import kinds
from sandbox.apiserver.authz import Access, Rbac
from sandbox.apiserver.errors import BadRequestError, MethodNotAllowedError
from sandbox.apiserver.identity import User
from sandbox.apiserver.kinds import Kind
from sandbox.apiserver.objects import Obj
from sandbox.apiserver.tokens import InvalidTokenError, Tokens


class Reviews:
    def __init__(self, tokens: Tokens, rbac: Rbac) -> None:
        self._tokens = tokens
        self._rbac = rbac

    def answer(self, kind: Kind, review: Obj, asker: User, namespace: str) -> Obj:
        """The review with its status filled in."""
        spec = review.get("spec") or {}
        match kind:
            case kinds.TOKEN_REVIEW:
                status = self._token(spec)
            case kinds.SELF_SUBJECT_REVIEW:
                status = {"userInfo": asker.info()}
            case kinds.SELF_SUBJECT_ACCESS_REVIEW:
                status = self._access(asker, spec)
            case kinds.SUBJECT_ACCESS_REVIEW | kinds.LOCAL_SUBJECT_ACCESS_REVIEW:
                status = self._access(_subject(spec), spec)
            case kinds.SELF_SUBJECT_RULES_REVIEW:
                status = self._rules(asker, spec.get("namespace") or namespace or "default")
            case _:
                raise MethodNotAllowedError
        return {
            "kind": kind.kind,
            "apiVersion": kind.api_version,
            "metadata": review.get("metadata") or {},
            "spec": spec,
            "status": status,
        }

    def _token(self, spec: Obj) -> Obj:
        token = spec.get("token")
        if not token or not isinstance(token, str):
            raise BadRequestError("TokenReview: spec.token: Required value")
        try:
            proven = self._tokens.check(token, spec.get("audiences") or ())
        except InvalidTokenError as error:
            return {"authenticated": False, "user": {}, "error": str(error)}
        return {
            "authenticated": True,
            "user": proven.user.info(),
            "audiences": list(proven.audiences),
        }

    def _access(self, user: User, spec: Obj) -> Obj:
        resource, path = spec.get("resourceAttributes"), spec.get("nonResourceAttributes")
        if (resource is None) == (path is None):
            raise BadRequestError(
                "exactly one of spec.resourceAttributes or spec.nonResourceAttributes must be set"
            )
        if resource is not None:
            access = Access(
                resource.get("verb", ""),
                resource.get("group", ""),
                resource.get("resource", ""),
                resource.get("subresource", ""),
                resource.get("namespace", ""),
                resource.get("name", ""),
            )
        else:
            asked: Obj = path or {}
            access = Access(asked.get("verb", ""), path=asked.get("path", "") or "/")
        decision = self._rbac.decide(user, access)
        status: Obj = {"allowed": decision.allowed}
        if decision.reason:
            status["reason"] = decision.reason
        return status

    def _rules(self, user: User, namespace: str) -> Obj:
        rules = self._rbac.rules_for(user, namespace)
        return {
            "resourceRules": [rule for rule in rules if not rule.get("nonResourceURLs")],
            "nonResourceRules": [rule for rule in rules if rule.get("nonResourceURLs")],
            "incomplete": False,
        }


def _subject(spec: Obj) -> User:
    if not spec.get("user") and not spec.get("groups"):
        raise BadRequestError("at least one of spec.user or spec.groups must be set")
    return User(spec.get("user") or "", tuple(spec.get("groups") or ()), spec.get("uid") or "")
