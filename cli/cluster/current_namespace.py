"""The namespace commands mean when none is given: the one of the kubeconfig's context."""

import os

from cli.cluster.kubeconfig import files_of, plain_namespace
from cli.options import Globals

FALLBACK = "default"


def current_namespace(chosen: Globals) -> str:
    """The namespace of the chosen context, or `default`; a kubeconfig that cannot be read has none."""
    plain = plain_namespace(chosen)
    if plain is not None:
        return plain or FALLBACK

    import yaml
    from kubernetes.config import ConfigException, list_kube_config_contexts

    files = os.pathsep.join(map(str, files_of(chosen)))
    try:
        contexts, active = list_kube_config_contexts(config_file=files)  # type: ignore[no-untyped-call]
    except (ConfigException, yaml.YAMLError, OSError, ValueError, TypeError, KeyError):
        return FALLBACK
    for context in contexts:
        if context.get("name") == (chosen.context or active.get("name")):
            return str((context.get("context") or {}).get("namespace") or FALLBACK)
    return FALLBACK
