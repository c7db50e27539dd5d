"""What a time-limited exception has let through, written down in the transaction in which it passes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from exceptions.models import Waiver, WaiverUse
from exceptions.models.waivers import KEY_PREFIX


@dataclass(frozen=True)
class Use:
    """Something (its key) that passed only because of the time-limited exception people call `key`."""

    key: str
    what: str


def note_uses(*, uses: Sequence[Use], now: datetime) -> None:
    """Write down what passed now; what did before stays as it was written. Two statements for any number of them."""
    if not uses:
        return
    numbers = [int(one.key.removeprefix(KEY_PREFIX)) for one in uses]
    known = dict(Waiver.objects.filter(number__in=numbers).values_list("number", "pk"))
    rows = [
        WaiverUse(waiver_id=known[number], what=one.what, at=now) for number, one in zip(numbers, uses, strict=True)
    ]
    WaiverUse.objects.bulk_create(rows, ignore_conflicts=True)
