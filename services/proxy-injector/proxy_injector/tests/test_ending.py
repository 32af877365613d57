"""Which pods do not end beside their sidecar, and what they are told."""

from dataclasses import replace

import pytest

from proxy_injector.ending import DEBUG_STAYS, PROXY_STAYS, never_ends
from proxy_injector.tests.examples import SETTINGS

DEBUGGED = replace(SETTINGS, debug=True)


@pytest.mark.parametrize("policy", ["Never", "OnFailure"])
def test_beside_classic_sidecars_nothing_ends(policy: str) -> None:
    spec = {"restartPolicy": policy}
    assert never_ends(spec, SETTINGS, native=False) == PROXY_STAYS
    assert never_ends(spec, DEBUGGED, native=False) == DEBUG_STAYS


def test_a_proxy_can_be_asked_to_end_and_a_debug_container_cannot() -> None:
    spec = {"restartPolicy": "Never"}
    assert never_ends(spec, replace(SETTINGS, shutdown_endpoint=True), native=False) == ""
    assert never_ends(spec, replace(DEBUGGED, shutdown_endpoint=True), native=False) == DEBUG_STAYS


def test_native_sidecars_keep_nothing() -> None:
    assert never_ends({"restartPolicy": "Never"}, DEBUGGED, native=True) == ""


@pytest.mark.parametrize("spec", [{}, {"restartPolicy": "Always"}, {"restartPolicy": {}}])
def test_what_is_to_run_for_ever_is_left_in_peace(spec: dict[str, object]) -> None:
    assert never_ends(spec, DEBUGGED, native=False) == ""
