"""A step that quality checks come before: refused while one is due, or taken with what allows it in the trail."""

from audit.words import said
from exceptions.services import Use
from orders.fulfilment.errors import ChecksOpen
from orders.fulfilment.models import Fulfilment
from orders.fulfilment.services.changes import Changes
from orders.fulfilment.services.dockets import Docket


def refuse_unchecked(docket: Docket, parcel: Fulfilment, point: str) -> None:
    """Raises `ChecksOpen` naming what is not passed and nothing stands in for, before this step."""
    if missing := docket.unchecked(parcel, point):
        names = ", ".join(f"“{check.name}”" for check in missing)
        raise ChecksOpen(said("%(key)s has to pass first: %(names)s.", key=parcel.key, names=names))


def tell_skipped(docket: Docket, parcel: Fulfilment, point: str, changes: Changes) -> None:
    """The step is taken without checks that are due: what allows it is said, with each."""
    for check in docket.due(parcel, point):
        told = {"order": docket.order.key, "parcel": parcel.key, "check": check.slug}
        changes.tell("check.skipped", check, before=point, allowed_by=docket.skipped[check.pk], **told)
        changes.uses.append(Use(docket.skipped[check.pk], f"{parcel.key} “{check.name}”"[:120]))
