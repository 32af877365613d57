"""What is said to the API server, in the version in which it asked."""

import json

import pytest

from kit.admission.answer import allowed, denied, failure, respond
from kit.admission.review import MalformedReview, read_review
from testkit import webhooks


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
