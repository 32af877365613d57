"""Golden files: what people and tools read, kept beside the tests and compared as data.

`RENEW_GOLDEN=1 pytest cli` writes them anew; the difference is then reviewed like any other change.
"""

import os
from pathlib import Path
from typing import Any

from cli.render.yaml_text import dump_all, load_documents

FOLDER = Path(__file__).parent / "golden"


def compare_yaml(name: str, documents: list[dict[str, Any]]) -> None:
    """Raises AssertionError naming the first object that differs."""
    path = FOLDER / f"{name}.yaml"
    if os.environ.get("RENEW_GOLDEN"):
        FOLDER.mkdir(exist_ok=True)
        path.write_text(dump_all(documents), "utf-8")
    expected = [one.value for one in load_documents(path.read_text("utf-8"))]
    assert [_called(one) for one in documents] == [_called(one) for one in expected]
    for found, wanted in zip(documents, expected, strict=True):
        assert found == wanted, f"{_called(found)} differs from {path.name}"


def compare_text(name: str, text: str) -> None:
    """Raises AssertionError when the text differs."""
    path = FOLDER / f"{name}.txt"
    if os.environ.get("RENEW_GOLDEN"):
        FOLDER.mkdir(exist_ok=True)
        path.write_text(text, "utf-8")
    assert text == path.read_text("utf-8"), f"the text differs from {path.name}"


def _called(document: dict[str, Any]) -> str:
    return f"{document['kind']}/{document['metadata']['name']}"
