"""`python -m deploy.prometheus`: writes the rules and dashboards."""

import click

from deploy.prometheus.files import HERE, files

for path, text in files().items():
    file = HERE / path
    file.parent.mkdir(exist_ok=True)
    if not file.exists() or file.read_text("utf-8") != text:
        file.write_text(text, "utf-8")
        click.echo(f"deploy/prometheus/{path} renewed")
