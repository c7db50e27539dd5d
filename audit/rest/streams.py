"""Lists that are taken out whole: every row that matches, as a table or a line of JSON each, sent while it is read."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from django.http import StreamingHttpResponse
from rest_framework.request import Request
from rest_framework.utils.encoders import JSONEncoder

from audit.rest.pages import refused
from audit.spreadsheets import csv_of

Document = Mapping[str, Any]


def wanted_format(request: Request) -> str:
    """`csv` or `jsonl`; empty where a page is asked for. Raises `BadQuery` for another."""
    name = request.query_params.get("format", "")
    if name not in {"", "json", *FORMATS}:
        raise refused("format", f"A list is had as json, csv or jsonl, not “{name[:20]}”.")
    return "" if name == "json" else name


def wanted_fields(request: Request, known: Sequence[str]) -> list[str]:
    """The fields of each row that are asked for, in the rows' order; all where none is named. Raises `BadQuery` for one there is not."""
    named = [name for name in request.query_params.get("fields", "").split(",") if name]
    if unknown := [name for name in named if name not in known]:
        raise refused("fields", f"There is no “{unknown[0][:40]}” here. There are: {', '.join(known)}.")
    return [name for name in known if not named or name in named]


def stream(name: str, documents: Iterable[Document], fields: Sequence[str]) -> StreamingHttpResponse:
    """All documents, with these fields, in one of the `FORMATS`."""
    media_type, lines = FORMATS[name]
    headers = {"Content-Disposition": f'attachment; filename="list.{name}"'}
    return StreamingHttpResponse(lines(documents, fields), content_type=media_type, headers=headers)


def _table(documents: Iterable[Document], fields: Sequence[str]) -> Iterator[str]:
    return csv_of(fields, ({name: _cell(one[name]) for name in fields} for one in documents))


def _lines(documents: Iterable[Document], fields: Sequence[str]) -> Iterator[str]:
    return (f"{_json({name: one[name] for name in fields})}\n" for one in documents)


def _cell(value: Any) -> str:
    """What a cell shows: text as it is, nothing for nothing, anything else as in JSON."""
    if value is None:
        return ""
    return value if isinstance(value, str) else _json(value).strip('"')


def _json(value: Any) -> str:
    return json.dumps(value, cls=JSONEncoder, ensure_ascii=False, separators=(",", ":"))


FORMATS: Final[Mapping[str, tuple[str, Callable[[Iterable[Document], Sequence[str]], Iterator[str]]]]] = {
    "csv": ("text/csv; charset=utf-8", _table),
    "jsonl": ("application/jsonl", _lines),
}
