"""The namespace commands mean when none is given: the one of the kubeconfig's context, or of the pod they run in."""

import os
from pathlib import Path

from cli.cluster.kubeconfig import context_namespace, files_of
from cli.options import Globals

FALLBACK = "default"
OWN = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
"""Where the kubelet says it, beside the token that is used where there is no kubeconfig."""


def current_namespace(chosen: Globals) -> str:
    """The namespace of the chosen context, or `default`; a kubeconfig that cannot be read has none."""
    return context_namespace(chosen) or _own(chosen) or FALLBACK


def _own(chosen: Globals) -> str:
    """Of the pod, where its service account is who asks; empty elsewhere."""
    if chosen.kubeconfig is not None or "KUBERNETES_SERVICE_HOST" not in os.environ:
        return ""
    if any(file.exists() for file in files_of(chosen)):
        return ""
    try:
        return OWN.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""
