"""The API server asks about exactly the kinds that the destination service judges."""

from __future__ import annotations

from cli.manifests import policies
from destination.admission.rules import JUDGED


def test_what_is_asked_about_is_judged() -> None:
    asked = {(group, one) for group, plurals in policies.KINDS.items() for one in plurals}
    assert asked == {(one.group, one.plural) for one in JUDGED}
    assert len(asked) == len(JUDGED)
