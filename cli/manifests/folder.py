"""Manifests as files of a folder, one object each, for repositories that a cluster follows.

Names depend on nothing but the object, so that a change of values shows as a change of few files. They
begin with a number by kind, because `kubectl apply -f FOLDER` goes by the names.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from cli.failure import CommandError
from cli.render.yaml_text import dump

HEADER = "# Written by `mesh`; a later run replaces or removes it.\n"
ORDER = {
    "CustomResourceDefinition": 10,
    "Namespace": 20,
    "ServiceAccount": 30,
    "ClusterRole": 30,
    "ClusterRoleBinding": 30,
    "Role": 30,
    "RoleBinding": 30,
    "ConfigMap": 40,
    "Secret": 40,
    "Service": 50,
    "Deployment": 60,
    "PodDisruptionBudget": 70,
    "APIService": 80,
    "ValidatingWebhookConfiguration": 90,
    "MutatingWebhookConfiguration": 90,
}
OTHERS = 75


def file_name(manifest: dict[str, Any]) -> str:
    """`60-deployment-weft-web.yaml`."""
    kind = manifest["kind"]
    return f"{ORDER.get(kind, OTHERS)}-{kind.lower()}-{manifest['metadata']['name']}.yaml"


def write_folder(
    folder: Path, manifests: Iterable[dict[str, Any]], *, complete: bool
) -> tuple[list[str], list[str]]:
    """Writes the files; returns the names of those written and of those removed.

    When the manifests are `complete`, files of an earlier run that are no more among them are removed.
    Files of others are left alone. Secrets are readable by their owner alone. Raises
    CommandError.
    """
    texts = {file_name(one): (one, HEADER + dump(one)) for one in manifests}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        old = [path for path in folder.glob("*.yaml") if path.name not in texts and _ours(path)]
        old = old if complete else []
        for path in old:
            path.unlink()
        for name, (manifest, text) in texts.items():
            path = folder / name
            secret = manifest["kind"] == "Secret"
            path.touch(mode=0o600 if secret else 0o644)
            if secret:  # A file that was there keeps its mode otherwise, as that of a git checkout.
                path.chmod(0o600)
            path.write_text(text, "utf-8")
    except OSError as error:
        raise CommandError(f"cannot write {error.filename}: {error.strerror}") from None
    return sorted(texts), sorted(path.name for path in old)


def _ours(path: Path) -> bool:
    with path.open(encoding="utf-8", errors="replace") as file:
        return file.readline() == HEADER
