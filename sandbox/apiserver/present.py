"""Objects in the form a client asked for: as they are, as a table, or metadata only."""

from collections.abc import Sequence
from datetime import datetime

from sandbox.apiserver import convert
from sandbox.apiserver.crds import CustomResources
from sandbox.apiserver.kinds import Kind
from sandbox.apiserver.media import Form
from sandbox.apiserver.objects import Obj
from sandbox.apiserver.tables import custom as custom_columns
from sandbox.apiserver.tables.columns import Column, partial, table
from sandbox.apiserver.tables.pick import columns_of


class Presenter:
    def __init__(self, custom: CustomResources) -> None:
        self._custom = custom

    def one(
        self, kind: Kind, obj: Obj, form: Form, now: datetime, include: str = "Metadata"
    ) -> Obj:
        if form is Form.TABLE:
            revision = obj.get("metadata", {}).get("resourceVersion", "")
            return table(self.columns(kind), [obj], now=now, include=include, revision=revision)
        if form is Form.PARTIAL:
            return partial(obj)
        return convert.from_stored(kind, obj)

    def many(
        self,
        kind: Kind,
        items: Sequence[Obj],
        form: Form,
        now: datetime,
        revision: int,
        include: str = "Metadata",
    ) -> Obj:
        if form is Form.TABLE:
            return table(
                self.columns(kind), items, now=now, include=include, revision=str(revision)
            )
        meta = {"resourceVersion": str(revision)}
        if form is Form.PARTIAL:
            return {
                "kind": "PartialObjectMetadataList",
                "apiVersion": "meta.k8s.io/v1",
                "metadata": meta,
                "items": [partial(obj) for obj in items],
            }
        return {
            "kind": kind.list_kind,
            "apiVersion": kind.api_version,
            "metadata": meta,
            "items": [convert.from_stored(kind, obj) for obj in items],
        }

    def columns(self, kind: Kind) -> Sequence[Column]:
        if kind.custom:
            found = self._custom.find(kind)
            return custom_columns.columns(found.columns if found else ())
        return columns_of(kind)
