"""The API's reference, written by the server from the same description programs read."""

import json
from dataclasses import dataclass, field
from functools import cache
from itertools import groupby
from typing import Any, Final

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from drf_spectacular.generators import SchemaGenerator

from audit.rest.problem_types import PROBLEM_TYPES, ProblemType

METHODS: Final = ("get", "post", "patch", "put", "delete")
DEEPEST: Final = 6
HEADERS: Final = {"Idempotency-Key": "3f0c2a5e-7a55-4d43-9d5b-1f1f0c7c0d10", "If-Match": '"v3"'}


@dataclass(frozen=True)
class Operation:
    """One thing the API does, with everything needed to try it."""

    anchor: str
    tag: str
    method: str
    path: str
    summary: str
    description: str
    parameters: tuple[dict[str, Any], ...]
    fields: tuple[dict[str, Any], ...]
    request: str
    answer: str
    status: str
    problems: tuple[tuple[str, str], ...]
    curl: str
    python: str


@dataclass(frozen=True)
class Resource:
    """The operations of one resource."""

    name: str
    operations: tuple[Operation, ...] = field(default=())


@require_safe
def reference(request: HttpRequest) -> HttpResponse:
    """The whole reference on one page, so that the browser's search finds everything."""
    context = {"resources": resources(), "problem_types": list(PROBLEM_TYPES.values())}
    return render(request, "api/reference.html", context)


@require_safe
def problems(request: HttpRequest) -> HttpResponse:
    """Every kind of problem."""
    return render(request, "api/problems.html", {"problem_types": list(PROBLEM_TYPES.values())})


@require_safe
def problem(request: HttpRequest, slug: str) -> HttpResponse:
    """What one kind of problem means, how to go on, and an example."""
    if slug not in PROBLEM_TYPES:
        raise Http404
    kind = PROBLEM_TYPES[slug]
    return render(request, "api/problem.html", {"problem_type": kind, "example": example_of(kind)})


def example_of(kind: ProblemType) -> str:
    """A problem document of this kind."""
    document = {
        "type": kind.uri,
        "title": kind.title,
        "status": kind.status,
        "detail": kind.detail,
        "instance": "/api/v1/exceptions/EX-20418/acknowledge",
        "trace_id": "01939a2e-6b7f-7c31-9f5e-0d6f5f1f9a55",
    }
    return json.dumps(document, indent=2, ensure_ascii=False)


@cache
def description() -> dict[str, Any]:
    """The OpenAPI document."""
    generator = SchemaGenerator()  # type: ignore[no-untyped-call]
    document: dict[str, Any] = generator.get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    return document


@cache
def resources() -> tuple[Resource, ...]:
    """Every operation, by resource."""
    document = description()
    operations = [
        _operation(document, path, method, item[method])
        for path, item in document["paths"].items()
        for method in METHODS
        if method in item
    ]
    operations.sort(key=lambda one: (one.tag, one.path, one.method))
    return tuple(Resource(tag, tuple(ones)) for tag, ones in groupby(operations, key=lambda one: one.tag))


def _operation(document: dict[str, Any], path: str, method: str, told: dict[str, Any]) -> Operation:
    content = told.get("requestBody", {}).get("content", {})
    body = _resolved(document, next(iter(content.values()))["schema"]) if content else {}
    status = next(code for code in told["responses"] if code.startswith("2"))
    answers = told["responses"][status].get("content", {})
    answer = _sample(document, next(iter(answers.values()))["schema"]) if answers else None
    request = json.dumps(_sample(document, body), indent=2, ensure_ascii=False) if body.get("properties") else ""
    return Operation(
        anchor=told["operationId"],
        tag=told["tags"][0],
        method=method.upper(),
        path=path,
        summary=told.get("summary", ""),
        description=told.get("description", ""),
        parameters=tuple(_parameter(one) for one in told.get("parameters", [])),
        fields=tuple(_fields(document, body)),
        request=request,
        answer=json.dumps(answer, indent=2, ensure_ascii=False),
        status=status,
        problems=tuple(
            (code, response["description"]) for code, response in told["responses"].items() if code >= "400"
        ),
        curl=_curl(method, path, told, request),
        python=_python(method, path, told, request),
    )


def _parameter(one: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": one["name"],
        "place": one["in"],
        "required": one.get("required", False),
        "words": one.get("description", ""),
    }


def _fields(document: dict[str, Any], body: dict[str, Any]) -> list[dict[str, Any]]:
    needed = body.get("required", [])
    return [
        {
            "name": name,
            "kind": _kind(_resolved(document, schema)),
            "required": name in needed,
            "words": schema.get("description", ""),
        }
        for name, schema in body.get("properties", {}).items()
    ]


def _kind(schema: dict[str, Any]) -> str:
    kind = schema.get("type", "any")
    return " or ".join(kind) if isinstance(kind, list) else str(schema.get("format", kind))


def _resolved(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    if "$ref" in schema:
        found: dict[str, Any] = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
        return found
    parts = schema.get("allOf") or schema.get("oneOf") or []
    return _resolved(document, parts[0]) if parts else schema


def _sample(document: dict[str, Any], schema: dict[str, Any], depth: int = 0) -> Any:
    """A value such as this schema describes."""
    schema = _resolved(document, schema)
    if examples := schema.get("examples"):
        return examples[0]
    if options := schema.get("enum"):
        return options[0]
    kind = schema.get("type", "object")
    kind = kind[0] if isinstance(kind, list) else kind
    if depth > DEEPEST:
        return None
    if kind == "object":
        return {name: _sample(document, inner, depth + 1) for name, inner in schema.get("properties", {}).items()}
    if kind == "array":
        return [_sample(document, schema.get("items", {}), depth + 1)]
    samples = {"date-time": "2026-11-20T09:12:00Z", "uuid": "01939a2e-6b7f-7c31-9f5e-0d6f5f1f9a55", "uri": "https://…"}
    plain = {"integer": 3, "number": 3, "boolean": True, "string": "text"}
    return samples.get(schema.get("format", ""), plain.get(kind))


def _headers(told: dict[str, Any]) -> dict[str, str]:
    asked = [one["name"] for one in told.get("parameters", []) if one["in"] == "header" and one.get("required")]
    return {"Authorization": "Bearer $TOKEN", **{name: HEADERS.get(name, "…") for name in asked}}


def _curl(method: str, path: str, told: dict[str, Any], request: str) -> str:
    lines = [f"curl -X {method.upper()} https://handrail.example{path}"]
    lines += [f"  -H '{name}: {value}'" for name, value in _headers(told).items()]
    if request:
        lines += ["  -H 'Content-Type: application/json'", f"  -d '{json.dumps(json.loads(request))}'"]
    return " \\\n".join(lines)


def _python(method: str, path: str, told: dict[str, Any], request: str) -> str:
    lines = ["httpx.request(", f'    "{method.upper()}", f"{{base}}{path}",', f"    headers={_headers(told)!r},"]
    if request:
        lines.append(f"    json={json.loads(request)!r},")
    return "\n".join([*lines, ")"])
