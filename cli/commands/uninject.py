"""`mesh uninject`."""

import click

from cli.group import MeshCommand
from cli.options import output_option


@click.command(cls=MeshCommand)
@click.argument("sources", nargs=-1, required=True, metavar="FILE|DIR|URL|-...")
@output_option("yaml", "json", default="yaml")
def uninject(sources: tuple[str, ...], output: str) -> None:
    """Remove the proxy from the workloads of manifests.

    Containers, volumes, labels and annotations of the mesh are taken out; `config.linkerd.io/*`
    annotations and `linkerd.io/inject: disabled` stay, because people wrote them.

    \b
    Examples:
      kubectl get deploy -o yaml | mesh uninject - | kubectl apply -f -
    """
    from cli.commands.inject import write
    from cli.injecting.documents import read_documents
    from cli.injecting.report import render_short_report
    from cli.injecting.uninject import uninject_manifest
    from cli.sources import read_sources

    changed, rows = [], []
    for source in read_sources(sources):
        for manifest in read_documents(source):
            one, found = uninject_manifest(manifest)
            changed.append(one)
            rows += found
    write(changed, output)
    click.echo(render_short_report(rows), err=True, nl=False)
