import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.apiserver.errors import BadRequestError
from sandbox.apiserver.kinds import EVENT, POD, SECRET
from sandbox.apiserver.selectors import (
    labels_from_map,
    labels_from_object,
    parse_fields,
    parse_labels,
)

LABELS = {"app": "web", "tier": "front", "n": "5", "empty": ""}


@pytest.mark.parametrize(
    "text",
    [
        "", "app=web", "app==web", "app = web", "app!=db", "missing!=x", "app", "!missing",
        "app in (web, db)", "app notin (db)", "missing notin (db)", "n>4", "n<6", "empty=", "empty in ()",
        "app=web,tier=front", " app=web , !missing ", "example.com/x notin (a),app",
    ],
)  # fmt: skip
def test_matching(text: str) -> None:
    assert parse_labels(text).matches(LABELS)


@pytest.mark.parametrize(
    "text",
    ["app=db", "app!=web", "missing", "!app", "app in (db)", "app notin (web)", "n>5", "n<5",
     "tier>1", "missing=x", "app=web,tier=back", "missing>1"],
)  # fmt: skip
def test_not_matching(text: str) -> None:
    assert not parse_labels(text).matches(LABELS)


@pytest.mark.parametrize(
    "text", ["=", "a b", "a in", "a in (", "a in b", ",", "a,,b", "!", "a>x", "a=b=c", "a;b"]
)
def test_nonsense_is_refused(text: str) -> None:
    with pytest.raises(BadRequestError, match="unable to parse requirement"):
        parse_labels(text)


@given(st.text(max_size=20))
def test_any_text_parses_or_is_refused(text: str) -> None:
    try:
        parse_labels(text)
    except BadRequestError:
        return


def test_object_form() -> None:
    selector = {
        "matchLabels": {"app": "web"},
        "matchExpressions": [
            {"key": "tier", "operator": "In", "values": ["front", "back"]},
            {"key": "missing", "operator": "DoesNotExist"},
            {"key": "n", "operator": "Exists"},
            {"key": "app", "operator": "NotIn", "values": ["db"]},
        ],
    }
    assert labels_from_object(selector).matches(LABELS)
    assert not labels_from_object(selector).matches({**LABELS, "missing": ""})
    assert labels_from_object(None).everything
    with pytest.raises(ValueError, match="'Near' is not a valid"):
        labels_from_object({"matchExpressions": [{"key": "a", "operator": "Near"}]})


def test_map_form() -> None:
    assert labels_from_map({"app": "web"}).matches(LABELS)
    assert not labels_from_map({"app": "db"}).matches(LABELS)


RUNNING = {
    "metadata": {"name": "p", "namespace": "n"},
    "spec": {"nodeName": "sandbox"},
    "status": {"phase": "Running"},
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", True),
        ("metadata.name=p", True),
        ("metadata.name==p,metadata.namespace=n", True),
        ("metadata.name!=p", False),
        ("spec.nodeName=sandbox,status.phase!=Running", False),
        ("status.phase=Running", True),
        ("status.podIP=", True),
        ("spec.hostNetwork=false", True),
    ],
)
def test_fields_of_pods(text: str, expected: bool) -> None:
    assert parse_fields(text, POD).matches(RUNNING) is expected


def test_fields_of_events_and_secrets() -> None:
    event = {"involvedObject": {"kind": "Pod", "name": "p"}, "type": "Warning"}
    assert parse_fields("involvedObject.kind=Pod,type=Warning", EVENT).matches(event)
    assert not parse_fields("type=Opaque", SECRET).matches({"type": "kubernetes.io/tls"})


@pytest.mark.parametrize("text", ["spec.x=y", "type=a"])
def test_a_field_that_is_not_offered_is_refused(text: str) -> None:
    with pytest.raises(BadRequestError, match="field label not supported"):
        parse_fields(text, POD)


def test_field_nonsense_is_refused() -> None:
    with pytest.raises(BadRequestError, match="invalid selector"):
        parse_fields("metadata.name", POD)
