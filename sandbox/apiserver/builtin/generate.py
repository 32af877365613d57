"""Makes `messages.json` from the Go structs of k8s.io/api and k8s.io/apimachinery.

    python -m sandbox.apiserver.builtin.generate K8S_IO_API_DIR K8S_IO_APIMACHINERY_DIR

The struct tags say everything: JSON name, protobuf number, and whether a field is embedded; the Go
type says whether absence and zero differ (a pointer).
"""

import json
import re
import sys
from pathlib import Path

PACKAGES = (
    "admissionregistration/v1", "apps/v1", "authentication/v1", "authorization/v1", "autoscaling/v1",
    "autoscaling/v2", "batch/v1", "coordination/v1", "core/v1", "discovery/v1", "events/v1",
    "networking/v1", "policy/v1", "rbac/v1", "scheduling/v1", "storage/v1",
)  # fmt: skip
META = "meta/v1"
EXTRA_ROOTS = ("meta/v1.DeleteOptions",)
SCALARS = {
    "string": "s", "bool": "b", "int32": "i", "int64": "i", "int": "i", "uint32": "i", "float64": "d",
    "[]byte": "y", "byte": "i",
}  # fmt: skip
SPECIAL = {
    "meta/v1.Time": "T", "meta/v1.MicroTime": "U", "meta/v1.Duration": "i", "meta/v1.FieldsV1": "F",
    "intstr.IntOrString": "I", "resource.Quantity": "Q", "runtime.RawExtension": "R",
    "types.UID": "s", "types.NodeName": "s", "runtime.Object": "R",
}  # fmt: skip
IMPORTS = {"metav1": META, "v1": "core/v1", "corev1": "core/v1", "apiv1": "core/v1"}

_STRUCT = re.compile(r"^type (\w+) struct \{\n(.*?)^\}", re.MULTILINE | re.DOTALL)
_ALIAS = re.compile(r"^type (\w+) ((?:\[\]|map\[\w+\])*[\w.]+)\s*(?://.*)?$", re.MULTILINE)
_FIELD = re.compile(r"^\s*(?:(\w+)\s+)?([\w.*\[\]]+)\s+`([^`]*)`", re.MULTILINE)


class Source:
    def __init__(self, api: Path, machinery: Path) -> None:
        self.structs: dict[str, str] = {}
        self.aliases: dict[str, str] = {}
        for package in PACKAGES:
            self._read(package, api / package)
        self._read(META, machinery / "pkg/apis/meta/v1")

    def _read(self, package: str, directory: Path) -> None:
        for path in sorted(directory.glob("*types.go")):
            text = path.read_text()
            for match in _STRUCT.finditer(text):
                self.structs[f"{package}.{match[1]}"] = match[2]
            for match in _ALIAS.finditer(text):
                self.aliases[f"{package}.{match[1]}"] = match[2]

    def type_of(self, package: str, go: str) -> str:
        """The table's code for a Go type as `package` writes it."""
        if go.startswith("*"):
            return "*" + self.type_of(package, go[1:])
        if go in SCALARS:
            return SCALARS[go]
        if go.startswith("[]"):
            return "[]" + self.type_of(package, go[2:])
        if go.startswith("map["):
            return "{}" + self.type_of(package, go.partition("]")[2])
        prefix, _, name = go.rpartition(".")
        full = f"{IMPORTS.get(prefix, prefix) or package}.{name}"
        if full in SPECIAL:
            return SPECIAL[full]
        if full in self.aliases:
            owner = full.rpartition(".")[0]
            code = self.type_of(owner, self.aliases[full])
            # A named slice is a message of its own: {repeated string items = 1}.
            return f"<{code}>" if code.startswith("[]") else code
        if full in self.structs:
            return full
        raise KeyError(f"{full} (from {package})")

    def message(self, full: str) -> dict[str, list[str]]:
        package = full.rpartition(".")[0]
        fields: dict[str, list[str]] = {}
        for match in _FIELD.finditer(self.structs[full]):
            tags = dict(re.findall(r'(\w+):"([^"]*)"', match[3]))
            if "protobuf" not in tags:
                continue
            number = tags["protobuf"].split(",")[1]
            name, *options = tags["json"].split(",")
            code = self.type_of(package, match[2])
            if code.startswith("<"):
                code = f"[]{code}" if ",rep," in tags["protobuf"] else code
            fields[number] = ["+" if "inline" in options and not name else name, code]
        return fields


def roots(source: Source) -> list[str]:
    """The messages that are objects of their own: those with a TypeMeta, lists left out."""
    return [
        name
        for name, body in source.structs.items()
        if "metav1.TypeMeta" in body and not name.endswith("List")
    ]


def reachable(source: Source) -> dict[str, dict[str, list[str]]]:
    """Every message an object can contain."""
    waiting = [*EXTRA_ROOTS, *roots(source)]
    found: dict[str, dict[str, list[str]]] = {}
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found[name] = source.message(name)
        inner = [code.lstrip("*[]{}<>").rstrip(">") for _, code in found[name].values()]
        waiting += [one for one in inner if one in source.structs]
    return dict(sorted(found.items()))


def main() -> None:
    api, machinery = map(Path, sys.argv[1:3])
    messages = reachable(Source(api, machinery))
    lines = [
        f'"{name}":{json.dumps(fields, separators=(",", ":"))}' for name, fields in messages.items()
    ]
    target = Path(__file__).with_name("messages.json")
    target.write_text("{\n" + ",\n".join(lines) + "\n}\n")
    sys.stdout.write(f"{len(messages)} messages\n")


if __name__ == "__main__":
    main()
