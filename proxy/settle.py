"""What a start leaves behind, given back before the first request."""

from __future__ import annotations

import ctypes
import gc


def settle() -> None:
    """Collect what the start dropped, spare later collections what it kept, and hand free pages back.

    Reading byte code leaves holes in the C library's heap that nothing fills again: a megabyte of an
    idle proxy. A C library that knows no `malloc_trim` (musl) keeps it.
    """
    gc.collect()
    gc.freeze()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
