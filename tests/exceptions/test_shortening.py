"""What was allowed may end earlier than it was allowed to, never later; who watches it hears so."""

from datetime import datetime

import pytest
from django.db import DatabaseError, transaction

from audit.context import acting
from audit.errors import IllegalTransition, Invalid, NotFound, Refused
from exceptions import services
from exceptions.models import Notification, Waiver, WaiverUse
from exceptions.services.waiver_uses import Use, note_uses
from exceptions.states import WaiverState
from tests.cast import House
from tests.exceptions.test_checks import broken
from tests.exceptions.test_extensions import HOUR, MINUTE, extend, in_force, live
from tests.exceptions.test_waivers import running, told, trail

__all__ = ["live"]
WHY = "The address is corrected sooner."


def shorten(waiver: Waiver, house: House, who: str, until: datetime, at: datetime) -> Waiver:
    return services.shorten_waiver(waiver_id=waiver.pk, until=until, reason=WHY, by=house.actor(who), now=at)


def test_it_ends_at_the_earlier_moment_and_everybody_concerned_hears_of_it(
    live: Waiver, house: House, now: datetime
) -> None:
    services.watch_waiver(waiver_id=live.pk, by=house.actor("bo"), now=now)
    services.watch_waiver(waiver_id=live.pk, by=house.actor("bo"), now=now)
    shorter = shorten(live, house, "mara", now + HOUR, now + 10 * MINUTE)
    assert (shorter.expires_at, shorter.effective_minutes) == (now + HOUR, 120)
    assert [in_force(live, at) for at in (now + HOUR - MINUTE, now + HOUR)] == [live.key, None]
    assert running(live) == {"waiver.heads_up": now + 48 * MINUTE, "waiver.expire": now + HOUR}
    assert (told("waiver.shortened"), told("waiver.news")) == (["amal", "client-success"], ["bo"])
    assert trail(live)[-2:] == ["waiver.watched", "waiver.shortened"]
    services.unwatch_waiver(waiver_id=live.pk, by=house.actor("bo"), now=now)
    services.sweep_timers(now=now + HOUR)
    live.refresh_from_db()
    assert (live.state, live.ended_at, told("waiver.news")) == (WaiverState.EXPIRED, now + HOUR, ["bo"])
    assert broken() == []


def test_only_who_owns_it_or_may_revoke_it_and_only_to_an_earlier_end_to_come(
    live: Waiver, house: House, now: datetime
) -> None:
    for who, refused in (("noor", NotFound), ("sam", Refused)):
        with pytest.raises(refused):
            shorten(live, house, who, now + HOUR, now)
    for until in (now, now - MINUTE, now + 3 * HOUR):
        with pytest.raises(Invalid, match="before"):
            shorten(live, house, "lee", until, now)
    with pytest.raises(IllegalTransition, match="has ended"):
        shorten(live, house, "lee", now + 3 * HOUR, now + 2 * HOUR)
    later = services.approve_waiver(waiver_id=extend(live, house, now).pk, by=house.actor("lee"), now=now)
    with pytest.raises(IllegalTransition, match=later.key):
        shorten(live, house, "lee", now + HOUR, now)
    assert Notification.objects.filter(event="waiver.shortened").count() == 0
    with (
        pytest.raises(DatabaseError, match="only ever becomes shorter"),
        transaction.atomic(),
        acting(house.actor("kim"), at=now),
    ):
        Waiver.objects.filter(pk=live.pk).update(starts_at=now + HOUR, expires_at=now + 3 * HOUR)


def test_what_passes_is_written_down_once_and_only_while_it_is_in_force(
    live: Waiver, house: House, now: datetime
) -> None:
    with acting(house.actor("kim"), at=now):
        note_uses(uses=[Use(live.key, "NW-1-1"), Use(live.key, "NW-1-2")], now=now)
        note_uses(uses=[Use(live.key, "NW-1-1")], now=now + HOUR)
    assert list(live.uses.order_by("what").values_list("what", "at")) == [("NW-1-1", now), ("NW-1-2", now)]
    for act in (
        lambda: note_uses(uses=[Use(live.key, "NW-1-3")], now=now + 2 * HOUR),
        lambda: WaiverUse.objects.filter(waiver=live).update(what="NW-9"),
    ):
        with pytest.raises(DatabaseError), transaction.atomic():
            act()
