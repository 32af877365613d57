"""Profiles are what the mesh's own validator takes, and nothing that it takes with a warning."""

from typing import Any

from destination.admission.rules import Judgement, judge


def assert_accepted(profile: dict[str, Any]) -> None:
    """By the rules `kubectl apply` is answered by."""
    group, _, _ = str(profile["apiVersion"]).partition("/")
    assert judge(group, profile["kind"], profile) == Judgement()
