"""Goods that were asked for: when they do not come in time, and when nobody but a person has said that they have."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from audit.context import current_actor
from audit.services.events import Entry, record_many
from audit.subject_refs import subject_ref
from audit.words import at, said
from exceptions import services as exceptions
from exceptions.services import CaseOpening
from orders.fulfilment.models import Replenishment, StockItem
from orders.fulfilment.services.levels import CASE, close_cases
from orders.sync.models import Expectation, FlowRun


def lock_stock_of(ids: Sequence[str]) -> set[str]:
    """Lock the products of these requests, skipping those that somebody holds; the requests that are now safe to work on."""
    of = dict(Replenishment.objects.filter(pk__in=ids).values_list("pk", "safety__item"))
    rows = StockItem.objects.select_for_update(skip_locked=True).filter(pk__in=set(of.values())).order_by("pk")
    locked = set(rows.values_list("pk", flat=True))
    return {str(pk) for pk, item in of.items() if item in locked}


def not_come(missed: Sequence[Expectation], *, now: datetime) -> None:
    """They did not come in time: a case with what was asked, of whom and until when."""
    of_request = {one.run.subject_id: one for one in missed}
    late = _requests(list(of_request))
    record_many([Entry("replenishment.missed", one, data={"about": one.key}) for one in late])
    _open(late, {key: one.run.pk for key, one in of_request.items()}, now)


def only_said(runs: Sequence[FlowRun], *, now: datetime) -> None:
    """Somebody took them in by hand, and no system has told of it in time: whoever has the flow looks."""
    of_request = {run.subject_id: run.pk for run in runs}
    _open(_requests(list(of_request)), of_request, now)


def settled(runs: Sequence[FlowRun], *, now: datetime) -> None:
    """They were seen after all, or nobody waits for them: their cases are over."""
    close_cases(_requests([run.subject_id for run in runs]), now)


def _requests(ids: Sequence[str]) -> list[Replenishment]:
    return list(Replenishment.objects.filter(pk__in=ids).order_by("asked_at", "pk"))


def _open(requests: Sequence[Replenishment], runs: Mapping[str, object], now: datetime) -> None:
    openings = [
        CaseOpening(
            type=CASE,
            subject=subject_ref(one),
            subject_key=one.key,
            client_id=one.client_id,
            title=said(
                "%(units)s units of %(what)s were not seen to come, due %(due)s",
                units=one.units,
                what=one.key,
                due=at(one.due_at),
            ),
            cause=f"replenishment:{one.key}",
            evidence={
                "units": one.units,
                "asked": one.layer,
                "asked_at": one.asked_at.isoformat(),
                "due_at": one.due_at.isoformat(),
                "run": str(runs[str(one.pk)]),
            },
        )
        for one in requests
    ]
    if openings:
        exceptions.open_cases(openings=openings, by=current_actor(), now=now)
