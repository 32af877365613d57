"""Objects that tests begin with: complete enough to be accepted, and no more."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]

IMAGE = "localhost/weft/emojivoto:none"
"""No node has it: pods of it never start."""


def config_map(name: str, *, labels: Json | None = None, **data: str) -> Json:
    metadata: Json = {"name": name} | ({"labels": labels} if labels else {})
    return {"metadata": metadata} | ({"data": data} if data else {})


def pod(name: str, *, labels: Json | None = None, **spec: Any) -> Json:
    """Without more in `spec`, one container that nowhere fits: the pod stays pending."""
    metadata: Json = {"name": name} | ({"labels": labels} if labels else {})
    return {
        "metadata": metadata,
        "spec": {"containers": [container()], "nodeSelector": {"no": "where"}} | spec,
    }


def container(name: str = "app", **more: Any) -> Json:
    return {"name": name, "image": IMAGE, **more}


def template(labels: Json | None = None, **spec: Any) -> Json:
    found = pod("", labels=labels or {"app": "web"}, **spec)
    del found["metadata"]["name"]
    return found


def workload(name: str, **spec: Any) -> Json:
    """A Deployment, ReplicaSet, StatefulSet or DaemonSet."""
    selector = {"matchLabels": {"app": "web"}}
    return {
        "metadata": {"name": name},
        "spec": {"selector": selector, "template": template()} | spec,
    }


def deployment(name: str = "web", **spec: Any) -> Json:
    return workload(name, **spec)


def job(name: str = "work", **spec: Any) -> Json:
    return {
        "metadata": {"name": name},
        "spec": {"template": template({"job": "yes"}, restartPolicy="Never")} | spec,
    }


def service(name: str = "web", **spec: Any) -> Json:
    return {"metadata": {"name": name}, "spec": {"ports": [{"port": 80}]} | spec}


def crd(**version: Any) -> Json:
    """Widgets of example.com: `spec.size` of at most nine, by default one."""
    size = {"type": "integer", "maximum": 9, "default": 1}
    colour = {"type": "string", "enum": ["red", "green"]}
    spec = {"type": "object", "properties": {"size": size, "colour": colour}}
    schema = {
        "type": "object",
        "properties": {
            "spec": spec,
            "status": {"type": "object", "properties": {"seen": {"type": "integer"}}},
        },
    }
    return {
        "metadata": {"name": "widgets.example.com"},
        "spec": {
            "group": "example.com",
            "scope": "Namespaced",
            "names": {
                "plural": "widgets",
                "singular": "widget",
                "kind": "Widget",
                "shortNames": ["wd"],
            },
            "versions": [
                {
                    "name": "v1",
                    "served": True,
                    "storage": True,
                    "schema": {"openAPIV3Schema": schema},
                    "subresources": {"status": {}},
                    "additionalPrinterColumns": [
                        {"name": "Size", "type": "integer", "jsonPath": ".spec.size"}
                    ],
                }
                | version
            ],
        },
    }
