"""`python -m proxy.tests.redirected`: the process of a proxy that believes every inbound connection was
going to one port of this host, as the kernel's redirection would say in a pod."""

from __future__ import annotations

import os
import sys

from proxy.__main__ import main
from proxy.inbound.accept import Inbound
from weft.addresses import SocketAddress

TARGET = "REDIRECTED_FROM"
"""The variable that has the port."""


def redirect(port: int) -> None:
    target = SocketAddress("127.0.0.1", port)
    defaults = Inbound.__init__.__kwdefaults__
    assert defaults is not None
    defaults["original_destination"] = lambda sock: target


if __name__ == "__main__":
    redirect(int(os.environ[TARGET]))
    sys.exit(main())
