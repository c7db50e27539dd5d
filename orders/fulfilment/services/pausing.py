"""What systems say of an order in the scope of a break-glass waits for its end, so that nobody in an emergency is fought by a machine.

Only what would be written over waits: dates and speeds that were promised. What has happened (money, parcels, a cancellation) and what is
wanted of the order (an address, lines) is heard at once; the latter ends the break-glass, which was for the order as it was.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final
from uuid import UUID

from audit.subject_refs import SubjectRef
from exceptions.selectors import live_emergencies
from exceptions.selectors.pauses import PAUSED_BY
from orders.fulfilment.decisions.news import News
from orders.fulfilment.services.cases import TimerChange
from orders.fulfilment.services.changes import Changes, ref_of
from orders.fulfilment.services.changing import PROMISES
from orders.fulfilment.services.dockets import Docket
from orders.fulfilment.services.hearing import Told

CHANGED: Final = "order.changed"
TELL_LATER: Final = "fulfilment.tell_after_emergency"
ABOUT: Final = ("order", "changed_at")


def says_promises(news: News) -> bool:
    """Whether it says something that a break-glass holds back."""
    return news.type == CHANGED and any(news.data.get(name) for name in PROMISES)


def hold_back_promises(told: Sequence[Told], changes: Changes) -> tuple[list[Told], list[News]]:
    """What can be told now, and what has to be kept until the break-glass over its order ends; a timer tells it then."""
    about = {ref_of(docket.order): docket for docket, news in told if says_promises(news)}
    live = live_emergencies(subjects=about, now=changes.now) if about else {}
    if not live:
        return list(told), []
    now, later = list[Told](), list[News]()
    for docket, news in told:
        ref = ref_of(docket.order)
        if ref not in live or not says_promises(news):
            now.append((docket, news))
            continue
        waiver = live[ref]
        said_of = [name for name in PROMISES if news.data.get(name)]
        later.append(replace(news, data=_only(news, (*ABOUT, *said_of))))
        now.append((docket, replace(news, data=_only(news, set(news.data) - set(said_of)))))
        changes.timers.append(TimerChange(ref, TELL_LATER, waiver.expires_at, {PAUSED_BY: waiver.key}))
        changes.tell(
            "order.news_held_back",
            docket.order,
            waiver=waiver.key,
            event=news.event_id,
            system=news.system,
            fields=said_of,
            until=waiver.expires_at,
        )
    return now, later


def in_emergency(dockets: Collection[Docket], now: datetime) -> set[UUID]:
    """Of these the orders in the scope of a break-glass."""
    about = {ref_of(docket.order): docket.order.pk for docket in dockets}
    return {about[ref] for ref in live_emergencies(subjects=about, now=now)}


def orders_themselves(ids: Sequence[str]) -> dict[str, list[SubjectRef]]:
    """What timers about orders would put back: the order."""
    return {one: [SubjectRef("fulfilment.order", one)] for one in ids}


def _only(news: News, names: Collection[str]) -> dict[str, object]:
    return {name: value for name, value in news.data.items() if name in names}
