"""The namespace commands mean when none is given: the one of the kubeconfig's context."""

import os

from cli.cluster.client import DEFAULT_KUBECONFIG
from cli.options import Globals

FALLBACK = "default"


def current_namespace(chosen: Globals) -> str:
    """The namespace of the chosen context, or `default`; a kubeconfig that cannot be read has none."""
    import yaml
    from kubernetes.config import ConfigException, list_kube_config_contexts

    path = chosen.kubeconfig or os.environ.get("KUBECONFIG") or DEFAULT_KUBECONFIG
    files = os.pathsep.join(os.path.expanduser(one) for one in path.split(os.pathsep) if one)
    try:
        contexts, active = list_kube_config_contexts(config_file=files)  # type: ignore[no-untyped-call]
    except (ConfigException, yaml.YAMLError, OSError, ValueError, TypeError, KeyError):
        return FALLBACK
    for context in contexts:
        if context.get("name") == (chosen.context or active.get("name")):
            return str((context.get("context") or {}).get("namespace") or FALLBACK)
    return FALLBACK
