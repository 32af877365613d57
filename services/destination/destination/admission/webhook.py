"""Bytes of a review in, bytes of an answer out. Every body gets an answer.

- not an AdmissionReview: HTTP 400, which the API server treats as a failed call;
- an object with faults: an answer that refuses it and names them all;
- anything else passes, perhaps with warnings. So do objects that are being deleted: whoever must take a
  finalizer away may do so, whatever the object says.
"""

import logging

from destination.admission.rules import JUDGED, Judgement, judge
from destination.metrics import Metrics
from kit.admission.answer import Answer, allowed, denied, failure, respond
from kit.admission.review import MalformedReview, Request, TooDeep, read_review
from kit.kube.objects import metadata

log = logging.getLogger(__name__)

OPERATIONS = ("CREATE", "UPDATE")
_KINDS = {(one.group, one.kind) for one in JUDGED}


class Webhook:
    """Answers reviews of policy resources and ServiceProfiles."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    async def answer(self, body: bytes) -> Answer:
        """Never raises but for cancellation."""
        faults: tuple[str, ...] = ()
        try:
            review = read_review(body)
        except MalformedReview as error:
            self._count("", "malformed")
            return failure(400, str(error))
        except TooDeep as error:
            review, faults = error.review, (str(error),)
        request = review.request
        kind = request.kind.kind if (request.kind.group, request.kind.kind) in _KINDS else ""
        try:
            found = _judged(request, faults)
        except Exception:
            log.exception("review failed", extra={"uid": request.uid})
            self._count(kind, "failed")
            return failure(500, "the policy validator failed; its log says why")
        if not found.faults:
            self._count(kind, "allowed")
            return respond(review, allowed(found.warnings))
        self._count(kind, "refused")
        why = "; ".join(found.faults)
        about = {"kind": kind, "object": f"{request.namespace}/{request.name}", "why": why}
        log.info("a resource was refused", extra=about)
        return respond(review, denied(why))

    def _count(self, kind: str, result: str) -> None:
        self._metrics.reviews.labels(kind, result).inc()


def _judged(request: Request, faults: tuple[str, ...]) -> Judgement:
    """With the faults that were found before the object could be read, or those of the object."""
    target = request.target
    if request.operation not in OPERATIONS or target is None:
        return Judgement()
    if metadata(target).get("deletionTimestamp"):
        return Judgement()
    if faults and (request.kind.group, request.kind.kind) in _KINDS:
        return Judgement(faults)
    return judge(request.kind.group, request.kind.kind, target)
