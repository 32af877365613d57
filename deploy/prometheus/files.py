"""What is written from the queries, by path below this folder."""

import json
from collections.abc import Mapping
from pathlib import Path

import yaml

from deploy.prometheus import rules
from deploy.prometheus.dashboards import dashboards, render

HERE = Path(__file__).parent
_SAID = "# Written by `make docs` from deploy/prometheus. Do not edit.\n"


def files() -> Mapping[str, str]:
    found = {
        "rules/recording.yml": _yaml(rules.recording()),
        "rules/alerts.yml": _yaml(rules.alerts()),
    }
    for one in dashboards():
        found[f"grafana/{one.uid}.json"] = json.dumps(render(one), indent=2) + "\n"
    return found


def _yaml(document: rules.Json) -> str:
    return _SAID + yaml.safe_dump(document, sort_keys=False, width=1000, allow_unicode=True)
