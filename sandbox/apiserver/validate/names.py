"""The grammars of names (`apimachinery/pkg/util/validation`): each returns what is wrong, or None."""

import re

_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_LABEL_1035 = r"[a-z]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = rf"{_LABEL}(\.{_LABEL})*"
_QUALIFIED = r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"

_label = re.compile(_LABEL)
_label_1035 = re.compile(_LABEL_1035)
_subdomain = re.compile(_SUBDOMAIN)
_qualified = re.compile(_QUALIFIED)
_port_name = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")
_env_name = re.compile(r"[^=\x00-\x1f\x7f]+")
_path_segment_forbidden = ("/", "%")


def dns_label(value: str) -> str | None:
    if len(value) > 63:
        return "must be no more than 63 characters"
    if _label.fullmatch(value):
        return None
    return (
        "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and"
        " must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex"
        f" used for validation is '{_LABEL}')"
    )


def dns_label_1035(value: str) -> str | None:
    if len(value) > 63:
        return "must be no more than 63 characters"
    if _label_1035.fullmatch(value):
        return None
    return (
        "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an"
        " alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or"
        f" 'abc-123', regex used for validation is '{_LABEL_1035}')"
    )


def dns_subdomain(value: str) -> str | None:
    if len(value) > 253:
        return "must be no more than 253 characters"
    if _subdomain.fullmatch(value):
        return None
    return (
        "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or"
        " '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex"
        f" used for validation is '{_SUBDOMAIN}')"
    )


def path_segment(value: str) -> str | None:
    """RBAC names: anything that can stand in a path."""
    if value in (".", ".."):
        return f"may not be '{value}'"
    for forbidden in _path_segment_forbidden:
        if forbidden in value:
            return f"may not contain '{forbidden}'"
    return None


def qualified_name(value: str) -> str | None:
    """Label and annotation keys: an optional DNS prefix, a slash, a name."""
    prefix, slash, name = value.rpartition("/")
    if slash and not prefix:
        return "prefix part must be non-empty"
    if slash and "/" in prefix:
        return (
            "a qualified name must consist of alphanumeric characters, '-', '_' or '.', and must"
            " start and end with an alphanumeric character with an optional DNS subdomain prefix"
            " and '/' (e.g. 'example.com/MyName')"
        )
    if slash and (wrong := dns_subdomain(prefix)):
        return f"prefix part {wrong}"
    if not name:
        return "name part must be non-empty"
    if len(name) > 63:
        return "name part must be no more than 63 characters"
    if _qualified.fullmatch(name):
        return None
    return (
        "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end"
        " with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used"
        f" for validation is '{_QUALIFIED}')"
    )


def label_value(value: str) -> str | None:
    if not value:
        return None
    if len(value) > 63:
        return "must be no more than 63 characters"
    if _qualified.fullmatch(value):
        return None
    return (
        "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or"
        " '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or"
        f" 'my_value',  or '12345', regex used for validation is '({_QUALIFIED})?')"
    )


def port_name(value: str) -> str | None:
    if len(value) > 15:
        return "must be no more than 15 characters"
    if not _port_name.fullmatch(value):
        return "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)"
    if "--" in value:
        return "must not contain consecutive hyphens"
    if not any(letter.isalpha() for letter in value):
        return "must contain at least one letter (a-z)"
    return None


def port_number(value: int) -> str | None:
    return None if 1 <= value <= 65535 else "must be between 1 and 65535, inclusive"


def env_name(value: str) -> str | None:
    if _env_name.fullmatch(value):
        return None
    return "environment variable names must be printable ASCII characters other than '=' character"
