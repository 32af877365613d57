"""Who may do what: RBAC over the Roles and bindings in the store.

`system:masters` may everything. A decision also says why, in the words of the real authorizer.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from sandbox.apiserver.identity import MASTERS, User
from sandbox.apiserver.kinds import CLUSTER_ROLE, CLUSTER_ROLE_BINDING, ROLE, ROLE_BINDING
from sandbox.apiserver.objects import Obj, labels_of, name_of, namespace_of
from sandbox.apiserver.selectors import labels_from_object
from sandbox.apiserver.store import Store


@dataclass(frozen=True, slots=True)
class Access:
    """What is to be done, as reviews and requests put it."""

    verb: str
    group: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    """"" for cluster-wide."""
    name: str = ""
    path: str = ""
    """For non-resource URLs; then the other fields but the verb are empty."""

    @property
    def full_resource(self) -> str:
        return f"{self.resource}/{self.subresource}" if self.subresource else self.resource

    def refusal(self, user: User) -> str:
        if self.path:
            return f'User "{user.name}" cannot {self.verb} path "{self.path}"'
        where = f'in the namespace "{self.namespace}"' if self.namespace else "at the cluster scope"
        return (
            f'User "{user.name}" cannot {self.verb} resource "{self.full_resource}"'
            f' in API group "{self.group}" {where}'
        )


@dataclass(frozen=True, slots=True)
class Decision:
    allowed: bool
    reason: str = ""


class Rbac:
    def __init__(self, store: Store) -> None:
        self._store = store

    def decide(self, user: User, access: Access) -> Decision:
        if user.in_group(MASTERS):
            return Decision(True)
        for rule, reason in self._rules(user, access.namespace):
            if allows(rule, access):
                return Decision(True, reason)
        return Decision(False)

    def rules_for(self, user: User, namespace: str) -> list[Obj]:
        """Every rule that holds for `user` in `namespace`: what SelfSubjectRulesReview lists."""
        if user.in_group(MASTERS):
            return [
                {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]},
                {"verbs": ["*"], "nonResourceURLs": ["*"]},
            ]
        return [rule for rule, _ in self._rules(user, namespace)]

    def _rules(self, user: User, namespace: str) -> Iterator[tuple[Obj, str]]:
        for binding in self._store.list(CLUSTER_ROLE_BINDING):
            subject = _subject_of(binding, user)
            if subject:
                yield from self._of_role(binding, "ClusterRoleBinding", subject)
        if not namespace:
            return
        for binding in self._store.list(ROLE_BINDING, namespace):
            subject = _subject_of(binding, user)
            if subject:
                yield from self._of_role(binding, "RoleBinding", subject)

    def _of_role(self, binding: Obj, kind: str, subject: str) -> Iterator[tuple[Obj, str]]:
        reference = binding.get("roleRef") or {}
        name, namespace = reference.get("name", ""), namespace_of(binding)
        shown = f"{name_of(binding)}/{namespace}" if namespace else name_of(binding)
        reason = (
            f'RBAC: allowed by {kind} "{shown}" of {reference.get("kind")} "{name}" to {subject}'
        )
        if reference.get("kind") == "Role":
            role = self._store.find(ROLE, namespace, name)
        else:
            role = self._store.find(CLUSTER_ROLE, "", name)
        for rule in self._role_rules(role):
            yield rule, reason

    def _role_rules(self, role: Obj | None) -> list[Obj]:
        """A role's rules; an aggregated ClusterRole has those of the roles it selects."""
        if role is None:
            return []
        aggregation = role.get("aggregationRule")
        if not aggregation:
            return role.get("rules") or []
        found: list[Obj] = list(role.get("rules") or [])
        for selector in aggregation.get("clusterRoleSelectors") or []:
            chosen = labels_from_object(selector)
            for other in self._store.list(CLUSTER_ROLE):
                if other is not role and chosen.matches(labels_of(other)):
                    found += other.get("rules") or []
        return found


def _subject_of(binding: Obj, user: User) -> str:
    """How a binding names `user`, for the reason; "" when it does not."""
    for subject in binding.get("subjects") or []:
        kind, name = subject.get("kind"), subject.get("name")
        match kind:
            case "User" if name == user.name:
                return f'User "{name}"'
            case "Group" if user.in_group(str(name)):
                return f'Group "{name}"'
            case "ServiceAccount":
                namespace = subject.get("namespace") or namespace_of(binding)
                if user.name == f"system:serviceaccount:{namespace}:{name}":
                    return f'ServiceAccount "{name}/{namespace}"'
    return ""


def allows(rule: Obj, access: Access) -> bool:
    """Whether one PolicyRule allows an access. Pure."""
    if not _listed(access.verb, rule.get("verbs")):
        return False
    if access.path:
        return any(_path_matches(one, access.path) for one in rule.get("nonResourceURLs") or [])
    names = rule.get("resourceNames") or []
    return (
        _listed(access.group, rule.get("apiGroups"))
        and _resource_listed(access, rule.get("resources") or [])
        and (not names or access.name in names)
    )


def _listed(value: str, allowed: list[str] | None) -> bool:
    return "*" in (allowed or ()) or value in (allowed or ())


def _resource_listed(access: Access, resources: list[str]) -> bool:
    if "*" in resources or access.full_resource in resources:
        return True
    return bool(access.subresource) and f"*/{access.subresource}" in resources


def _path_matches(pattern: str, path: str) -> bool:
    if pattern.endswith("*"):
        return path.startswith(pattern[:-1])
    return pattern == path
