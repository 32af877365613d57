"""The one-node cluster that is started here: its programs can be stopped, its addresses foretold."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.kubernetes.cluster.places import default_places

if TYPE_CHECKING:
    from tests.kubernetes.cluster.places import Places
    from tests.mesh.cluster import Cluster


@pytest.fixture
def places(installed: Cluster) -> Places:
    """Skips on a cluster that is somebody else's."""
    if installed.name != "kubernetes":
        pytest.skip("only the cluster that is started here can be taken apart")
    return default_places()
