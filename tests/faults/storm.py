"""Run inside a product by `manage.py shell`: a thousand exceptions whose whole ladders fall due within the next seconds."""

from datetime import timedelta

from audit import clock
from audit.access import system_actor
from audit.subject_refs import SubjectRef
from exceptions.services import CaseOpening, open_cases
from orders.fulfilment.management.demo.seeding import prepare
from rules.models import ExceptionType, Sla
from rules.services import freeze_rule_book, save_edited

CASES, WAVES = 1_000, 10
BEGINS_IN, APART = timedelta(seconds=3), timedelta(seconds=1)
STEPS = (
    {"to": "backup"},
    {"do": "notify", "to": "owner:logistics"},
    {"do": "page", "to": "owner:ops-team-review"},
    {"to": "owner:ops-team-review"},
)


def brew() -> None:
    """Open them in waves, an hour ago to the second: each step is due an hour after the opening, one after the other."""
    by = system_actor("storm", channel="command")
    client = prepare(now=clock.now())[0]["northwind"]
    kind = ExceptionType.objects.get(slug="address")
    kind.sla, kind.acknowledge_within_minutes = Sla.objects.get(slug="vendor-confirmation"), 600
    kind.ladder = [{"after_minutes": 60, **step} for step in STEPS]
    save_edited(edited=kind, by=by, now=clock.now(), seen=kind.version, reason="a storm")
    freeze_rule_book(by=by, now=clock.now(), note="a storm")
    begins = clock.now() + BEGINS_IN
    for wave in range(WAVES):
        openings = [
            CaseOpening(
                "address",
                SubjectRef("storm.parcel", str(n), client.pk),
                f"NW-S{n}",
                client.pk,
                f"Parcel {n} cannot be delivered",
                cause="The carrier's list of postcodes is gone",
            )
            for n in range(wave, CASES, WAVES)
        ]
        open_cases(openings=openings, by=by, now=begins + wave * APART - timedelta(hours=1))
