"""What the installed mesh knows about itself: its values and its trust anchors."""

from typing import Any

from cli.manifests.objects import config_map
from cli.manifests.values import Values
from cli.render.yaml_text import dump

CONFIG = "weft-config"
CONFIG_KEY = "values"
TRUST_ROOTS = "weft-identity-trust-roots"
TRUST_ROOTS_KEY = "ca-bundle.crt"


def render(values: Values) -> list[dict[str, Any]]:
    """Two ConfigMaps. No private key is among the values."""
    return [
        config_map(values, CONFIG, {CONFIG_KEY: dump(values.stored())}),
        config_map(values, TRUST_ROOTS, {TRUST_ROOTS_KEY: values.identityTrustAnchorsPEM}),
    ]
