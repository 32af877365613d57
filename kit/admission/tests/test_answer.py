"""What is said to the API server, in the version in which it asked."""

import json

import pytest

from kit.admission.answer import allowed, denied, failure, respond
from kit.admission.review import MalformedReview, TooDeep, read_review
from testkit import webhooks
from testkit.nested import TOO_DEEP


@pytest.mark.parametrize("version", ["v1", "v1beta1"])
def test_an_answer_bears_the_review_s_version_and_uid(version: str) -> None:
    review = read_review(webhooks.review({}, "Pod", version=version))
    answer = respond(review, allowed(["look out"]))
    body = json.loads(answer.body)
    assert (answer.status, body["kind"]) == (200, "AdmissionReview")
    assert body["apiVersion"] == f"admission.k8s.io/{version}"
    told = {"warnings": ["look out"]} if version == "v1" else {}
    assert body["response"] == {"uid": "u", "allowed": True, **told}


def test_a_denial_says_why() -> None:
    status = denied("spec.port: 0 is not a port")["status"]
    assert (status["message"], status["code"]) == ("spec.port: 0 is not a port", 400)


def test_a_failure_is_no_review() -> None:
    answer = failure(500, "it broke")
    assert (answer.status, json.loads(answer.body)["kind"]) == (500, "Status")


def test_what_is_no_review_is_told_by_its_fields() -> None:
    with pytest.raises(MalformedReview, match=r"request\.uid"):
        read_review(b'{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{}}')


def test_an_object_nested_too_deeply_can_still_be_answered_and_told_apart() -> None:
    target = {"metadata": {"name": "a", "deletionTimestamp": "now"}, "spec": [TOO_DEEP]}
    with pytest.raises(TooDeep, match="deeper than 190 levels") as caught:
        read_review(webhooks.review(target, "Pod", options={"a": TOO_DEEP}))
    request = caught.value.review.request
    assert (request.uid, request.target and request.target["metadata"]) == ("u", target["metadata"])


def test_an_object_that_was_nested_too_deeply_may_be_mended() -> None:
    mended = webhooks.review({"spec": 1}, "Pod", operation="UPDATE", oldObject={"spec": TOO_DEEP})
    assert read_review(mended).request.target == {"spec": 1}
    gone = webhooks.review(None, "Pod", operation="DELETE", oldObject={"spec": TOO_DEEP})
    assert read_review(gone).request.target is None


def test_what_is_too_deep_elsewhere_is_no_review() -> None:
    with pytest.raises(MalformedReview, match=r"request\.kind"):
        read_review(webhooks.review({}, TOO_DEEP))
