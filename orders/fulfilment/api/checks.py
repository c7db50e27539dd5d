"""Quality checks for programs: what waits, what was found, checking, what is known of products, and how far to trust it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

from django.db.models import QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from audit import clock, filtering
from audit.filtering import FilterSet
from audit.rest.pages import refused
from audit.rest.views import ActResource, ListResource, RecordResource, Resource
from orders.fulfilment.selectors import checks as found
from orders.fulfilment.selectors import parcels
from orders.fulfilment.selectors.false_passes import WINDOWS, false_passes
from orders.fulfilment.serializers import checks as shapes
from orders.fulfilment.services.checking import Photo, perform_check
from orders.fulfilment.services.describing import describe_product
from orders.fulfilment.states import CheckState
from rules import selectors as rules
from rules.states import CheckKind, CheckPoint


class _Checks(Resource):
    permission = "orders.view_order"
    noun = "check"
    key_field = "pk"
    serializer_class: Any = shapes.CheckSerializer

    def records(self) -> QuerySet[Any]:
        """Of the asker's clients."""
        return found.whole_checks_for(self.by)


class CheckList(_Checks, ListResource):
    """Quality checks of parcels, newest first."""

    filters = FilterSet(
        filters=(
            filtering.exact("fulfilment", "fulfilment__key"),
            filtering.exact("order", "order__key"),
            filtering.choice("state", "state", CheckState.values),
            filtering.choice("kind", "kind", CheckKind.values),
            filtering.choice("point", "point", CheckPoint.values),
            filtering.record_of("client", "client", rules.clients_of),
            filtering.exact("check", "slug"),
            filtering.moment("decided", "decided_at"),
        ),
        sorts={"-created": ("-created_at", "-pk"), "created": ("created_at", "pk")},
    )


class CheckRecord(_Checks, RecordResource):
    """One quality check of a parcel, with everything that was found."""


class PerformCheck(_Checks, ActResource):
    """Say what was found; the parcel goes on, or is held."""

    input_class = shapes.FoundInput
    tells_who_was_faster = False
    permission = "orders.check_parcel"

    def act(self, record: Any, given: Mapping[str, Any], *, now: datetime) -> None:
        """Compare it with what is expected."""
        seen = {name: value for name, value in given.items() if name != "photo"}
        sent = given.get("photo")
        photo = Photo(sent["name"], sent["content"]) if sent else None
        perform_check(check_id=record.pk, seen=seen, photo=photo, by=self.by, now=now)


class CheckPhoto(Resource):
    """The photo of a result, with what is in it."""

    permission = "orders.view_order"
    noun = "photo"
    serializer_class = shapes.PhotoSerializer

    def get(self, request: Request, key: Any, number: int) -> Response:
        """Read it."""
        del request
        return Response(self.get_serializer(found.result_named(self.by, key, number)).data)


class _Products(Resource):
    permission = "orders.view_order"
    noun = "SKU"
    key_field = "pk"
    serializer_class = shapes.ProductSerializer

    def records(self) -> QuerySet[Any]:
        """Of the asker's clients."""
        return parcels.skus_for(self.by).select_related("client", "facts")


class ProductFacts(_Products, ActResource):
    """How a product is recognised, and what one unit weighs and measures; saying it anew."""

    input_class = shapes.ProductInput
    is_versioned = False

    def get(self, request: Request, key: Any) -> Response:
        """Answer with what is known."""
        del request
        return self.shown(self.find(key))

    def act(self, record: Any, given: Mapping[str, Any], *, now: datetime) -> None:
        """Say it."""
        describe_product(sku_id=record.pk, **given, by=self.by, now=now)


class QualityReport(Resource):
    """Of the parcels that passed each kind of check, how many came back for what it should have found, and which."""

    permission = "orders.view_order"
    noun = "report"
    serializer_class = shapes.QualityReportSerializer
    asks: ClassVar[dict[str, str]] = {
        "days": f"Checks passed in the last so many days: {', '.join(map(str, WINDOWS))}."
    }

    def get(self, request: Request) -> Response:
        """Answer with the numbers."""
        asked = request.query_params.get("days", str(WINDOWS[0]))
        if asked not in {str(one) for one in WINDOWS}:
            raise refused("days", f"Ask for one of {', '.join(map(str, WINDOWS))} days.")
        return Response(self.get_serializer(false_passes(by=self.by, days=int(asked), now=clock.now())).data)
