"""What a webhook says. Pure.

- an object may pass, perhaps with a patch or with warnings that `kubectl` prints;
- it may not, and `kubectl` prints why;
- the review could not be judged: an HTTP error, and the webhook's failure policy decides.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from kit.admission.review import Review

Json = dict[str, Any]
DENIED = 400


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer."""

    status: int
    body: bytes


def allowed(warnings: Sequence[str] = ()) -> Json:
    """The part of the response that lets the object pass."""
    return {"allowed": True, **({"warnings": list(warnings)} if warnings else {})}


def denied(why: str) -> Json:
    """The part of the response that refuses the object; `kubectl` prints the message."""
    status = {"status": "Failure", "message": why, "reason": "Invalid", "code": DENIED}
    return {"allowed": False, "status": status}


def respond(review: Review, response: Json) -> Answer:
    """The review's answer, in the version the review came in."""
    if review.api_version.endswith("v1beta1"):
        response.pop("warnings", None)
    body = {
        "apiVersion": review.api_version,
        "kind": "AdmissionReview",
        "response": {"uid": review.request.uid, **response},
    }
    return Answer(200, json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode())


def failure(status: int, why: str) -> Answer:
    """An answer that is no review, in the shape of Kubernetes' own errors."""
    body = {
        "apiVersion": "v1",
        "kind": "Status",
        "status": "Failure",
        "code": status,
        "message": why,
    }
    return Answer(status, json.dumps(body, ensure_ascii=False).encode())
