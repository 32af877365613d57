"""Who makes a request: by client certificate, by bearer token, or nobody."""

from cryptography import x509
from cryptography.x509.oid import NameOID

from sandbox.apiserver.errors import UnauthorizedError
from sandbox.apiserver.identity import ANONYMOUS, AUTHENTICATED, User
from sandbox.apiserver.tokens import InvalidTokenError, Tokens

IMPERSONATE_USER = "impersonate-user"
IMPERSONATE_GROUP = "impersonate-group"


def from_certificate(der: bytes) -> User:
    """The user a verified client certificate names: common name, organizations as groups."""
    subject = x509.load_der_x509_certificate(der).subject
    names = [str(one.value) for one in subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    groups = [str(one.value) for one in subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)]
    if not names:
        raise UnauthorizedError
    return User(names[0], (*groups, AUTHENTICATED))


class Authenticator:
    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens

    def identify(self, authorization: str, certificate: bytes | None) -> User:
        """UnauthorizedError for a credential that is there and wrong; ANONYMOUS without any."""
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() == "bearer" and token.strip():
            try:
                return self._tokens.check(token.strip()).user
            except InvalidTokenError as error:
                raise UnauthorizedError from error
        if certificate is not None:
            return from_certificate(certificate)
        return ANONYMOUS


def impersonated(name: str, groups: list[str]) -> User:
    """The user somebody privileged asked to be (`kubectl --as`)."""
    return User(name, (*groups, AUTHENTICATED))
