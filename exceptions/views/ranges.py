"""A range of a filter, as people read it."""

from datetime import date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from typing import Final

from django.utils import dateformat, timezone
from django.utils.dateparse import parse_datetime
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

_TICK: Final = timedelta(microseconds=1)


def range_in_words(value: str) -> str:
    """“1 Nov 2026 to 7 Nov 2026” of `2026-11-01..2026-11-07`; what is no range of times or numbers reads as itself."""
    low, dots, high = value.partition("..")
    first, last = _end_in_words(low), _end_in_words(high, is_last=True)
    if not dots or first is None or last is None:
        return value
    if first and last:
        return first if first == last else _("%(first)s to %(last)s") % {"first": first, "last": last}
    if first:
        return _("from %(first)s") % {"first": first}
    return _("up to %(last)s") % {"last": last} if last else value


def _end_in_words(text: str, *, is_last: bool = False) -> str | None:
    """A day, a time or a number; nothing of an open end, and None of what is neither."""
    try:
        day, moment = _day(text), parse_datetime(text)
    except ValueError:
        return None
    if day is not None:
        return date_format(day)
    return _moment(moment, is_last=is_last) if moment is not None else text if _is_number(text) else None


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _is_number(text: str) -> bool:
    try:
        return not text or Decimal(text).is_finite()
    except InvalidOperation:
        return False


def _moment(moment: datetime, *, is_last: bool) -> str:
    """Of whole days only the day: those that begin at midnight, and end just before it."""
    aware = moment if moment.tzinfo else timezone.make_aware(moment)
    local = timezone.localtime(aware)
    edge = local + _TICK if is_last else local
    return (
        date_format(local.date())
        if edge.time() == time()
        else dateformat.format(local, pgettext("moment", "j M Y, H:i"))
    )
