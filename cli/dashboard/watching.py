"""Live requests, asked for in the reader's own name.

The web service reads metrics, which say how many; live requests say who asked for what, and who may see
that is for the cluster's own access rules to decide. So the service has no right to watch that a page could
borrow: a page's question goes past it, to the tap API, with the reader's credentials, and is allowed or
refused as `mesh tap` is.
"""

import re
from dataclasses import dataclass

from cli.cluster.errors import ClusterError
from cli.dashboard.upstream import Upstream
from cli.live.question import ROOT
from cli.live.stream import refusal

_NAME = "([a-z0-9](?:[-a-z0-9.]*[a-z0-9])?)"
_PATH = re.compile(rf"/api/v1/tap/namespaces/{_NAME}(?:/([a-z]+)/{_NAME})?")


def api_path(path: str) -> str | None:
    """Where the tap API answers what a page asks at `path`; None when that is no such question.

    `/api/v1/tap/namespaces/NS`, or one resource of it: `/api/v1/tap/namespaces/NS/KINDS/NAME`.
    """
    found = _PATH.fullmatch(path)
    if found is None:
        return None
    namespace, kinds, name = found.groups()
    return f"{ROOT}/{namespace}/tap" if kinds is None else f"{ROOT}/{namespace}/{kinds}/{name}/tap"


@dataclass(frozen=True, slots=True)
class TapApi:
    """The tap API as this host reaches it."""

    api_server: Upstream
    weft_namespace: str

    def why(self, status: int, body: bytes) -> ClusterError:
        """What to tell the reader of an answer that is none."""
        return refusal(status, body, self.weft_namespace)
