"""Names and tags of container images, as registries allow them.

A name has no tag and no digest: the tag is a setting of its own, and both are put together with a colon.
"""

import re

NAME = re.compile(r"([A-Za-z0-9][A-Za-z0-9._:/-]*/)?[A-Za-z0-9][A-Za-z0-9._-]*")
"""A colon before the last slash is that of a registry's port."""
TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")


def is_image_name(text: str) -> bool:
    """`registry:5000/team/app`, and not `app:1`."""
    return NAME.fullmatch(text) is not None


def is_image_tag(text: str) -> bool:
    """`1.2-rc1`."""
    return TAG.fullmatch(text) is not None
