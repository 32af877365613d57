"""Who makes a request."""

from dataclasses import dataclass, field

from sandbox.apiserver.objects import Obj

MASTERS = "system:masters"
AUTHENTICATED = "system:authenticated"
UNAUTHENTICATED = "system:unauthenticated"
SERVICE_ACCOUNTS = "system:serviceaccounts"


@dataclass(frozen=True, slots=True)
class User:
    name: str
    groups: tuple[str, ...] = ()
    uid: str = ""
    extra: dict[str, list[str]] = field(default_factory=dict)

    def info(self) -> Obj:
        """The `userInfo` of reviews: TokenReview's status, AdmissionReview's request."""
        shown: Obj = {"username": self.name, "groups": list(self.groups)}
        if self.uid:
            shown["uid"] = self.uid
        if self.extra:
            shown["extra"] = self.extra
        return shown

    def in_group(self, group: str) -> bool:
        return group in self.groups


def service_account(namespace: str, name: str, uid: str = "") -> User:
    groups = (SERVICE_ACCOUNTS, f"{SERVICE_ACCOUNTS}:{namespace}", AUTHENTICATED)
    return User(f"system:serviceaccount:{namespace}:{name}", groups, uid)


ANONYMOUS = User("system:anonymous", (UNAUTHENTICATED,))
CONTROLLER_MANAGER = User("system:kube-controller-manager", (MASTERS, AUTHENTICATED))
"""Who writes when the sandbox's own controllers do."""
