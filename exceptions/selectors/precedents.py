"""What came before a request: the last month of its gate, and the request as it read before it was changed."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from django.db.models import Count

from audit.context import Actor
from audit.words import listed, said
from exceptions.models import CaseAttachment, Timer, Waiver
from exceptions.selectors.waivers import visible_waivers
from exceptions.states import WaiverState

LOOKED_BACK: Final = timedelta(days=30)
MOST_READ, MOST_SHOWN = 100, 3


@dataclass
class Precedents:
    """What was asked of a gate lately: how many came to what, and the newest of them."""

    counts: list[tuple[str, int]] = field(default_factory=list)
    newest: list[Waiver] = field(default_factory=list)


@dataclass(frozen=True)
class Difference:
    """One thing that reads differently since the version before; minutes are numbers."""

    what: str
    before: str | int
    after: str | int


def precedents_of(
    gates: Collection[str], *, by: Actor, now: datetime, but: Waiver | None = None
) -> Mapping[str, Precedents]:
    """What the actor may see of the last 30 days of these gates; `but` is left out. Two queries."""
    asked = visible_waivers(by).filter(gate__in=gates, requested_at__gte=now - LOOKED_BACK)
    asked = asked.exclude(pk=but.pk) if but else asked
    found: dict[str, Precedents] = defaultdict(Precedents)
    for gate, state, count in asked.order_by("state").values_list("gate", "state").annotate(count=Count("pk")):
        found[gate].counts.append((WaiverState(state).label, count))
    for waiver in asked[:MOST_READ]:
        if len(found[waiver.gate].newest) < MOST_SHOWN:
            found[waiver.gate].newest.append(waiver)
    return found


def changes_of(waiver: Waiver) -> Sequence[Difference]:
    """What a changed request said before, and says now; nothing for one that was never changed."""
    if waiver.content_version == 1:
        return ()
    earlier = Waiver.history.filter(id=waiver.pk, content_version=waiver.content_version - 1)
    was = earlier.order_by("-history_id").first()
    if was is None:
        return ()
    orders = (listed(sorted(was.others.values())), listed(sorted(waiver.others.values())))
    pairs: dict[str, tuple[str | int, str | int]] = {
        "length": (was.effective_minutes, waiver.effective_minutes),
        "orders": orders,
        "reason": (was.reason, waiver.reason),
        "plan": (was.plan, waiver.plan),
        "code": (said(was.get_reason_code_display()), said(waiver.get_reason_code_display())),
        "link": (was.plan_url, waiver.plan_url),
        "files": _names_of_files(was, waiver) if was.evidence != waiver.evidence else ("", ""),
    }
    return [Difference(what, before, after) for what, (before, after) in pairs.items() if before != after]


def _names_of_files(was: Waiver, waiver: Waiver) -> tuple[str, str]:
    """Those it referred to before and refers to now; the number of one that was withdrawn, for its name may name somebody."""
    files = CaseAttachment.objects.filter(case=waiver.case_id).select_related("withdrawal")
    names = {file.number: file.shown_name or str(file.number) for file in files}
    before, after = ([names[number] for number in one.evidence] for one in (was, waiver))
    return listed(before), listed(after)


def heads_up_of(waiver: Waiver) -> datetime | None:
    """When those concerned are told that it ends soon; None once they were, or when it is over."""
    timers = Timer.objects.filter(subject_type="exceptions.waiver", subject_id=str(waiver.pk), kind="waiver.heads_up")
    return timers.filter(fired_at=None, cancelled_at=None).values_list("due_at", flat=True).first()
