"""Reviews: questions put as objects that are answered at once and stored nowhere."""

from sandbox.apiserver import kinds
from sandbox.apiserver.authz import Access, Rbac
from sandbox.apiserver.errors import (
    BadRequestError,
    InvalidError,
    MethodNotAllowedError,
    invalid,
)
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
                status = self._access(kind, asker, spec)
            case kinds.SUBJECT_ACCESS_REVIEW | kinds.LOCAL_SUBJECT_ACCESS_REVIEW:
                status = self._access(kind, _subject(spec), spec)
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
            return {"user": {}, "error": str(error)}
        return {
            "authenticated": True,
            "user": proven.user.info(),
            "audiences": list(proven.audiences),
        }

    def _access(self, kind: Kind, user: User, spec: Obj) -> Obj:
        _check_access(kind, spec)
        resource, path = spec.get("resourceAttributes"), spec.get("nonResourceAttributes")
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


def _check_access(kind: Kind, spec: Obj) -> None:
    """InvalidError for a question that names nothing, or more than one thing, or nobody."""
    resource, path = spec.get("resourceAttributes"), spec.get("nonResourceAttributes")
    found = []
    if resource is not None and path is not None:
        why = "cannot be specified in combination with resourceAttributes"
        found.append(invalid("spec.nonResourceAttributes", path, why))
    if resource is None and path is None:
        why = "exactly one of nonResourceAttributes or resourceAttributes must be specified"
        found.append(invalid("spec.resourceAttributes", None, why))
    about_others = kind != kinds.SELF_SUBJECT_ACCESS_REVIEW
    if about_others and not spec.get("user") and not spec.get("groups"):
        why = "at least one of user or group must be specified"
        found.append(invalid("spec.user", "", why))
    if found:
        raise InvalidError.about(kind.group, "", "", found)


def _subject(spec: Obj) -> User:
    return User(spec.get("user") or "", tuple(spec.get("groups") or ()), spec.get("uid") or "")
