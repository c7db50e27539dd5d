"""Exports for programs that follow all orders: one page after the other, and any of them again."""

from typing import Any, ClassVar
from uuid import UUID

from django.http import HttpResponse
from rest_framework.request import Request
from rest_framework.utils.urls import replace_query_param

from audit import clock
from audit.rest.pages import MOST, read_limit, refused
from audit.rest.versions import exactly
from audit.rest.views import Resource
from orders.fulfilment.models import Export
from orders.fulfilment.selectors.exports import Position
from orders.fulfilment.serializers import exports as shapes
from orders.fulfilment.services import feed

LONGEST_NUMBER = 18  # digits, of a number that fits its column


class _Exports(Resource):
    permission = "orders.export_order"
    noun = "export"
    is_whole = True


class ExportFeed(_Exports):
    """What has been exported since: follow `next`, and keep the last one to ask again later; each pull is kept in the trail."""

    serializer_class = shapes.FeedSerializer
    asks: ClassVar[dict[str, str]] = {
        "after": "Where you are: from the last `next`. Without it, the beginning.",
        "limit": f"At most so many exports, 1 to {MOST}; 50 unless told.",
    }

    def get(self, request: Request) -> HttpResponse:
        """Answer with what comes next, and where to go on from."""
        after = _position(request.query_params.get("after", ""))
        limit = read_limit(request.query_params.get("limit", ""))
        page = feed.pull_exports(after=after, limit=limit, by=self.by, now=clock.now())
        onward = replace_query_param(request.build_absolute_uri(), "after", str(page.end))
        told = {"results": [_told(export) for export in page.exports], "next": onward, "has_more": page.has_more}
        answer = exactly(request, told)
        answer["Link"] = f'<{onward}>; rel="next"'
        return answer


class ExportRecord(_Exports):
    """One export as it was made, whatever has become of its order since; the reading is kept in the trail."""

    serializer_class = shapes.ExportSerializer

    def get(self, request: Request, key: UUID) -> HttpResponse:
        """Answer with the same bytes every time."""
        return exactly(request, _told(feed.read_export(export_id=key, by=self.by, now=clock.now())))


def _told(export: Export) -> dict[str, Any]:
    return {
        "id": str(export.pk),
        "number": export.number,
        "order": export.order.key,
        "sha256": export.sha256,
        "document": export.document,
    }


def _position(text: str) -> Position:
    if not text:
        return Position()
    numbers = text.split(".")
    if len(numbers) != 2 or not all(one.isascii() and one.isdigit() and len(one) <= LONGEST_NUMBER for one in numbers):  # noqa: PLR2004 -- transaction and number
        raise refused("after", "This is no place in the feed. Follow `next`.")
    return Position(int(numbers[0]), int(numbers[1]))
