"""What pages make of the slugs of shipped kinds, marked for the catalogue."""

from typing import Final

from django.utils.translation import gettext_noop as noop

LABELS: Final = (
    noop("Address"),
    noop("Inventory"),
    noop("Carrier rejection"),
    noop("Carrier delay"),
    noop("Vendor no confirmation"),
    noop("Late parcel"),
    noop("High risk review"),
    noop("Contract violation"),
    noop("Delivery failure"),
    noop("Sync lag"),
    noop("Ownership gap"),
    noop("Moved while held"),
    noop("Lot recalled"),
    noop("Id conflict"),
    noop("Automation failure"),
    noop("Triage"),
    noop("Late cancellation"),
    noop("Impossible sequence"),
    noop("Late change"),
    noop("Return request"),
    noop("Return overdue"),
    noop("Refund decision"),
    noop("Unwind stalled"),
    noop("Override review"),
    noop("Product and lot"),
    noop("Right contents"),
    noop("Well packed"),
    noop("Weight and size"),
    noop("Right label"),
    noop("In time"),
    noop("Quality check"),
    noop("Blog post"),
    noop("Campaign page"),
    noop("Messaging change"),
    noop("Content overdue"),
    noop("Content follow up"),
)
