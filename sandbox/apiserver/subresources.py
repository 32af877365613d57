"""Subresources that are JSON in and JSON out: status, scale, token, eviction, binding, finalize."""

from starlette.responses import Response

from sandbox.apiserver import media, objects, scale
from sandbox.apiserver.api import Api
from sandbox.apiserver.call import Call
from sandbox.apiserver.errors import (
    BadRequestError,
    InvalidError,
    MethodNotAllowedError,
    NotFoundError,
    TooManyRequestsError,
    invalid,
    not_found,
)
from sandbox.apiserver.kinds import POD, POD_DISRUPTION_BUDGET, SERVICE_ACCOUNT
from sandbox.apiserver.objects import Obj, dig
from sandbox.apiserver.patch import json_patch, merge
from sandbox.apiserver.resources import Resources
from sandbox.apiserver.selectors import labels_from_object
from sandbox.apiserver.store import Preconditions
from sandbox.apiserver.tokens import DEFAULT_SECONDS, LEAST_SECONDS, Tokens

SUCCESS: Obj = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}


class Subresources:
    def __init__(self, api: Api, resources: Resources, tokens: Tokens) -> None:
        self._api = api
        self._store = api.store
        self._resources = resources
        self._tokens = tokens

    async def handle(self, call: Call) -> Response:
        match call.path.subresource:
            case "status":
                return await self._resources.handle_status(call)
            case "scale":
                return await self._scale(call)
            case "token" if call.verb == "create":
                return await self._token(call)
            case "eviction" if call.verb == "create":
                return await self._evict(call)
            case "binding" if call.verb == "create":
                return await self._bind(call)
            case "finalize" | "ephemeralcontainers" | "resize" if call.verb == "update":
                return await self._resources.handle_whole(call)
        raise MethodNotAllowedError

    async def _scale(self, call: Call) -> Response:
        paths = scale.paths_of(call.kind, self._api.custom)
        name, namespace = call.path.name, call.path.namespace
        found = scale.scale_of(self._store.get(call.kind, namespace, name), paths)
        if call.verb == "update":
            wanted = await call.object_body()
        elif call.verb == "patch":
            patch = await call.body()
            if media.patch_type(call.content_type) == "json":
                wanted = json_patch.patched(found, patch)
            else:
                wanted = merge.merged(found, patch)
        elif call.verb == "get":
            return call.answer(found)
        else:
            raise MethodNotAllowedError
        updated = await self._api.edit(
            call.kind,
            namespace,
            name,
            lambda obj: scale.rescaled(call.kind, obj, wanted, paths),
            call.write_options(),
        )
        return call.answer(scale.scale_of(updated, paths))

    async def _token(self, call: Call) -> Response:
        account = self._store.get(SERVICE_ACCOUNT, call.path.namespace, call.path.name)
        request = await call.object_body()
        spec = request.get("spec") or {}
        seconds = spec.get("expirationSeconds") or DEFAULT_SECONDS
        if not isinstance(seconds, int) or seconds < LEAST_SECONDS:
            why = "may not specify a duration less than 10 minutes"
            cause = invalid("spec.expirationSeconds", seconds, why)
            raise InvalidError.about("authentication.k8s.io", "TokenRequest", "", [cause])
        token, expires = self._tokens.issue(
            account,
            audiences=spec.get("audiences") or (),
            seconds=seconds,
            pod=self._bound_pod(call, spec.get("boundObjectRef")),
        )
        body = {
            "kind": "TokenRequest",
            "apiVersion": "authentication.k8s.io/v1",
            "metadata": {
                "name": call.path.name,
                "namespace": call.path.namespace,
                "creationTimestamp": objects.timestamp(self._store.clock()),
                "uid": objects.uid_of(account),
            },
            "spec": {"boundObjectRef": None, **spec, "expirationSeconds": seconds},
            "status": {"token": token, "expirationTimestamp": objects.timestamp(expires)},
        }
        return call.answer(body, 201)

    def _bound_pod(self, call: Call, reference: Obj | None) -> Obj | None:
        if not reference:
            return None
        if reference.get("kind") != "Pod":
            raise BadRequestError(
                f"cannot bind token for serviceaccount to object of kind {reference.get('kind')}:"
                " only Pod is supported"
            )
        pod = self._store.get(POD, call.path.namespace, str(reference.get("name")))
        if reference.get("uid") not in (None, "", objects.uid_of(pod)):
            raise NotFoundError.of(POD, str(reference.get("name")))
        return pod

    async def _evict(self, call: Call) -> Response:
        eviction = await call.object_body()
        pod = self._store.get(POD, call.path.namespace, call.path.name)
        options = eviction.get("deleteOptions") or {}
        wanted = options.get("preconditions") or {}
        if dig(pod, "status", "phase") == "Running" and not objects.is_deleting(pod):
            self._take_from_budgets(pod)
        await self._api.delete(
            POD,
            call.path.namespace,
            call.path.name,
            call.write_options(),
            grace=options.get("gracePeriodSeconds"),
            preconditions=Preconditions(wanted.get("uid"), wanted.get("resourceVersion")),
        )
        return call.answer({**SUCCESS, "code": 201}, 201)

    def _take_from_budgets(self, pod: Obj) -> None:
        """Counts the eviction at once; the disruption controller counts anew when the pod ends. Pods that
        do not run are nobody's loss."""
        covering = [
            budget
            for budget in self._store.list(POD_DISRUPTION_BUDGET, objects.namespace_of(pod))
            if labels_from_object(dig(budget, "spec", "selector")).matches(objects.labels_of(pod))
        ]
        for budget in covering:
            generation = objects.metadata(budget).get("generation")
            name = objects.name_of(budget)
            if dig(budget, "status", "observedGeneration", default=0) != generation:
                why = f"The disruption budget {name} is still being processed by the server."
                raise TooManyRequestsError.budget(why)
            if not dig(budget, "status", "disruptionsAllowed", default=0):
                needs, has = (
                    dig(budget, "status", key, default=0)
                    for key in ("desiredHealthy", "currentHealthy")
                )
                why = f"The disruption budget {name} needs {needs} healthy pods and has {has} currently"
                raise TooManyRequestsError.budget(why)

        def less(obj: Obj) -> None:
            obj["status"]["disruptionsAllowed"] -= 1

        for budget in covering:
            self._store.mutate(
                POD_DISRUPTION_BUDGET,
                objects.namespace_of(budget),
                objects.name_of(budget),
                less,
            )

    async def _bind(self, call: Call) -> Response:
        binding = await call.object_body()
        node = dig(binding, "target", "name")
        if not node:
            raise InvalidError.of(POD, call.path.name, [not_found("target.name", node)])

        def place(pod: Obj) -> None:
            pod["spec"]["nodeName"] = node

        self._store.mutate(POD, call.path.namespace, call.path.name, place)
        return call.answer({**SUCCESS, "code": 201}, 201)
