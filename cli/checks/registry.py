"""The categories in printing order, and which of them each kind of run has."""

from cli.checks import (
    config,
    control_plane_proxy,
    data_plane,
    existence,
    high_availability,
    identity,
    kubernetes_api,
    pre_install,
    versions,
    webhooks,
)
from cli.checks.model import Category

ALL: tuple[Category, ...] = (
    kubernetes_api.API,
    kubernetes_api.VERSION_CATEGORY,
    pre_install.CATEGORY,
    config.DEFINITIONS_ALONE,
    existence.CATEGORY,
    config.CATEGORY,
    identity.CATEGORY,
    webhooks.CATEGORY,
    versions.CLI,
    versions.CONTROL_PLANE,
    control_plane_proxy.CATEGORY,
    data_plane.CATEGORY,
    high_availability.CATEGORY,
)
BEFORE = ("kubernetes-api", "kubernetes-version", "pre-kubernetes-setup", "weft-version")
BETWEEN = ("kubernetes-api", "kubernetes-version", "weft-crd")
_ASKED_FOR = {"pre-kubernetes-setup", "weft-crd"}


def select(*, pre: bool = False, crds: bool = False, proxy: bool = False) -> tuple[Category, ...]:
    """Before installing; of the definitions alone; of the control plane; of the control plane and the proxies."""
    if pre or crds:
        return tuple(one for one in ALL if one.name in (BEFORE if pre else BETWEEN))
    left_out = _ASKED_FOR | (set() if proxy else {"weft-data-plane"})
    return tuple(one for one in ALL if one.name not in left_out)
