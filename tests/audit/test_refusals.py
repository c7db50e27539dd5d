"""However often strangers are refused, the trail grows by the clock."""

from datetime import datetime, timedelta

import pytest
from django.db import connection

from audit.models import Event, RefusalTally
from audit.selectors.invariants import check_all
from audit.services.refusals import tally_refusal, tell_refusals

pytestmark = pytest.mark.django_db


def refuse(times: int, *, now: datetime, source: str = "unknown system", code: str = "signature-refused") -> None:
    for n in range(times):
        tally_refusal(source=source, code=code, what="POST /x", now=now + timedelta(milliseconds=n))


def test_a_minute_of_refusals_is_one_event_for_each_source_and_kind(now: datetime) -> None:
    refuse(50, now=now)
    refuse(2, now=now, source="system:shop")
    refuse(3, now=now + timedelta(minutes=1))
    assert tell_refusals(now=now + timedelta(seconds=64)) == 0
    assert tell_refusals(now=now + timedelta(seconds=66)) == 2
    assert tell_refusals(now=now + timedelta(seconds=66)) == 0
    bodies = sorted(Event.objects.filter(type="access.refused").values_list("body", flat=True))
    assert [('"count":50' in body, '"source":"unknown system"' in body) for body in bodies].count((True, True)) == 1
    assert len(bodies) == 2
    assert RefusalTally.objects.get().count == 3


def test_a_refusal_nobody_tells_is_found(now: datetime) -> None:
    refuse(1, now=now)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE audit_refusaltally SET minute = clock_timestamp() - interval '4 minutes'")
        assert [outcome.violations for outcome in check_all(only=["inv-34"])] == [0]
        cursor.execute("UPDATE audit_refusaltally SET minute = clock_timestamp() - interval '6 minutes'")
    (outcome,) = check_all(only=["inv-34"])
    assert outcome.offenders[0].startswith("unknown system signature-refused at ")
