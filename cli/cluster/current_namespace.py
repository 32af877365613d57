"""The namespace commands mean when none is given: the one of the kubeconfig's context."""

from cli.cluster.kubeconfig import context_namespace
from cli.options import Globals

FALLBACK = "default"


def current_namespace(chosen: Globals) -> str:
    """The namespace of the chosen context, or `default`; a kubeconfig that cannot be read has none."""
    return context_namespace(chosen) or FALLBACK
