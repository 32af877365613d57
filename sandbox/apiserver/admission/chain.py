"""The admission steps in their order: mutating ones, then the validating webhooks."""

import asyncio
from collections.abc import Callable

from sandbox.apiserver.admission import (
    lifecycle,
    priority,
    service_account,
    service_ips,
    webhook_match,
    webhook_review,
)
from sandbox.apiserver.admission.attributes import Attributes
from sandbox.apiserver.admission.webhook_call import Caller, CallFailedError, where
from sandbox.apiserver.admission.webhook_match import Webhook
from sandbox.apiserver.admission.webhook_review import BadAnswerError, Verdict, WebhookDeniedError
from sandbox.apiserver.defaults.fill import fill
from sandbox.apiserver.errors import ApiError, InternalError
from sandbox.apiserver.kinds import (
    MUTATING_WEBHOOK_CONFIGURATION,
    NAMESPACE,
    VALIDATING_WEBHOOK_CONFIGURATION,
    Kind,
)
from sandbox.apiserver.objects import Obj
from sandbox.apiserver.patch import json_patch
from sandbox.apiserver.store import Store

STEPS = (lifecycle.admit, service_account.admit, priority.admit, service_ips.admit)


class Admission:
    def __init__(self, store: Store, call: Caller) -> None:
        self._store = store
        self._call = call

    async def mutate(self, write: Attributes) -> None:
        """Runs the mutating steps over `write.object`, in place or replaced.

        The errors are ApiErrors: a step's refusal, a webhook's denial, or InternalError for a
        webhook that failed and whose policy is Fail.
        """
        for step in STEPS:
            step(self._store, write)
        again = await self._mutate(write, lambda _: True)
        if again:
            await self._mutate(write, again.__contains__)

    async def _mutate(self, write: Attributes, asked: Callable[[Webhook], bool]) -> list[Webhook]:
        """One round of the webhooks that are to be asked. Returns those that want to see the object
        once more, because another changed it after them."""
        seen: list[Webhook] = []
        changed_after: list[Webhook] = []
        for webhook in filter(asked, self._wanted(MUTATING_WEBHOOK_CONFIGURATION, write)):
            verdict = await self._ask(webhook, write)
            if verdict is not None and verdict.patch and write.object is not None:
                before = write.object
                write.object = self._patched(webhook, write.object, verdict.patch)
                fill(write.kind, write.object)
                if write.object != before:
                    changed_after = list(seen)
            seen.append(webhook)
        return [one for one in changed_after if one.asks_again]

    async def validate(self, write: Attributes) -> None:
        webhooks = list(self._wanted(VALIDATING_WEBHOOK_CONFIGURATION, write))
        await asyncio.gather(*(self._ask(webhook, write) for webhook in webhooks))

    def _wanted(self, configurations: Kind, write: Attributes) -> list[Webhook]:
        namespace = self._store.find(NAMESPACE, "", write.namespace) if write.namespace else None
        return list(webhook_match.wanted(self._store.list(configurations), write, namespace))

    async def _ask(self, webhook: Webhook, write: Attributes) -> Verdict | None:
        """The verdict, or None when the webhook failed and that is to be ignored."""
        if write.dry_run and webhook.entry.get("sideEffects") not in ("None", "NoneOnDryRun"):
            return None
        review = webhook_review.request(write)
        try:
            answer = await self._call(webhook, review)
            verdict = webhook_review.read(answer, review["request"]["uid"])
        except (CallFailedError, BadAnswerError) as error:
            if webhook.ignores_failure:
                return None
            raise InternalError(
                f'failed calling webhook "{webhook.name}": failed to call webhook:'
                f' Post "{where(webhook)}": {error}'
            ) from error
        if not verdict.allowed:
            raise WebhookDeniedError(webhook, verdict.status)
        write.warnings += verdict.warnings
        return verdict

    def _patched(self, webhook: Webhook, obj: Obj, operations: list[Obj]) -> Obj:
        try:
            result: Obj = json_patch.patched(obj, operations)
        except ApiError as error:
            raise InternalError(
                f'the patch of webhook "{webhook.name}" does not fit: {error}'
            ) from error
        return result
