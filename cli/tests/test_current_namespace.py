"""The namespace of the kubeconfig's context."""

from pathlib import Path

import pytest

from cli.cluster.current_namespace import current_namespace
from cli.options import Globals

KUBECONFIG = """
apiVersion: v1
kind: Config
current-context: a
clusters: [{name: c, cluster: {server: "https://127.0.0.1:1"}}]
users: [{name: u, user: {}}]
contexts:
- {name: a, context: {cluster: c, user: u, namespace: emojivoto}}
- {name: b, context: {cluster: c, user: u}}
"""


def test_by_context(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "config"
    file.write_text(KUBECONFIG)
    assert current_namespace(Globals(kubeconfig=str(file))) == "emojivoto"
    assert current_namespace(Globals(kubeconfig=str(file), context="b")) == "default"
    monkeypatch.setenv("KUBECONFIG", str(file))
    assert current_namespace(Globals()) == "emojivoto"


@pytest.mark.parametrize("text", ["", "a: [", "contexts: 5", "- a"])
def test_an_unreadable_file_names_none(tmp_path: Path, text: str) -> None:
    file = tmp_path / "config"
    file.write_text(text)
    assert current_namespace(Globals(kubeconfig=str(file))) == "default"
    assert current_namespace(Globals(kubeconfig=str(tmp_path / "absent"))) == "default"


CONTEXT = "contexts: [{name: a, context: {cluster: c, user: u, namespace: %s}}]\n"
MERGED = [
    # Nobody says which context is current, but the flag.
    ((CONTEXT % "shop", "users: []\n"), "a", "shop"),
    (("users: []\n", CONTEXT % "shop"), "a", "shop"),
    (("current-context: a\n", CONTEXT % "shop"), None, "shop"),
    ((CONTEXT % "shop", "current-context: a\n" + CONTEXT % "later"), None, "shop"),
    (("current-context: b\n", "current-context: a\n" + CONTEXT % "shop"), None, "default"),
    ((CONTEXT % "shop",), None, "default"),
]


@pytest.mark.parametrize(("texts", "context", "namespace"), MERGED)
def test_of_several_files_the_first_that_says_something_counts(
    tmp_path: Path, texts: tuple[str, ...], context: str | None, namespace: str
) -> None:
    files = [tmp_path / str(number) for number in range(len(texts))]
    for file, text in zip(files, texts, strict=True):
        file.write_text("apiVersion: v1\nkind: Config\n" + text)
    chosen = Globals(kubeconfig=":".join(map(str, files)), context=context)
    assert current_namespace(chosen) == namespace


def test_in_a_pod_it_is_the_pods_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "namespace").write_text("ci\n")
    monkeypatch.setattr("cli.cluster.current_namespace.OWN", tmp_path / "namespace")
    file = tmp_path / "config"
    monkeypatch.setenv("KUBECONFIG", str(file))
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    assert current_namespace(Globals()) == "default"
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.96.0.1")
    assert current_namespace(Globals()) == "ci"
    assert current_namespace(Globals(kubeconfig=str(file))) == "default"
    file.write_text(KUBECONFIG)
    assert current_namespace(Globals(context="b")) == "default"
    file.unlink()
    (tmp_path / "namespace").unlink()
    assert current_namespace(Globals()) == "default"
