"""Guessing takes time: after some wrong tries each further one has to wait, longer and longer."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection

from audit.arrays import text_array
from audit.crypto import blind_index
from audit.models import WrongTry

FIRST_PAUSE = timedelta(seconds=30)
FORGOTTEN_AFTER = timedelta(hours=1)
MOST_DOUBLED = 10

COUNT = """
    INSERT INTO audit_wrongtry AS t (key, count, last_at) SELECT key, 1, %s FROM unnest(%s::text[]) AS g(key) ORDER BY key
    ON CONFLICT (key) DO UPDATE
    SET count = CASE WHEN t.last_at < %s THEN 1 ELSE t.count + 1 END, last_at = excluded.last_at
    RETURNING key, count
"""


@dataclass(frozen=True)
class Guard:
    """What is watched: `name` says what kind of thing, `of` which one; `free` wrong tries cost nothing.

    The pause begins with `FIRST_PAUSE` and doubles with every further wrong try up to `longest`.
    """

    name: str
    of: str
    free: int
    longest: timedelta

    @property
    def key(self) -> str:
        """A keyed digest: whose account or which address cannot be read from it."""
        return blind_index(f"{self.name}:{self.of}")

    def pause(self, wrong: int) -> timedelta:
        """How long one has to wait after so many wrong tries."""
        if wrong < self.free:
            return timedelta(0)
        return min(FIRST_PAUSE * int(2 ** min(wrong - self.free, MOST_DOUBLED)), self.longest)


def pause_until(*, guards: Sequence[Guard], now: datetime) -> datetime | None:
    """When the next try is let through; None: at once."""
    known = {guard.key: guard for guard in guards}
    tried = WrongTry.objects.filter(key__in=known, last_at__gt=now - FORGOTTEN_AFTER)
    ends = [one.last_at + known[one.key].pause(one.count) for one in tried]
    return max((end for end in ends if end > now), default=None)


def count_wrong_try(*, guards: Sequence[Guard], now: datetime) -> list[Guard]:
    """Count one more wrong try of each; those whose pauses began with it."""
    known = {guard.key: guard for guard in guards}
    WrongTry.objects.filter(last_at__lt=now - FORGOTTEN_AFTER).delete()
    with connection.cursor() as cursor:
        cursor.execute(COUNT, [now, text_array(list(known)), now - FORGOTTEN_AFTER])
        counts = dict(cursor.fetchall())
    return [guard for key, guard in known.items() if counts[key] == guard.free]


def forget_wrong_tries(*, guards: Sequence[Guard]) -> None:
    """It was tried rightly."""
    WrongTry.objects.filter(key__in=[guard.key for guard in guards]).delete()


def use_once(*, name: str, of: str, now: datetime) -> bool:
    """Whether this is the first use within the hour of what may be used once, in any process."""
    guard = Guard(name, of, free=1, longest=FIRST_PAUSE)
    return bool(count_wrong_try(guards=[guard], now=now))
