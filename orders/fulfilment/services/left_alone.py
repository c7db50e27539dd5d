"""What events say about fields that somebody has set by hand: kept for who reviews, and nothing is changed by it."""

from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

from audit.crypto import seal_secret
from orders.fulfilment.decisions.news import News
from orders.fulfilment.decisions.overrides import ADDRESS, FIELDS, HIDDEN, PHONE, address_text
from orders.fulfilment.models import Override
from orders.fulfilment.services.changes import Changes
from orders.fulfilment.services.dockets import Docket
from orders.fulfilment.states import OverrideState


def counted_by_hand(item_ids: Collection[UUID]) -> dict[UUID, Override]:
    """The fixes of these shelves that wait for a review, by shelf."""
    waiting = Override.objects.filter(stock_item__in=item_ids, state=OverrideState.WAITING)
    return {one.stock_item_id: one for one in waiting if one.stock_item_id is not None}


def keep_promises(docket: Docket, told: Mapping[str, Any], news: News, changes: Changes) -> dict[str, Any]:
    """What events say of an order, without the fields somebody has set by hand: of those it is only kept what was said."""
    waiting = {one.field: one for one in docket.overrides if one.line_id is None}
    for field in told.keys() & waiting.keys():
        note(waiting[field], FIELDS[field].write(told[field]), news, changes)
    return {field: value for field, value in told.items() if field not in waiting}


def keep_contact(docket: Docket, told: Mapping[str, Any], news: News, changes: Changes) -> dict[str, Any]:
    """The same of the address and of how to reach the customer."""
    kept = dict(told)
    address, phone = docket.override_of(ADDRESS), docket.override_of(PHONE)
    if address is not None and news.data.get("address"):
        note(address, address_text(news.data["address"]), news, changes)
    if phone is not None and kept.get("phone"):
        note(phone, str(kept.pop("phone")), news, changes)
    return kept


def note(override: Override, heard: str, news: News, changes: Changes) -> None:
    """A system says something about a field that was set by hand: it is kept for who reviews, and changes nothing."""
    if FIELDS[override.field].personal:
        override.secret.heard = seal_secret(heard)
        override.secret.save(update_fields=["heard"])
        heard = HIDDEN
    override.heard, override.heard_at = heard, news.happened_at
    changes.edit(override, "heard", "heard_at")
    told = {"field": override.field, "event": news.event_id, "system": news.system}
    changes.tell("override.left_alone", override, about=override.about, **told)
