"""docs/reference/settings.md: the environment of the proxy and of each control-plane process."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from deploy.docs.markdown import page, table
from kit.settings import PREFIX, Settings
from proxy.environment import PREFIX as PROXY_PREFIX
from proxy.settings import HONOURED, NOT_YET

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

_SERVICES = {
    "identity": "identity.settings",
    "destination": "destination.settings",
    "proxy-injector": "proxy_injector.settings",
    "web": "web.settings",
    "tap": "tap.settings",
}
_INTRODUCTION = """\
The injector sets the proxy's variables from annotations; nobody writes them by hand. A value that cannot be used stops
the start with its name and what is allowed."""


_CORES = """\
### Cores

A process uses one core. With `CORES` above 1 the proxy is so many processes on the same ports: connections are spread over
them, each takes the memory of a proxy and has a certificate of its own. `CORES_MAX_RATIO`, a share of the host's CPUs, comes
before `CORES`; `CORES_MIN` and `CORES_MAX` bound both. One admin port answers for all: `/metrics` adds up, `/ready` waits for
the last, `/errors` and `/proxy-log-level` are everybody's, `/logs.json` is the first's, `/shutdown` and SIGTERM end all. A tap
shows the requests of all processes, and its limit holds for them together. A process that fails ends the proxy, so that it is
started anew.

A connection stays with its process, so a single busy connection uses one core. Rate limits count all requests, whichever
process takes them. Of `MAX_CONNECTIONS`, `MAX_IN_FLIGHT` and the memory limit each process takes its part. Balancers, breakers,
queues and retry budgets are each process's own ([why](../decisions/cores.md)). With one core, the default, there is exactly one
process."""


def write() -> str:
    honoured = ", ".join(f"`{name}`" for name in sorted(HONOURED))
    missing = table(
        ("variable", "instead"), [(f"`{name}`", text) for name, text in sorted(NOT_YET.items())]
    )
    sections = [
        f"## The proxy\n\nPrefix `{PROXY_PREFIX}`. Names and meanings are Linkerd's.",
        f"Honoured: {honoured}.",
        _CORES,
        f"Understood, but not yet honoured:\n\n{missing}",
    ]
    for service, module in _SERVICES.items():
        sections.append(f"## {service}\n\nPrefix `{PREFIX}`.\n\n{_service(module)}")
    return page("Settings", _INTRODUCTION, *sections)


def _service(module: str) -> str:
    found = vars(importlib.import_module(module)).values()
    (model,) = (
        one
        for one in found
        if isinstance(one, type) and issubclass(one, Settings) and one.__module__ == module
    )
    rows = [
        (f"`{PREFIX}{name.upper()}`", _default(field), field.description or "")
        for name, field in sorted(model.model_fields.items())
    ]
    return table(("variable", "default", "meaning"), rows)


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    if isinstance(value, frozenset):
        return f"`{','.join(sorted(value))}`"
    return "" if value in ("", None) else f"`{value}`"
