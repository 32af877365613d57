"""What `mesh install`, `mesh upgrade` and `mesh prune` share: flags that make values, and where manifests go."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import click

from cli.commands.value_flags import take_layers, value_flags
from cli.failure import CommandError
from cli.options import Globals

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Wishes:
    """The flags that say how the mesh shall be."""

    high_availability: bool
    registry: str | None
    external_issuer: bool
    anchors: str | None
    issuer: str | None
    key: str | None
    files: tuple[str, ...]
    settings: tuple[str, ...]
    strings: tuple[str, ...]
    contents: tuple[str, ...]
    single: list[tuple[str, Json]]
    """Flags that are one value each, as layers."""

    @classmethod
    def taken_from(cls, flags: dict[str, Any]) -> "Wishes":
        """Takes its flags out of a command's keyword arguments."""
        single = take_layers(flags)
        return cls(single=single, **{name: flags.pop(name) for name in _OWN})

    def layers(self) -> list[tuple[str, Json]]:
        """As trees of values, later ones winning. Raises CommandError."""
        from cli.manifests import high_availability
        from cli.manifests.credentials import identity_files
        from cli.manifests.identity import KEPT_ELSEWHERE
        from cli.manifests.overrides import parse_set, parse_set_file, read_files

        layers: list[tuple[str, Json]] = []
        if self.high_availability:
            layers.append((high_availability.SOURCE, high_availability.TREE))
        layers += read_files(self.files)
        if self.registry is not None:
            layers.append(("--image-registry", {"imageRegistry": self.registry}))
        if self.external_issuer:
            scheme = {"identity": {"issuer": {"scheme": KEPT_ELSEWHERE}}}
            layers.append(("--identity-external-issuer", scheme))
        paths = {
            "--identity-trust-anchors-file": self.anchors,
            "--identity-issuer-certificate-file": self.issuer,
            "--identity-issuer-key-file": self.key,
        }
        layers.append(("--identity-*-file", identity_files(paths)))
        layers += self.single
        layers += [("--set", parse_set("--set", text, as_string=False)) for text in self.settings]
        layers += [
            ("--set-string", parse_set("--set-string", text, as_string=True))
            for text in self.strings
        ]
        layers += [("--set-file", parse_set_file(text)) for text in self.contents]
        for source, tree in layers:
            for name, instead in {"namespace": "-L", "version": "another `mesh`"}.items():
                if name in tree:
                    raise CommandError(f"{source}: value {name} cannot be set; use {instead}")
        return layers


_OWN = tuple(field.name for field in fields(Wishes) if field.name != "single")


def wishes(command: Callable[..., Any]) -> Callable[..., Any]:
    """The flags of Wishes."""
    command = value_flags(command)
    for option in reversed((
        click.option("--ha", "high_availability", is_flag=True, help="Values for a control plane that outlives a node: three replicas, apart; the values page lists them."),
        click.option("--image-registry", "--registry", "registry", metavar="PREFIX", help="Where images come from, such as registry.example.com/weft."),
        click.option("--identity-external-issuer", "external_issuer", is_flag=True, help="Somebody else, such as cert-manager, keeps Secret weft-identity-issuer (tls.crt, tls.key, ca.crt)."),
        click.option("--identity-trust-anchors-file", "anchors", metavar="FILE", help="PEM bundle of trust anchors."),
        click.option("--identity-issuer-certificate-file", "issuer", metavar="FILE", help="PEM certificate (and intermediates) of the issuer."),
        click.option("--identity-issuer-key-file", "key", metavar="FILE", help="PEM private key of the issuer."),
        click.option("-f", "--values", "files", multiple=True, metavar="FILE", help="Values file (YAML); later ones and --set win."),
        click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="Set a value, such as proxy.logLevel=debug; may be repeated."),
        click.option("--set-string", "strings", multiple=True, metavar="KEY=VALUE", help="As --set, and the value is text whatever it looks like."),
        click.option("--set-file", "contents", multiple=True, metavar="KEY=FILE", help="As --set, and the value is the file's content."),
    )):  # fmt: skip
        command = option(command)
    return command


def destination(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--crds`, `--skip-crds` and `--output-dir`."""
    for option in reversed((
        click.option("--crds", "only_crds", is_flag=True, help="Only the custom resource definitions."),
        click.option("--skip-crds", is_flag=True, help="All but the custom resource definitions."),
        click.option("--output-dir", type=click.Path(file_okay=False, path_type=Path), metavar="DIR", help="Write a file per object into DIR instead of printing."),
    )):  # fmt: skip
        command = option(command)
    return command


def emit(documents: Sequence[Json], output: str, folder: Path | None, *, complete: bool) -> None:
    """Manifests to stdout, or into a folder. Raises CommandError."""
    from cli.manifests.folder import write_folder
    from cli.render.yaml_text import as_list, dump_all, dump_json

    if folder is None:
        text = dump_json(as_list(documents)) if output == "json" else dump_all(documents)
        click.echo(text, nl=False)
        return
    written, removed = write_folder(folder, documents, complete=complete)
    click.echo(f"{len(written)} files written to {folder}", err=True)
    for name in removed:
        click.echo(f"{folder / name} removed: it is no longer part of the mesh", err=True)
    if any("-secret-" in name for name in written):
        click.echo(
            "Secrets are among them, with private keys: seal or leave them out of a repository.",
            err=True,
        )


def stored_layers(chosen: Globals, cluster: Any) -> tuple[Json, list[tuple[str, Json]]]:
    """The tree of ConfigMap weft-config, and what was chosen at installation as a layer of values.

    Values this version no longer has are told and left out. Raises CommandError.
    """
    from cli.cluster.installed import require_installed
    from cli.manifests.existing import read_overrides
    from cli.manifests.stored import known_only, overrides, without_derived
    from cli.render.yaml_text import load_one

    namespace = chosen.weft_namespace
    otherwise = "Name its namespace with -L, or install one: `mesh install | kubectl apply -f -`."
    installed = require_installed(cluster, namespace, otherwise)
    remembered = read_overrides(cluster, namespace)
    tree = overrides(installed.values) if remembered is None else load_one(remembered) or {}
    if not isinstance(tree, dict):
        raise CommandError(f"Secret {namespace}/weft-config-overrides holds no values")
    kept, unknown = known_only(tree)
    for name in unknown:
        click.echo(f"Warning: value {name} was set and exists no longer", err=True)
    chosen_then = without_derived(kept, installed.values)
    return installed.values, [("the installation", chosen_then)]
