"""The custom resource definitions: policy, ServiceProfile and ExternalWorkload.

They are data, kept as YAML beside this module with one schema shared by the versions of a kind.
"""

from functools import cache
from importlib import resources
from typing import Any

from cli.manifests.policies import POLICIES, PROFILES, WORKLOADS
from cli.manifests.values import Values
from cli.render.yaml_text import load_one
from weft import labels

FILES = tuple(sorted((*POLICIES, *PROFILES, *WORKLOADS)))


@cache
def _read(name: str) -> str:
    return resources.files("cli.manifests").joinpath("crds", f"{name}.yaml").read_text("utf-8")


def names() -> list[str]:
    """The definitions' names, such as `servers.policy.linkerd.io`."""
    return [load_one(_read(name))["metadata"]["name"] for name in FILES]


def render(values: Values) -> list[dict[str, Any]]:
    """All definitions, labelled as the control plane's."""
    found = []
    for name in FILES:
        definition = load_one(_read(name))
        definition["metadata"]["labels"] = {
            **values.commonLabels,
            labels.CONTROL_PLANE_NS_LABEL: values.namespace,
        }
        found.append(definition)
    return found
