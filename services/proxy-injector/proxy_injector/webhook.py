"""Bytes of a review in, bytes of an answer out. Every body gets an answer.

- not an AdmissionReview: HTTP 400, which the API server treats as a failed call;
- the API server cannot be asked: HTTP 500, and the webhook's failure policy decides;
- an object or annotation that is wrong: an answer that denies the object and says why;
- anything else: an answer that allows it, with a patch or without.
"""

import asyncio
import logging
from base64 import b64encode
from collections.abc import Mapping
from typing import Any, Protocol

from kit.admission.answer import Answer, allowed, denied, failure, respond
from kit.admission.review import MalformedReview, Request, Review, TooDeep, read_review
from kit.kube.errors import KubeError
from proxy_injector.annotations import AnnotationError, settings_in
from proxy_injector.decide import decide
from proxy_injector.metrics import Metrics
from proxy_injector.owners import Parent
from proxy_injector.patch import encode, opaque_patch
from proxy_injector.pod import Json, MalformedObject, mapping_at, strings_at
from proxy_injector.sidecar import Owner
from proxy_injector.verdict import Verdict, judged, sentence
from proxy_injector.world import World

log = logging.getLogger(__name__)


class Observer(Protocol):
    """Told what became of pods; must not wait."""

    def injected(self, namespace: str, parent: Parent) -> None:
        """A pod of the parent was injected."""

    def skipped(self, namespace: str, parent: Parent, why: str) -> None:
        """A pod of the parent was left alone although somebody asked for a proxy."""

    def unending(self, namespace: str, parent: Parent, why: str) -> None:
        """A pod of the parent was injected, and will not end although it is to."""

    def refused(self, namespace: str, parent: Parent, why: str) -> None:
        """A pod of the parent was denied."""


class Webhook:
    """Answers reviews."""

    def __init__(
        self, world: World, metrics: Metrics, observer: Observer, *, lookup_timeout: float
    ) -> None:
        self._world = world
        self._metrics = metrics
        self._observer = observer
        self._lookup_timeout = lookup_timeout

    async def answer(self, body: bytes) -> Answer:
        """Never raises but for cancellation."""
        try:
            review = read_review(body)
        except MalformedReview as error:
            self._metrics.failures.labels("malformed").inc()
            return failure(400, str(error))
        except TooDeep as error:
            self._metrics.failures.labels("denied").inc()
            return respond(error.review, denied(str(error)))
        try:
            return await self._answer(review)
        except Exception:
            log.exception("review failed", extra={"uid": review.request.uid})
            self._metrics.failures.labels("internal").inc()
            return failure(500, "the proxy-injector failed; its log says why")

    async def _answer(self, review: Review) -> Answer:
        """Raises what nobody expects, also where the answer cannot be written down."""
        try:
            return respond(review, admitted(await self._judge(review.request)))
        except (MalformedObject, AnnotationError) as error:
            self._metrics.failures.labels("denied").inc()
            return respond(review, denied(str(error)))
        except (KubeError, TimeoutError) as error:
            self._metrics.failures.labels("api").inc()
            why = str(error) or "the Kubernetes API did not answer in time"
            return failure(500, f"cannot decide about {review.request.namespace}: {why}")

    async def _judge(self, request: Request) -> Verdict:
        if request.operation != "CREATE" or request.target is None:
            return Verdict([])
        if request.kind.group == "" and request.kind.kind == "Pod":
            return await self._judge_pod(request, request.target)
        if request.kind.group == "" and request.kind.kind == "Service":
            annotations = await self._namespace(request.namespace)
            opaque = self._world.installation.settings.opaque_ports
            return Verdict(opaque_patch("Service", request.target, opaque, annotations))
        return Verdict([])

    async def _namespace(self, name: str) -> Mapping[str, str]:
        async with asyncio.timeout(self._lookup_timeout):
            return await self._world.namespace_annotations(name)

    async def _judge_pod(self, request: Request, pod: Json) -> Verdict:
        metadata = mapping_at(pod, "metadata", "object")
        spec = mapping_at(pod, "spec", "object")
        own = strings_at(metadata, "annotations", "metadata")
        strings_at(metadata, "labels", "metadata")
        inherited = await self._namespace(request.namespace)
        decision = decide(spec, own, inherited)
        async with asyncio.timeout(self._lookup_timeout):
            parent = await self._world.parent(request.namespace, metadata)
        used = {**settings_in(inherited), **settings_in(own)}
        place = (parent.kind.lower(), request.namespace, decision.annotation_at)
        self._metrics.request(*place, used)
        try:
            verdict = judged(
                self._world.installation,
                pod,
                decision,
                own,
                inherited,
                namespace=request.namespace,
                owner=Owner(parent.kind.lower(), parent.name),
                native_available=self._world.native_available,
            )
        except AnnotationError as error:
            self._tell(request, self._observer.refused, parent, str(error))
            raise
        self._metrics.response(*place, used, [reason.label for reason in decision.reasons])
        if decision.inject:
            if not request.dry_run:
                self._observer.injected(request.namespace, parent)
            if verdict.never_ends:
                self._tell(request, self._observer.unending, parent, verdict.never_ends)
        elif decision.annotation_at:
            self._tell(request, self._observer.skipped, parent, sentence(decision))
        return verdict

    def _tell(self, request: Request, tell: Any, parent: Parent, why: str) -> None:
        if not request.dry_run:
            tell(request.namespace, parent, why)


# -- answers ------------------------------------------------------------------------------------


def admitted(verdict: Verdict) -> Json:
    """The part of the response that lets the object pass, changed as the verdict says."""
    response = allowed(verdict.warnings)
    if verdict.operations:
        response["patchType"] = "JSONPatch"
        response["patch"] = b64encode(encode(verdict.operations)).decode()
    return response
