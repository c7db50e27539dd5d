"""Exports for programs that follow all orders, clients set up by programs, and the stock of products."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpResponse
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

from audit import clock
from audit.rest.pages import MOST, read_limit, refused
from audit.rest.versions import exactly
from audit.rest.views import ActResource, DeedResource, Resource
from orders.fulfilment.decisions.bundles import Part
from orders.fulfilment.decisions.clients import Draft, NewClient, NewProductLine
from orders.fulfilment.models import Export, Sku
from orders.fulfilment.selectors import parcels, stock, templates
from orders.fulfilment.selectors.clients import client_called, client_page
from orders.fulfilment.selectors.exports import Position
from orders.fulfilment.serializers import SkuSerializer, clients
from orders.fulfilment.serializers import exports as shapes
from orders.fulfilment.serializers import stock as stock_shapes
from orders.fulfilment.services import arrivals, bundles, feed, recalling
from orders.fulfilment.services import clients as services
from orders.fulfilment.services.arrivals import Arrival
from rules.models import Client

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


class _Stock(Resource):
    permission = "orders.view_order"
    noun = "SKU"
    key_field = "pk"
    serializer_class: Any = SkuSerializer

    def records(self) -> QuerySet[Sku]:
        """Of the asker's clients."""
        return parcels.skus_for(self.by)


class SkuStock(_Stock):
    """What lies where and of which lot, for whom it is set aside, and whose turn it is."""

    serializer_class = stock_shapes.StockSerializer

    def get(self, request: Request, key: UUID) -> Response:
        """Answer with the picture of this moment."""
        del request
        picture = stock.stock_picture(by=self.by, sku_id=key, today=clock.now().date())
        return Response(self.get_serializer(picture).data)


class _StockAct(_Stock, ActResource):
    is_versioned = False


class ReceiveStock(_StockAct):
    """Take units in; who has waited longest gets them in the same act."""

    input_class = stock_shapes.ReceiveInput

    def act(self, record: Sku, given: Mapping[str, Any], *, now: datetime) -> None:
        """Take them in."""
        rest = {name: value for name, value in given.items() if name != "reason"}
        arrival = Arrival(client_id=record.client_id, sku=record.code, **rest)
        arrivals.receive_stock(sku_id=record.pk, arrival=arrival, reason=given["reason"], by=self.by, now=now)


class KeepBack(_StockAct):
    """Keep so many units back in a place: they are promised to nobody."""

    input_class = stock_shapes.KeepBackInput

    def act(self, record: Sku, given: Mapping[str, Any], *, now: datetime) -> None:
        """Keep them."""
        arrivals.set_safety_stock(sku_id=record.pk, **given, by=self.by, now=now)


class RecallLot(_StockAct):
    """Recall a lot everywhere: nothing of it is promised or sent any more."""

    input_class = stock_shapes.LotInput

    def act(self, record: Sku, given: Mapping[str, Any], *, now: datetime) -> None:
        """Recall it."""
        recalling.recall_lot(sku_id=record.pk, **given, by=self.by, now=now)


class ReadmitLot(_StockAct):
    """Let a recalled lot be promised and sent again."""

    input_class = stock_shapes.LotInput

    def act(self, record: Sku, given: Mapping[str, Any], *, now: datetime) -> None:
        """Let it."""
        recalling.readmit_lot(sku_id=record.pk, **given, by=self.by, now=now)


class SayParts(_StockAct):
    """Say what is in every unit of a bundle; orders there are keep what they have."""

    input_class = stock_shapes.PartsInput

    def act(self, record: Sku, given: Mapping[str, Any], *, now: datetime) -> None:
        """Say it."""
        parts = [Part(**one) for one in given["parts"]]
        bundles.say_parts(sku_id=record.pk, parts=parts, reason=given["reason"], by=self.by, now=now)


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


class Templates(Resource):
    """What a client can be set up from: what is shipped, and your clients."""

    permission = "rules.edit_rules"
    noun = "template"
    serializer_class = clients.TemplatesSerializer

    def get(self, request: Request) -> Response:
        """Answer with all of them."""
        del request
        return Response(self.get_serializer({"results": templates.templates_for(self.by)}).data)


class Readiness(Resource):
    """Whether orders of a client can come, go out and arrive, and what is missing."""

    permission = "rules.view_rules"
    noun = "client"
    serializer_class = clients.ReadinessSerializer

    def get(self, request: Request, key: str) -> Response:
        """Answer with every need."""
        del request
        return Response(self.get_serializer(client_page(key, by=self.by, now=clock.now())).data)


class _SetUp(DeedResource):
    permission = "rules.edit_rules"
    noun = "client"
    serializer_class = clients.SetUpSerializer
    shown_once = ("secrets",)

    def do(self, given: Mapping[str, Any], *, now: datetime) -> Any:
        """Show it, or make it."""
        given = dict(given)
        about = {"reason": given.pop("reason"), "seen": given.pop("plan", None)}
        if given.pop("dry_run"):
            return _told_draft(self.show(given))
        made = self.make(given, about, now)
        told = {"is_made": True, "is_in_force": made.is_in_force, "secrets": made.secrets}
        return _told_draft(made.draft) | told

    def show(self, given: dict[str, Any]) -> Draft:
        """What it would make."""
        raise NotImplementedError

    def make(self, given: dict[str, Any], about: Mapping[str, Any], now: datetime) -> services.SetUp:
        """Make it."""
        raise NotImplementedError


def _told_draft(draft: Draft) -> dict[str, Any]:
    makes = {kind: [str(row) for row in rows] for kind, rows in services.counted(draft).items()}
    same = {"client": draft.client.slug, "plan": draft.digest, "makes": makes}
    return {**same, "is_made": False, "is_in_force": False, "secrets": None}


class SetUpClient(_SetUp):
    """Set up a client from a template; secrets of its systems are in the first answer alone."""

    input_class = clients.ClientSetUpInput

    def show(self, given: dict[str, Any]) -> Draft:
        """With everything that comes from the template."""
        return services.draft_client(wish=_client_wish(given), by=self.by)

    def make(self, given: dict[str, Any], about: Mapping[str, Any], now: datetime) -> services.SetUp:
        """All in one transaction."""
        return services.set_up_client(wish=_client_wish(given), **about, by=self.by, now=now)


class SetUpLine(_SetUp):
    """Set up a brand or product line of a client."""

    input_class = clients.LineSetUpInput

    def show(self, given: dict[str, Any]) -> Draft:
        """With the rule that is its own."""
        client, wish = self._wish(given)
        return services.draft_line(client=client, wish=wish, by=self.by)

    def make(self, given: dict[str, Any], about: Mapping[str, Any], now: datetime) -> services.SetUp:
        """Both in one transaction."""
        client, wish = self._wish(given)
        return services.set_up_line(client=client, wish=wish, **about, by=self.by, now=now)

    def _wish(self, given: dict[str, Any]) -> tuple[Client, NewProductLine]:
        client = client_called(given.pop("key"), by=self.by)
        prefixes, channels = (tuple(given.pop(name)) for name in ("prefixes", "channels"))
        return client, NewProductLine(prefixes=prefixes, channels=channels, **given)


def _client_wish(given: dict[str, Any]) -> NewClient:
    checks = None if given["checks"] is None else tuple(given["checks"])
    return NewClient(**{**given, "people": tuple(given["people"]), "checks": checks})
