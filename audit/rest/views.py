"""The shapes of a resource: a list, a record, an act on a record, a creation. A view declares; this does the rest alike everywhere."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar

from django.db.models import Model, QuerySet
from django.http.response import HttpResponseBase
from rest_framework import status
from rest_framework.exceptions import NotAuthenticated
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from audit import clock
from audit.access import require
from audit.context import Actor
from audit.errors import Conflict, NotFound
from audit.filtering import FilterSet, Question
from audit.rest.expanding import Relations, expanded, related, wanted_relations
from audit.rest.idempotency import once
from audit.rest.pages import KeysetPagination, chunks_of, given_filters
from audit.rest.parsing import Input, NoInput, read_body
from audit.rest.problems import Stale
from audit.rest.schema import ResourceSchema
from audit.rest.streams import stream, wanted_fields, wanted_format
from audit.rest.versions import etag, is_known, seen_version
from audit.services.taking_out import record_export
from audit.words import said


def actor_of(request: Request) -> Actor:
    """Who asks: the authenticators put the actor where DRF keeps a token."""
    actor: Any = request.auth
    if not isinstance(actor, Actor):
        raise NotAuthenticated
    return actor


class Resource(GenericAPIView[Any]):
    """Something that can be asked for. `permission` is what everyone asking needs; `noun` is what people call it.

    `expands` is what a record refers to and can be sent with.
    """

    permission: ClassVar[str]
    noun: ClassVar[str]
    key_field: ClassVar[str] = "key"
    expands: ClassVar[Relations] = related()
    tag: ClassVar[str]
    schema = ResourceSchema()

    @property
    def by(self) -> Actor:
        """Who asks."""
        return actor_of(self.request)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Refuse who may not ask, then read the body once and within bounds."""
        super().initial(request, *args, **kwargs)
        require(self.by, self.permission)
        read_body(request)

    def records(self) -> QuerySet[Any, Any]:
        """What exists for who asks; from the app's scoped selectors."""
        raise NotImplementedError

    def find(self, key: Any) -> Any:
        """The record of this key. Raises `NotFound` for none and for another client's alike."""
        found = self.records().filter(**self.lookup(key)).first()
        if found is None:
            raise NotFound(said("There is no %(noun)s %(key)s, or it is not yours to see.", noun=self.noun, key=key))
        return found

    def lookup(self, key: Any) -> Mapping[str, Any]:
        """How a key in an address finds its record."""
        return {self.key_field: key}

    def shown(self, record: Any) -> Response:
        """The record, with its version where it has one."""
        response = Response(self.get_serializer(record).data)
        if (version := getattr(record, "version", None)) is not None:
            response["ETag"] = etag(version)
        return response


class ListResource(Resource):
    """GET: a page of what matches the filters."""

    filters: ClassVar[FilterSet]
    relations: Sequence[str] = ()
    pagination_class = KeysetPagination

    def ordering(self, request: Request) -> tuple[str, ...]:
        """The fields this request is sorted by."""
        return self.filters.order(request.query_params.get("sort", ""))

    def get(self, request: Request, **_: Any) -> HttpResponseBase:
        """Answer with a page, or with all that match as a stream; of each row the fields that are asked for."""
        question = Question(self.by, clock.now())
        matching = self.filters.apply(self.records(), given_filters(request.query_params), question)
        row: Any = self.get_serializer()
        fields, shape = wanted_fields(request, list(row.fields)), wanted_format(request)
        self.relations = wanted_relations(self)
        if shape:
            record_export(query=request.get_full_path(), by=self.by, now=question.now)
            columns = [*fields, "expanded"] if self.relations else fields
            return stream(shape, self._documents(matching, fields), columns)
        return self.get_paginated_response(self._rows(self.paginate_queryset(matching), fields))

    def _documents(self, matching: QuerySet[Any, Any], fields: Sequence[str]) -> Iterator[Mapping[str, Any]]:
        for rows in chunks_of(matching, self.ordering(self.request)):
            yield from self._rows(rows, fields)

    def _rows(self, rows: Sequence[Any] | None, fields: Sequence[str]) -> Any:
        serializer: Any = self.get_serializer(rows, many=True)
        for left_out in set(serializer.child.fields).difference(fields):
            serializer.child.fields.pop(left_out)
        if not (rows and self.relations):
            return serializer.data
        found = expanded(self, rows, self.relations)
        return [{**row, "expanded": one} for row, one in zip(serializer.data, found, strict=True)]


class RecordResource(Resource):
    """GET: one record. `is_whole` says that its version stands for everything shown, so that a known version need not be sent again."""

    is_whole: ClassVar[bool] = True

    def get(self, request: Request, key: Any) -> Response:
        """Answer with the record, or that it is known already."""
        record = self.find(key)
        version = getattr(record, "version", None)
        relations = wanted_relations(self)
        if self.is_whole and not relations and version is not None and is_known(request, version):
            return Response(status=status.HTTP_304_NOT_MODIFIED, headers={"ETag": etag(version)})
        response = self.shown(record)
        if relations:
            response.data = {**response.data, "expanded": expanded(self, [record], relations)[0]}
        return response


class ActResource(Resource):
    """POST: one act on one record. Needs an Idempotency-Key, and If-Match unless `is_versioned` is off (a note adds, it undoes nothing).

    After an act that `is_last` the record is no longer there to be shown.
    """

    input_class: ClassVar[type[Input]] = NoInput
    is_versioned: ClassVar[bool] = True
    tells_who_was_faster: ClassVar[bool] = True
    is_last: ClassVar[bool] = False
    seen: int | None = None

    def post(self, request: Request, key: Any, **more: Any) -> Response:
        """Act once, and answer with the record as it is then; who lost sight of it is not told an earlier answer either."""
        record = self.find(key)
        return once(request, self.by, lambda: self._act(record, key, more))

    def _act(self, record: Any, key: Any, more: Mapping[str, Any]) -> Response:
        seen = seen_version(self.request) if self.is_versioned else None
        given = self.input_class(data=self.request.data)
        given.is_valid(raise_exception=True)
        if seen is not None and record.version != seen and not self.tells_who_was_faster:
            raise self._stale(record, f"{record} changed since you looked at it.")
        try:
            self.seen = seen
            self.act(record, {**given.validated_data, **more}, now=clock.now())
        except Conflict as conflict:
            current = self.find(key)
            if seen is not None and current.version != seen:
                raise self._stale(current, conflict.message) from conflict
            raise
        return Response(status=status.HTTP_204_NO_CONTENT) if self.is_last else self.shown(self.find(key))

    def act(self, record: Any, given: Mapping[str, Any], *, now: datetime) -> None:
        """Call the one service that does it; `seen` is the version the asker looked at."""
        raise NotImplementedError

    def _stale(self, record: Model, message: str) -> Stale:
        return Stale(message, current=self.get_serializer(record).data)


class DeedResource(Resource):
    """POST: an act that is about no single record. Needs an Idempotency-Key; answers with what came of it.

    What is `shown_once` is left out of the answer that is kept for a repetition.
    """

    input_class: ClassVar[type[Input]] = NoInput
    shown_once: ClassVar[Collection[str]] = ()

    def post(self, request: Request, **about: Any) -> Response:
        """Act once."""
        return once(request, self.by, lambda: self._done(about), shown_once=self.shown_once)

    def _done(self, about: Mapping[str, Any]) -> Response:
        given = self.input_class(data=self.request.data)
        given.is_valid(raise_exception=True)
        done = self.do({**given.validated_data, **about}, now=clock.now())
        shape: Any = getattr(self, "answers", {}).get("POST", self.serializer_class)
        return Response(shape(done, context=self.get_serializer_context()).data)

    def do(self, given: Mapping[str, Any], *, now: datetime) -> Any:
        """Call the one service that does it."""
        raise NotImplementedError


class CreateMixin:
    """POST on a list: something new. Needs an Idempotency-Key."""

    input_class: ClassVar[type[Input]]

    def post(self: Any, request: Request) -> Response:
        """Create once, and answer with what there is then."""
        return once(request, self.by, self._create)

    def _create(self: Any) -> Response:
        given = self.input_class(data=self.request.data)
        given.is_valid(raise_exception=True)
        response: Response = self.shown(self.create(given.validated_data, now=clock.now()))
        response.status_code = status.HTTP_201_CREATED
        response["Location"] = response.data["self"]
        return response
