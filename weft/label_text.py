"""Keys and values of labels, as the API server takes them.

The grammar is apimachinery's (`util/validation`): a key is a name of up to 63 characters, perhaps with a
domain and a slash before it; a value is such a name, or empty.
"""

import re

from weft.names import is_dns_name

NAME = "[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?"
"""The form of a key without its domain, and of a value that is not empty."""
_NAME = re.compile(NAME)


def is_label_key(text: str) -> bool:
    """`team`, `example.com/team`."""
    domain, slash, name = text.rpartition("/")
    return _NAME.fullmatch(name) is not None and (not slash or is_dns_name(domain))


def is_label_value(text: str) -> bool:
    """`ssd`, `v1.2_rc`, and nothing at all."""
    return not text or _NAME.fullmatch(text) is not None
