"""Texts of others that we pass on."""

from __future__ import annotations


def encodable(text: str) -> str:
    r"""The text with halves of surrogate pairs as `\udXXX`: JSON can spell them, UTF-8 cannot.

    An answer that had one could not be sent.
    """
    return text.encode("utf-8", "backslashreplace").decode()
