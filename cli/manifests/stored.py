"""What an installation remembers of how it was made, so that `mesh upgrade` can make it again.

Secret `weft-config-overrides` holds what differs from the defaults: an upgrade takes over what somebody
chose, and follows new defaults for the rest. Credentials are not among it; they have objects of their own.
A Secret, because an environment variable for the proxy may be one.
"""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from cli.manifests.objects import secret
from cli.manifests.values import Values, without_keys
from cli.render.yaml_text import dump
from weft.names import TAP_COMPONENT, NotAnIdentity, TrustDomain

Tree = dict[str, Any]
OVERRIDES = "weft-config-overrides"
OVERRIDES_KEY = "overrides"
NOT_CHOSEN = ("namespace", "version")
"""Values that follow from how the command is called."""
CREDENTIALS: Tree = {
    "identityTrustAnchorsPEM": "",
    "identity": {"issuer": {"tls": {"crtPEM": "", "keyPEM": ""}}},
    "proxyInjector": {"caBundle": "", "crtPEM": "", "keyPEM": ""},
    "policyValidator": {"caBundle": "", "crtPEM": "", "keyPEM": ""},
    "tap": {"caBundle": "", "crtPEM": "", "keyPEM": ""},
}
"""Values that are kept as objects of their own."""


def render(values: Values) -> dict[str, Any]:
    """The Secret."""
    return secret(values, OVERRIDES, {OVERRIDES_KEY: dump(overrides(values.tree()))})


def overrides(tree: Mapping[str, Any]) -> Tree:
    """What a full tree of values says differently from the defaults, credentials apart."""
    chosen = {key: value for key, value in tree.items() if key not in NOT_CHOSEN}
    found = difference(Values().tree(), without_keys(chosen))
    return without_derived(without(found, CREDENTIALS), tree)


def without_derived(chosen: Mapping[str, Any], values: Mapping[str, Any]) -> Tree:
    """The tree without what nobody chose: who may tap, where that is who it would be by the full tree of values.

    Proxies are given it, so it is among the values that an installation shows. It ends in the trust domain, and
    would keep the old one if it were remembered.
    """
    section = chosen.get("tap")
    if isinstance(section, dict) and section.get("identity") == _taps_by_default(values):
        return without(chosen, {"tap": {"identity": ""}})
    return dict(chosen)


def _taps_by_default(values: Mapping[str, Any]) -> str | None:
    """None where the values name nobody: what is stored may be damaged."""
    domain = values.get("identityTrustDomain") or values.get("clusterDomain")
    try:
        return TrustDomain(str(values.get("namespace")), str(domain)).component(TAP_COMPONENT)
    except NotAnIdentity:
        return None


def difference(base: Mapping[str, Any], tree: Mapping[str, Any]) -> Tree:
    """The smallest tree that makes `tree` of `base` when it is merged over it."""
    found: Tree = {}
    for key, value in tree.items():
        below = base.get(key)
        if isinstance(value, dict) and isinstance(below, dict):
            if inner := difference(below, value):
                found[key] = inner
        elif key not in base or below != value:
            found[key] = value
    return found


def without(tree: Mapping[str, Any], names: Mapping[str, Any]) -> Tree:
    """The tree without the leaves of `names`, and without sections that are empty then."""
    found: Tree = {}
    for key, value in tree.items():
        drop = names.get(key)
        if isinstance(value, dict) and isinstance(drop, dict):
            if inner := without(value, drop):
                found[key] = inner
        elif key not in names:
            found[key] = value
    return found


def known_only(
    tree: Mapping[str, Any], model: type[BaseModel] = Values, prefix: str = ""
) -> tuple[Tree, list[str]]:
    """The tree without values that this version does not have, and the names of those."""
    fields = {info.alias or name: info for name, info in model.model_fields.items()}
    kept: Tree = {}
    unknown: list[str] = []
    for key, value in tree.items():
        info = fields.get(key)
        if info is None:
            unknown.append(f"{prefix}{key}")
            continue
        section = info.annotation
        if isinstance(value, dict) and isinstance(section, type) and issubclass(section, BaseModel):
            kept[key], below = known_only(value, section, f"{prefix}{key}.")
            unknown += below
        else:
            kept[key] = value
    return kept, unknown
