"""Every write as a request makes it: defaults, admission, validation, then the store.

The REST face ends here, and so do controllers in the same process:

    pod = await api.create(POD, {"metadata": {"generateName": "web-", "namespace": "default"}, ...})

Reading, status updates and deletions need no admission by webhooks that matters to controllers; they
may use the store directly.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from sandbox.apiserver import objects
from sandbox.apiserver.admission.attributes import Attributes, Operation
from sandbox.apiserver.admission.chain import Admission
from sandbox.apiserver.admission.webhook_call import Caller, HttpsCaller
from sandbox.apiserver.builtin import check as builtin
from sandbox.apiserver.crds import CustomResources
from sandbox.apiserver.defaults.fill import fill
from sandbox.apiserver.defaults.workloads import own_pods
from sandbox.apiserver.errors import (
    AlreadyExistsError,
    ApiError,
    BadRequestError,
    ConflictError,
    InvalidError,
    NotFoundError,
    UnsupportedMediaTypeError,
    invalid,
)
from sandbox.apiserver.identity import CONTROLLER_MANAGER, User
from sandbox.apiserver.kinds import JOB, NODE, POD, Kind
from sandbox.apiserver.objects import Obj
from sandbox.apiserver.patch import apply, json_patch, merge, strategic
from sandbox.apiserver.store import NO_PRECONDITIONS, Part, Preconditions, Propagation, Store
from sandbox.apiserver.validate.check import check_create, check_update

PatchType = Literal["json", "merge", "strategic", "apply"]
ATTEMPTS = 5
"""How often a patch is tried again when the object changed while admission was asked."""


@dataclass(frozen=True, slots=True)
class WriteOptions:
    user: User = CONTROLLER_MANAGER
    dry_run: bool = False
    field_manager: str = "unknown"
    force: bool = False
    """Server-side apply takes over fields of other managers."""
    strict: bool = False
    """Unknown fields are errors (`fieldValidation=Strict`)."""
    warnings: list[str] = field(default_factory=list)
    """Filled with what the caller should read."""


class Api:
    def __init__(self, store: Store, call: Caller | None = None) -> None:
        self.store = store
        self.custom = CustomResources(store)
        self._call = call or HttpsCaller(store)
        self._admission = Admission(store, self._call)

    async def aclose(self) -> None:
        if isinstance(self._call, HttpsCaller):
            await self._call.aclose()

    async def create(self, kind: Kind, obj: Obj, options: WriteOptions | None = None) -> Obj:
        options = options or WriteOptions()
        new = objects.copied(obj)
        _shape(kind, new)
        self.store.stamp(kind, new)
        if "status" in kind.subresources and kind.key != NODE.key:
            new.pop("status", None)
        self._complete(kind, new, options)
        if kind.key == JOB.key:
            own_pods(new)
        write = self._attributes("CREATE", kind, new, None, options)
        final = await self._admitted(write, new)
        if options.dry_run:
            return self._as_if_created(kind, final)
        return self.store.create(kind, final, stamped=True)

    async def update(
        self, kind: Kind, obj: Obj, options: WriteOptions | None = None, part: Part = Part.MAIN
    ) -> Obj:
        options = options or WriteOptions()
        new = objects.copied(obj)
        _shape(kind, new)
        stored = self.store.get(kind, objects.namespace_of(new), objects.name_of(new))
        return await self._replace(kind, stored, new, options, part)

    async def patch(
        self,
        kind: Kind,
        namespace: str,
        name: str,
        patch: object,
        patch_type: PatchType,
        options: WriteOptions | None = None,
        part: Part = Part.MAIN,
    ) -> tuple[Obj, bool]:
        """Applies a patch; returns the object and whether it was created (by server-side apply)."""
        options = options or WriteOptions()
        for attempt in range(ATTEMPTS):
            stored = self.store.find(kind, namespace, name)
            if stored is None:
                if patch_type != "apply":
                    raise NotFoundError.of(kind, name)
                created = self._applied(kind, {}, patch, options)
                _same_name(created, name)
                created["metadata"].update({"name": name, "namespace": namespace})
                return await self.create(kind, created, options), True
            patched = self._patched(kind, stored, patch, patch_type, options)
            _readable(kind, patched)
            _same_name(patched, name)
            try:
                return await self._replace(kind, stored, patched, options, part), False
            except ConflictError:
                mine = objects.metadata(patched).get("resourceVersion")
                theirs = objects.metadata(stored).get("resourceVersion")
                if mine != theirs or attempt == ATTEMPTS - 1:
                    raise
        raise AssertionError("unreachable")

    async def edit(
        self,
        kind: Kind,
        namespace: str,
        name: str,
        change: Callable[[Obj], object],
        options: WriteOptions | None = None,
    ) -> Obj:
        """Lets `change` alter a copy in place, and updates with all of admission and validation."""
        draft = objects.copied(self.store.get(kind, namespace, name))
        change(draft)
        return await self.update(kind, draft, options)

    async def delete(
        self,
        kind: Kind,
        namespace: str,
        name: str,
        options: WriteOptions | None = None,
        *,
        grace: int | None = None,
        propagation: Propagation | None = None,
        preconditions: Preconditions = NO_PRECONDITIONS,
    ) -> Obj:
        options = options or WriteOptions()
        stored = self.store.get(kind, namespace, name)
        write = self._attributes("DELETE", kind, None, stored, options)
        await self._mutate(write)
        await self._admission.validate(write)
        if options.dry_run:
            return stored
        return self.store.delete(
            kind,
            namespace,
            name,
            grace=grace,
            propagation=propagation,
            preconditions=preconditions,
        )

    # Inside

    async def _replace(
        self, kind: Kind, stored: Obj, new: Obj, options: WriteOptions, part: Part
    ) -> Obj:
        if part is Part.STATUS:
            new = {
                **objects.copied(stored),
                **({"status": new["status"]} if "status" in new else {}),
            } | {"metadata": _metadata_with_status(kind, stored["metadata"], objects.metadata(new))}
        self._complete(kind, new, options)
        write = self._attributes("UPDATE", kind, new, stored, options)
        write.subresource = "status" if part is Part.STATUS else ""
        if not objects.metadata(new).get("resourceVersion") and part is Part.MAIN:
            # Admission is asked about this very state: nobody may slip in between.
            new["metadata"]["resourceVersion"] = stored["metadata"]["resourceVersion"]
        final = await self._admitted(write, new)
        if options.dry_run:
            return final
        return self.store.update(kind, final, part)

    def _patched(
        self, kind: Kind, stored: Obj, patch: object, patch_type: PatchType, options: WriteOptions
    ) -> Obj:
        shown = {**stored, "apiVersion": kind.api_version}
        result: object
        match patch_type:
            case "json":
                result = json_patch.patched(shown, patch)
            case "merge":
                result = merge.merged(shown, _object(patch))
            case "strategic":
                if kind.custom:
                    raise UnsupportedMediaTypeError(
                        "the body of the request was in an unknown format - accepted media types"
                        " include: application/json-patch+json, application/merge-patch+json,"
                        " application/apply-patch+yaml"
                    )
                result = strategic.merged(objects.copied(shown), _object(patch), kind.kind)
            case "apply":
                result = self._applied(kind, shown, patch, options)
        if not isinstance(result, dict) or not isinstance(result.get("metadata"), dict):
            raise BadRequestError("the patch leaves no object with metadata")
        return result

    def _applied(self, kind: Kind, stored: Obj, patch: object, options: WriteOptions) -> Obj:
        config = _object(patch)
        if config.get("apiVersion") != kind.api_version or config.get("kind") != kind.kind:
            raise BadRequestError(
                f"an applied configuration says apiVersion and kind: {kind.api_version},"
                f" {kind.kind}"
            )
        if (config.get("metadata") or {}).get("managedFields"):
            raise BadRequestError("metadata.managedFields must be nil")
        schema = self.custom.schema(kind)
        return apply.applied(
            kind,
            stored,
            config,
            apply.Manager(options.field_manager, options.force),
            now=self.store.clock(),
            rule=apply.schema_rules(schema) if schema is not None else apply.built_in_rules(kind),
        )

    def _complete(self, kind: Kind, obj: Obj, options: WriteOptions) -> None:
        """Fills defaults in place; prunes what a custom resource's schema does not know."""
        try:
            if kind.custom:
                self.custom.complete(kind, obj, strict=options.strict, warnings=options.warnings)
            else:
                _examine(kind, obj, options)
                fill(kind, obj)
        except (AttributeError, TypeError, KeyError) as error:
            raise _unreadable(kind, error) from error

    def _check(self, kind: Kind, stored: Obj | None, new: Obj) -> None:
        try:
            if stored is None:
                check_create(kind, new)
            else:
                check_update(kind, stored, new)
        except (AttributeError, TypeError, KeyError) as error:
            raise _unreadable(kind, error) from error
        if kind.custom:
            self.custom.check(kind, new)

    async def _admitted(self, write: Attributes, new: Obj) -> Obj:
        """What is to be stored. Validating webhooks are asked about what is valid otherwise."""
        await self._mutate(write)
        final = write.object if write.object is not None else new
        self._check(write.kind, write.old, final)
        await self._admission.validate(write)
        return final

    async def _mutate(self, write: Attributes) -> None:
        try:
            await self._admission.mutate(write)
        except (AttributeError, TypeError, KeyError) as error:
            raise _unreadable(write.kind, error) from error

    def _attributes(
        self,
        operation: Operation,
        kind: Kind,
        new: Obj | None,
        old: Obj | None,
        options: WriteOptions,
    ) -> Attributes:
        about = new if new is not None else old or {}
        return Attributes(
            operation,
            kind,
            objects.namespace_of(about),
            objects.name_of(about),
            options.user,
            new,
            old,
            dry_run=options.dry_run,
            options=_review_options(operation, options),
            warnings=options.warnings,
        )

    def _as_if_created(self, kind: Kind, obj: Obj) -> Obj:
        """What a dry run answers: complete, but stored nowhere."""
        name = objects.name_of(obj)
        if name and self.store.find(kind, objects.namespace_of(obj), name) is not None:
            raise AlreadyExistsError.of(kind, name)
        meta = obj["metadata"]
        if not name:
            meta["name"] = meta["generateName"] + objects.random_suffix()
        return obj


def _same_name(obj: Obj, name: str) -> None:
    found = obj.get("metadata", {}).get("name") or name
    if found != name:
        raise BadRequestError(
            f"the name of the object ({found}) does not match the name on the URL ({name})"
        )


def _metadata_with_status(kind: Kind, stored: Obj, new: Obj) -> Obj:
    """What a write of the status makes of the metadata: a pod's labels and annotations may change."""
    merged: Obj = {**objects.copied(stored), "resourceVersion": new.get("resourceVersion")}
    if kind.key == POD.key:
        for key in ("labels", "annotations"):
            merged.pop(key, None)
            merged |= {key: new[key]} if new.get(key) else {}
    return merged


def _review_options(operation: Operation, options: WriteOptions) -> Obj:
    """The options of a request as webhooks are shown them."""
    shown: Obj = {"kind": f"{operation.capitalize()}Options", "apiVersion": "meta.k8s.io/v1"}
    if options.dry_run:
        shown["dryRun"] = ["All"]
    if operation != "DELETE":
        shown["fieldManager"] = options.field_manager
    return shown


def _object(patch: object) -> Obj:
    if not isinstance(patch, dict):
        raise BadRequestError("error decoding patch: the patch must be an object")
    return patch


def _shape(kind: Kind, obj: Obj) -> None:
    """The least an object must have for anything else to be said about it."""
    obj["apiVersion"], obj["kind"] = kind.api_version, kind.kind
    meta = obj.setdefault("metadata", {})
    if meta is None:
        meta = obj["metadata"] = {}
    if not isinstance(meta, dict):
        raise BadRequestError("metadata must be an object")
    for key in ("labels", "annotations"):
        if meta.get(key, 0) is None:
            del meta[key]
    if not kind.namespaced:
        meta.pop("namespace", None)


def _examine(kind: Kind, obj: Obj, options: WriteOptions) -> None:
    """Refuses values of the wrong type, and unknown fields when strict; else drops those."""
    found = builtin.examine(kind, obj)
    unknown = [f'unknown field "{builtin.shown(path)}"' for path in found.unknown]
    wrong = found.mistyped or (unknown if options.strict else [])
    if wrong:
        how = "" if found.mistyped else "strict decoding error: "
        raise BadRequestError(
            f'{kind.kind} in version "{kind.version}" cannot be handled as a {kind.kind}:'
            f" {how}{', '.join(wrong)}"
        )
    builtin.without(obj, found.unknown)
    options.warnings.extend(unknown)


def _readable(kind: Kind, patched: Obj) -> None:
    """A patch that makes a value of the wrong type is at fault, not the object."""
    wrong = [] if kind.custom else builtin.examine(kind, patched).mistyped
    if wrong:
        raise InvalidError.about("", "", "", [invalid("patch", patched, ", ".join(wrong))])


def _unreadable(kind: Kind, error: Exception) -> ApiError:
    return BadRequestError(
        f'{kind.kind} in version "{kind.version}" cannot be handled as a {kind.kind}: some field'
        f" has a value of the wrong type ({error})"
    )
