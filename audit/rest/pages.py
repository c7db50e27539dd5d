"""Pages that cost the same at any depth: a cursor is the sort key of the last row seen."""

import base64
import json
from collections.abc import Iterator, Sequence
from typing import Any, Final

from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.db.models import Model, Q
from django.http import QueryDict
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import remove_query_param, replace_query_param

from audit.canonical import plain
from audit.errors import FieldError
from audit.filtering import BadQuery

LIMIT: Final = 50
MOST: Final = 200
CHUNK: Final = 500
RESERVED: Final = frozenset({"limit", "after", "before", "sort", "count", "per", "fields", "format", "expand"})


class KeysetPagination(BasePagination):
    """`?limit=`, `?after=` and `?before=`; `count` only when asked for."""

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        """The rows of the page, in order. Raises `BadQuery` for a limit or cursor that is none."""
        self.request = request
        self.ordering: tuple[str, ...] = view.ordering(request)
        self.count = queryset.count() if request.query_params.get("count") == "true" else None
        limit = read_limit(request.query_params.get("limit") or request.query_params.get("per", ""))
        after, before = request.query_params.get("after", ""), request.query_params.get("before", "")
        ordering = _reversed(self.ordering) if before else self.ordering
        rows = queryset.order_by(*ordering)
        if cursor := before or after:
            rows = rows.filter(_beyond(ordering, _read(cursor, ordering, queryset)))
        found = list(rows[: limit + 1])
        more, page = len(found) > limit, found[:limit]
        if before:
            page.reverse()
        self.next = self._link("after", page[-1]) if page and (more if not before else True) else None
        self.previous = self._link("before", page[0]) if page and (more if before else bool(after)) else None
        return page

    def _link(self, name: str, row: Any) -> str:
        values = [plain(_value(row, field)) for field in self.ordering]
        cursor = base64.urlsafe_b64encode(json.dumps(values, separators=(",", ":")).encode()).decode().rstrip("=")
        url = self.request.build_absolute_uri()
        for other in ({"after", "before"} - {name}) & set(self.request.query_params):
            url = remove_query_param(url, other)
        return replace_query_param(url, name, cursor)

    def get_paginated_response(self, data: Any) -> Response:
        """The page with its neighbours, in the body and as `Link` headers."""
        body = {"results": data, "next": self.next, "previous": self.previous}
        if self.count is not None:
            body["count"] = self.count
        links = [f'<{url}>; rel="{rel}"' for rel, url in (("next", self.next), ("prev", self.previous)) if url]
        return Response(body, headers={"Link": ", ".join(links)} if links else None)

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        """The page in the OpenAPI document."""
        address = {"type": ["string", "null"], "format": "uri"}
        return {
            "type": "object",
            "required": ["results", "next", "previous"],
            "properties": {
                "results": schema,
                "next": address,
                "previous": address,
                "count": {"type": "integer", "description": "Only with ?count=true."},
            },
        }


def chunks_of(queryset: Any, ordering: Sequence[str]) -> Iterator[list[Any]]:
    """All rows in this order, some hundred at a time: each time those beyond the last, so that no transaction stays open meanwhile."""
    rows = queryset.order_by(*ordering)
    found = list(rows[:CHUNK])
    while found:
        yield found
        beyond = _beyond(ordering, [_value(found[-1], field) for field in ordering])
        found = list(rows.filter(beyond)[:CHUNK]) if len(found) == CHUNK else []


def read_limit(text: str) -> int:
    """How many rows a page is to have. Raises `BadQuery`."""
    if not text:
        return LIMIT
    if text.isascii() and text.isdigit() and len(text) <= len(str(MOST)) and 1 <= int(text) <= MOST:
        return int(text)
    raise refused("limit", f"A page has 1 to {MOST} rows, not “{text[:20]}”.")


def refused(name: str, detail: str) -> BadQuery:
    """What to raise for a parameter that is none."""
    return BadQuery(detail, errors=[FieldError(name, "unknown-value", detail)])


def _read(cursor: str, ordering: Sequence[str], queryset: Any) -> list[Any]:
    annotated = queryset.query.annotations
    try:
        values = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        return [
            (annotated[field].output_field if field in annotated else _field(queryset.model, field)).to_python(value)
            for field, value in zip([name.lstrip("-") for name in ordering], list(values), strict=True)
        ]
    except (ValueError, TypeError, ValidationError, RecursionError, OverflowError) as broken:
        raise refused("after", "This is not a page of this list. Follow `next` and `previous`.") from broken


def _field(model: type[Model], path: str) -> Any:
    head, _, rest = path.partition("__")
    field = model._meta.pk if head == "pk" else model._meta.get_field(head)
    if not rest:
        return field
    if field is None or field.related_model is None or isinstance(field.related_model, str):
        raise FieldDoesNotExist(path)
    return _field(field.related_model, rest)


def _value(row: Any, name: str) -> Any:
    for part in name.lstrip("-").split("__"):
        row = getattr(row, part)
    return row


def _reversed(ordering: Sequence[str]) -> tuple[str, ...]:
    return tuple(name[1:] if name.startswith("-") else f"-{name}" for name in ordering)


def _beyond(ordering: Sequence[str], values: Sequence[Any]) -> Q:
    """Strictly after these values in this order."""
    beyond, equal = Q(pk__in=[]), Q()
    for name, value in zip(ordering, values, strict=True):
        field = name.lstrip("-")
        beyond |= equal & Q(**{f"{field}__{'lt' if name.startswith('-') else 'gt'}": value})
        equal &= Q(**{field: value})
    return beyond


def given_filters(params: QueryDict) -> dict[str, list[str]]:
    """The query's filters: everything that is not about the page."""
    return {name: params.getlist(name) for name in params if name not in RESERVED}
