"""Every paper of one order, in one list: packing lists and labels of its parcels, exports made, and what people kept as evidence."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse
from django.utils.translation import gettext_noop as noop

from audit.context import Actor
from audit.words import said
from exceptions.models import CaseAttachment
from exceptions.selectors import visible_cases
from orders.fulfilment.selectors.checks import CheckFacts
from orders.fulfilment.selectors.contents import ParcelFacts
from orders.fulfilment.selectors.order_filters import ORDER
from orders.fulfilment.selectors.story import OrderStory

PACKING_LIST, LABEL, PHOTO, FILE, EXPORT = (
    noop("Packing list"),
    noop("Label"),
    noop("Photo of a check"),
    noop("File of an exception"),
    noop("Export"),
)


@dataclass(frozen=True)
class DocumentFacts:
    """One paper: what it is, what it is called, what it belongs to, since when it is there, and where it is looked at."""

    kind: str
    name: str
    about: str
    at: datetime | None
    url: str


def documents_of(story: OrderStory, *, by: Actor) -> list[DocumentFacts]:
    """Those of an order whose story is told, as far as the actor may look at them; of its exports the newest, which says all."""
    may_export = by.may("orders.export_order")
    return [
        *_of_parcels(story.parcels),
        *_of_checks(story.checks),
        *_of_cases(story, by),
        *(_of_exports(story) if may_export else ()),
    ]


def _of_parcels(parcels: Iterable[ParcelFacts]) -> Iterable[DocumentFacts]:
    for parcel in parcels:
        url = reverse("fulfilment:parcel", args=[parcel.key])
        if parcel.manifest:
            yield DocumentFacts(PACKING_LIST, parcel.manifest, parcel.key, parcel.packed_at, url)
        if parcel.tracking_number:
            name = f"{parcel.carrier} {parcel.tracking_number}".strip()
            yield DocumentFacts(LABEL, name, parcel.key, parcel.handed_over_at, url)


def _of_checks(checks: Iterable[CheckFacts]) -> Iterable[DocumentFacts]:
    for check in checks:
        for result in check.results:
            if result.photo:
                url = reverse("fulfilment:photo", args=[check.id, result.number])
                yield DocumentFacts(PHOTO, check.name, check.parcel, result.at, url)


def _of_cases(story: OrderStory, by: Actor) -> Iterable[DocumentFacts]:
    cases = visible_cases(by).filter(subject_type=ORDER, subject_id=str(story.row.id))
    for file in CaseAttachment.objects.filter(case__in=cases).select_related("case").order_by("pk"):
        url = reverse("exceptions:file", args=[file.case.key, file.number])
        yield DocumentFacts(FILE, file.name, file.case.key, file.at, url)


def _of_exports(story: OrderStory) -> Iterable[DocumentFacts]:
    for export in story.exports[:1]:
        name = said("%(state)s, %(hash)s…", state=said(export.state_label), hash=export.record_sha256[:12])
        yield DocumentFacts(EXPORT, name, story.row.key, export.at, reverse("fulfilment:export", args=[story.row.key]))
