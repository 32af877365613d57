"""`mesh inject`."""

from typing import Any

import click

from cli.failure import CommandError
from cli.group import MeshCommand
from cli.injecting.flags import annotation_flags, read_flags
from cli.options import Globals, current_globals, output_option


@click.command(cls=MeshCommand)
@click.argument("sources", nargs=-1, required=True, metavar="FILE|DIR|URL|-...")
@click.option(
    "--manual",
    is_flag=True,
    help="Write the proxy's containers here instead of leaving it to the webhook.",
)
@click.option(
    "--ignore-cluster", is_flag=True, help="With --manual: ask no cluster, use the default values."
)
@annotation_flags
@output_option("yaml", "json", default="yaml")
def inject(
    sources: tuple[str, ...], manual: bool, ignore_cluster: bool, output: str, **flags: Any
) -> None:
    """Add the proxy to the workloads of manifests.

    The manifests go to stdout, with the annotation `linkerd.io/inject: enabled` on every workload and
    namespace, and an annotation for each flag given; what became of each object goes to stderr.
    An `ingress` that is written there stays, as does a workload's `disabled`. Nothing is applied. When the pods are created, the webhook adds the proxy.

    \b
    Examples:
      kubectl get deploy -o yaml | mesh inject - | kubectl apply -f -
      mesh inject app.yaml other/ | kubectl apply -f -
      mesh inject --skip-outbound-ports 3306 --proxy-log-level debug app.yaml
      mesh inject --manual app.yaml               # containers and all, for clusters without the webhook
    """
    from cli.injecting.documents import read_documents
    from cli.injecting.report import render_report
    from cli.injecting.transform import Injection, inject_manifest
    from cli.sources import read_sources
    from weft import labels

    chosen = current_globals()
    annotations = {labels.INJECT: labels.INJECT_ENABLED, **read_flags(flags)}
    injection = Injection(
        annotations, read_manual(chosen, ignore_cluster, annotations) if manual else None
    )
    changed, rows = [], []
    for source in read_sources(sources):
        for manifest in read_documents(source):
            one, found = inject_manifest(manifest, injection)
            changed.append(one)
            rows += found
    write(changed, output)
    click.echo(render_report(rows, verbose=chosen.verbose), err=True, nl=False)


def write(documents: list[dict[str, Any]], output: str) -> None:
    """All documents on stdout; nothing when there are none."""
    from cli.render.yaml_text import as_list, dump_all, dump_json

    if not documents:
        return
    if output == "json":
        click.echo(dump_json(documents[0] if len(documents) == 1 else as_list(documents)), nl=False)
    else:
        click.echo(dump_all(documents), nl=False)


def read_manual(chosen: Globals, ignore_cluster: bool, annotations: dict[str, str]) -> Any:
    """The mesh the containers are written for. Raises CommandError."""
    from cli.injecting.transform import Manual
    from proxy_injector.defaults import ValuesError, read_mesh, read_proxy
    from proxy_injector.sidecar import supports_native
    from weft import labels
    from weft.version import VERSION

    if ignore_cluster:
        from cli.manifests.values import Values

        tree = Values(namespace=chosen.weft_namespace).tree()
        native = annotations.get(labels.PROXY_ENABLE_NATIVE_SIDECAR) == "true"
        click.echo(
            "‼ without a cluster the trust anchors are unknown: set LINKERD2_PROXY_IDENTITY_TRUST_ANCHORS before applying",
            err=True,
        )
    else:
        from cli.cluster.client import connect
        from cli.cluster.installed import require_installed, server_version

        cluster = connect(chosen)
        installed = require_installed(
            cluster,
            chosen.weft_namespace,
            "Name its namespace with -L, install it first (`mesh install | kubectl apply -f -`), or add --ignore-cluster.",
        )
        tree, native = installed.values, supports_native(server_version(cluster))
    try:
        return Manual(read_mesh(tree), read_proxy(tree), native, f"weft/cli {VERSION}")
    except ValuesError as error:
        raise CommandError(str(error)) from None
