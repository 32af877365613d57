"""AdmissionReview v1: what is sent to a webhook, and what its answer means. Pure."""

import base64
import json
import uuid
from dataclasses import dataclass
from typing import Any

from sandbox.apiserver.admission.attributes import Attributes
from sandbox.apiserver.admission.webhook_match import Webhook
from sandbox.apiserver.errors import ApiError, BadRequestError
from sandbox.apiserver.kinds import Kind
from sandbox.apiserver.objects import Obj

API_VERSION = "admission.k8s.io/v1"


class WebhookDeniedError(ApiError):
    """A webhook said no; its own code and reason are what the caller gets."""

    code, reason = 403, "Forbidden"

    def __init__(self, webhook: Webhook, status: Obj) -> None:
        detail = status.get("message") or status.get("reason") or ""
        ending = f": {detail}" if detail else " without explanation"
        super().__init__(f'admission webhook "{webhook.name}" denied the request{ending}')
        code = int(status.get("code") or 0)
        self._code = code if code >= BadRequestError.code else BadRequestError.code
        self.reason = str(status.get("reason") or "")  # type: ignore[misc]

    @property
    def http_code(self) -> int:
        return self._code


class BadAnswerError(Exception):
    """What came back is no AdmissionReview that can be followed."""


@dataclass(frozen=True, slots=True)
class Verdict:
    allowed: bool
    status: Obj
    patch: list[Obj]
    warnings: list[str]


def request(write: Attributes, uid: str | None = None) -> Obj:
    """The AdmissionReview to send."""
    kind = write.kind
    body: Obj = {
        "uid": uid or str(uuid.uuid4()),
        "kind": _group_version(kind, "kind", kind.kind),
        "resource": _group_version(kind, "resource", kind.plural),
        "requestKind": _group_version(kind, "kind", kind.kind),
        "requestResource": _group_version(kind, "resource", kind.plural),
        "operation": write.operation,
        "userInfo": write.user.info(),
        "object": write.object,
        "oldObject": write.old,
        "dryRun": write.dry_run,
        "options": write.options or None,
    }
    if write.name:
        body["name"] = write.name
    if write.namespace:
        body["namespace"] = write.namespace
    if write.subresource:
        body["subResource"] = body["requestSubResource"] = write.subresource
    return {"kind": "AdmissionReview", "apiVersion": API_VERSION, "request": body}


def _group_version(kind: Kind, key: str, value: str) -> Obj:
    return {"group": kind.group, "version": kind.version, key: value}


def read(answer: Any, uid: str) -> Verdict:
    """Checks a webhook's answer. BadAnswerError says what is wrong with it."""
    if not isinstance(answer, dict) or not isinstance(answer.get("response"), dict):
        raise BadAnswerError("the webhook's answer has no `response`")
    if answer.get("apiVersion") != API_VERSION or answer.get("kind") != "AdmissionReview":
        raise BadAnswerError(
            f"expected webhook response of {API_VERSION}, Kind=AdmissionReview, got"
            f" {answer.get('apiVersion')}, Kind={answer.get('kind')}"
        )
    response = answer["response"]
    if response.get("uid") != uid:
        raise BadAnswerError(f"expected response.uid {uid!r}, got {response.get('uid')!r}")
    if not isinstance(response.get("allowed"), bool):
        raise BadAnswerError("response.allowed is not a boolean")
    return Verdict(
        response["allowed"],
        response.get("status") or {},
        _patch(response),
        [str(one) for one in response.get("warnings") or []],
    )


def _patch(response: Obj) -> list[Obj]:
    encoded, kind = response.get("patch"), response.get("patchType")
    if not encoded:
        return []
    if kind != "JSONPatch":
        raise BadAnswerError(f'invalid response.patchType {kind!r}: only "JSONPatch" is known')
    try:
        operations = json.loads(base64.b64decode(encoded, validate=True))
    except ValueError as error:
        raise BadAnswerError(f"response.patch is not base64 of a JSON patch: {error}") from error
    if not isinstance(operations, list):
        raise BadAnswerError("response.patch is not a list of operations")
    return operations
