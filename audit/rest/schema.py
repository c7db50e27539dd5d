"""The OpenAPI description of a resource, read from what its view declares."""

from typing import Any

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse
from rest_framework import serializers

from audit.rest.expanding import Relations
from audit.rest.problem_types import PROBLEM_TYPES

MEDIA_TYPE = "application/problem+json"
STREAMS = ("text/csv", "application/jsonl")


class FieldProblem(serializers.Serializer[Any]):
    """One thing wrong in one place."""

    pointer = serializers.CharField(help_text="JSON pointer into the body, or the name of a query parameter.")
    code = serializers.CharField()
    detail = serializers.CharField()
    location = serializers.ChoiceField(choices=["body", "query"])


class Problem(serializers.Serializer[Any]):
    """RFC 9457. Members beyond the standard ones come with the types that need them."""

    type = serializers.CharField(help_text="Address of the page that explains this kind of problem.")
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField(help_text="The same sentence a person would read on the page.")
    instance = serializers.CharField()
    trace_id = serializers.CharField()
    code = serializers.CharField(required=False)
    errors: Any = FieldProblem(many=True, required=False)
    missing_permission = serializers.CharField(required=False)
    who_can = serializers.ListField(child=serializers.CharField(), required=False)
    who = serializers.CharField(required=False)
    at = serializers.DateTimeField(required=False, allow_null=True)
    current = serializers.JSONField(required=False, help_text="With 412: the record as it is now.")


class ResourceSchema(AutoSchema):
    """Names, parameters and problems of an operation come from the view's class attributes."""

    def get_operation_id(self) -> str:
        """`list_exceptions`, `get_exceptions_record`, `post_exceptions_acknowledge`: unique by method and path."""
        words = [part.strip("{}") for part in self.path.removeprefix("/api/v1/").split("/")]
        return "_".join([self.method.lower(), *(word.replace("-", "_") for word in words)])

    def get_tags(self) -> list[str]:
        """The resource's name."""
        return [self.path.removeprefix("/api/v1/").split("/")[0]]

    def get_summary(self) -> str | None:
        """The first line of the view's docstring."""
        return (self.view.__doc__ or "").strip().split("\n")[0]

    def get_description(self) -> str:  # type: ignore[override]
        """What it is, and the permission it needs."""
        permission = getattr(self.view, "permission", "")
        return f"{self.get_summary()}\n\nPermission: `{permission}`." if permission else str(self.get_summary())

    def get_request_serializer(self) -> Any:
        """The body of an act or a creation."""
        return getattr(self.view, "input_class", None) if self.method == "POST" else None

    def get_response_serializers(self) -> Any:
        """The record, or the page, and the problems there can be."""
        view: Any = self.view
        by_method = getattr(view, "answers", {})
        answer = by_method.get(self.method) or getattr(view, "answer", None) or view.get_serializer_class()
        if self._is_list():
            answer = view.get_serializer_class()(many=True)
        ok = 201 if self._is_create_operation() else getattr(view, "answers_with", 200)
        if self.method == "POST" and getattr(view, "is_last", False):
            ok, answer = 204, None
        problems = {(code, MEDIA_TYPE): OpenApiResponse(Problem, description=words) for code, words in self._problems()}
        streams = {(200, kind): OpenApiTypes.STR for kind in STREAMS} if self._is_list() else {}
        return {
            (ok, "application/json"): answer,
            **streams,
            **({304: None} if self._may_be_known() else {}),
            **problems,
        }

    def _get_response_for_code(
        self, serializer: Any, status_code: str, media_types: Any = None, direction: Any = "response"
    ) -> Any:
        told = super()._get_response_for_code(serializer, status_code, media_types, direction)  # type: ignore[no-untyped-call]
        for kind, content in told.get("content", {}).items():
            if kind in STREAMS:
                content["schema"] = {"type": "string"}
            elif kind == "application/json" and self._relations():
                content["schema"] = {"allOf": [content["schema"], self._with_expanded()]}
        return told

    def _relations(self) -> Relations:
        """What the records of this operation can be sent with: those of a list, and single ones."""
        is_read = self._is_list() or (self.method == "GET" and hasattr(self.view, "is_whole"))
        return getattr(self.view, "expands", {}) if is_read else {}

    def _with_expanded(self) -> dict[str, Any]:
        shapes = {
            name: {"oneOf": [self.resolve_serializer(one.serializer_class, "response").ref, {"type": "null"}]}
            for name, one in self._relations().items()
        }
        row = {
            "type": "object",
            "properties": {
                "expanded": {
                    "type": "object",
                    "description": "Only with `expand=`: what is named there, as its own resource shows it.",
                    "properties": shapes,
                }
            },
        }
        if not self._is_list():
            return row
        return {"type": "object", "properties": {"results": {"type": "array", "items": row}}}

    def _is_create_operation(self) -> bool:
        return self.method == "POST" and hasattr(self.view, "filters")

    def _is_list(self) -> bool:
        return self.method == "GET" and hasattr(self.view, "filters")

    def _is_list_view(self, serializer: Any = None) -> bool:
        return self._is_list() if serializer is None or self.method == "GET" else super()._is_list_view(serializer)

    def _may_be_known(self) -> bool:
        return self.method == "GET" and bool(getattr(self.view, "is_whole", False))

    def _problems(self) -> list[tuple[int, str]]:
        codes = {401, 403, 404, 406, 429} | ({400} if self._is_list() else set())
        codes |= {400, 422} if getattr(self.view, "asks", None) else set()
        if self.method == "POST":
            codes |= {400, 409, 413, 415, 422} | ({412, 428} if getattr(self.view, "is_versioned", False) else set())
        titles: dict[int, list[str]] = {}
        for one in PROBLEM_TYPES.values():
            titles.setdefault(one.status, []).append(one.title)
        return [(code, " / ".join(titles[code])) for code in sorted(codes)]

    def get_filter_backends(self) -> list[Any]:
        """Filters are declared, not backends."""
        return []

    def _get_pagination_parameters(self) -> list[Any]:
        return []

    def get_override_parameters(self) -> list[Any]:
        """Headers, filters and pages."""
        if self.method == "POST":
            return _act_headers(self.view)
        if not self._is_list():
            asked = [_query(name, words) for name, words in getattr(self.view, "asks", {}).items()]
            return [
                *asked,
                *_expand(self._relations()),
                *([_header("If-None-Match", "The ETag you have.")] if self._may_be_known() else []),
            ]
        view: Any = self.view
        filters = view.filters
        return [*_filters(filters), *_page_parameters(filters), *_expand(self._relations())]


def _header(name: str, words: str, *, required: bool = False, **more: Any) -> OpenApiParameter:
    kind: Any = {"type": "string", **more} if more else OpenApiTypes.STR
    return OpenApiParameter(name, kind, OpenApiParameter.HEADER, required=required, description=words)


def _act_headers(view: Any) -> list[OpenApiParameter]:
    key = _header(
        "Idempotency-Key",
        "New for each act, the same for each repetition of it.",
        required=True,
        minLength=16,
        maxLength=128,
        pattern=r"^[!-~]{16,128}$",
    )
    if not getattr(view, "is_versioned", False):
        return [key]
    return [
        key,
        _header("If-Match", "The ETag of what you looked at, or `*`.", required=True, pattern=r'^(\*|"v\d{1,9}")$'),
    ]


def _query(name: str, words: str, kind: Any = OpenApiTypes.STR, *, many: bool = False) -> OpenApiParameter:
    return OpenApiParameter(name, kind, OpenApiParameter.QUERY, description=words, many=many)


def _filters(filters: Any) -> list[OpenApiParameter]:
    return [
        OpenApiParameter(
            one.name,
            OpenApiTypes.STR,
            OpenApiParameter.QUERY,
            many=True,
            enum=one.choices or None,
            description=f"{one.label}: {one.values}. Several mean any of them; `{one.name}!=` excludes.",
        )
        for one in filters.filters
    ]


def _expand(relations: Relations) -> list[OpenApiParameter]:
    if not relations:
        return []
    words = "What is sent along in `expanded`, separated by commas. Each needs the permission of its own resource."
    named = "|".join(relations)
    kind = {"type": "string", "pattern": f"^({named})(,({named}))*$", "examples": [",".join(relations)]}
    return [_query("expand", words, kind)]


def _page_parameters(filters: Any) -> list[OpenApiParameter]:
    return [
        OpenApiParameter("sort", OpenApiTypes.STR, OpenApiParameter.QUERY, enum=[*filters.sorts]),
        _query("limit", "Rows of a page.", {"type": "integer", "minimum": 1, "maximum": 200, "default": 50}),
        _query(
            "per",
            "As `limit`, under the name the pages have for it.",
            {"type": "integer", "minimum": 1, "maximum": 200},
        ),
        _query("after", "The cursor in `next`."),
        _query("before", "The cursor in `previous`."),
        _query("count", "`true` counts all that match.", {"type": "string", "enum": ["true", "false"]}),
        _query("fields", "The fields of each row that are wanted, separated by commas; all without it."),
        _query(
            "format",
            "`csv` or `jsonl`: all that match, as a stream.",
            {"type": "string", "enum": ["json", "csv", "jsonl"]},
        ),
    ]
