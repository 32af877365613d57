"""What is inside an image, as an SPDX 2.3 document."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from deploy.images.tarball import DATE

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True)
class Component:
    """A part of the image. `purl` is its package URL."""

    name: str
    version: str
    purl: str


def document(reference: str, digest: str, components: Iterable[Component]) -> dict[str, Any]:
    """`digest` is of the image's own layer, so two builds of one source give one document."""
    return {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": reference,
        "documentNamespace": f"https://weft.invalid/spdx/{digest.removeprefix('sha256:')}",
        "creationInfo": {
            "created": datetime.fromtimestamp(DATE, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "creators": ["Tool: weft deploy.images"],
        },
        "packages": [
            {
                "SPDXID": f"SPDXRef-Package-{number}",
                "name": one.name,
                "versionInfo": one.version,
                "downloadLocation": "NOASSERTION",
                "externalRefs": [
                    {
                        "referenceCategory": "PACKAGE-MANAGER",
                        "referenceType": "purl",
                        "referenceLocator": one.purl,
                    }
                ],
            }
            for number, one in enumerate(components)
        ],
    }
