"""One shared cause in full: how many have it and who, since when, what it puts at risk, and what changed shortly before it began."""

import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import Q

from audit import verbs
from audit.access import require
from audit.context import Actor
from audit.models import Event
from audit.selectors.naming import keys_of
from audit.selectors.pages import names_of, reason_of
from exceptions.models import Postmortem, SharedCause
from exceptions.models.cases import CaseQuerySet
from exceptions.selectors import queue
from exceptions.selectors.knowledge import runbooks_for_kind
from exceptions.selectors.postmortems import visible_postmortems
from exceptions.selectors.queue import MOST_COUNTED
from exceptions.selectors.shared_causes import cause_record
from exceptions.selectors.waivers import visible_waivers
from rules.models import Owner, Runbook

MOST_FACTS: Final = 12
MOST_CHANGES: Final = 5
MOST_EVENTS: Final = 200
MOST_POSTMORTEMS: Final = 3
SUSPECTED: Final = timedelta(days=7)
# What can break many records at once when it changes; the records of which there are few, so that their chains are soon read.
CHANGES: Final[Mapping[str, Sequence[str]]] = {
    "rules.rulebookversion": ("rules.frozen",),
    "rules.contractversion": ("contract.published", "contract.deprecated", "contract.retired"),
    "rules.flow": ("flow.activated", "flow.paused"),
}
# A fact more than half of them agree on; there can be only one of each name.
AGREED: Final = """
    WITH urgent AS ({cases})
    SELECT name, value, count(*) FROM (
        SELECT e.key AS name, e.value #>> '{{}}' AS value FROM urgent u CROSS JOIN LATERAL jsonb_each(u.evidence) e
        WHERE jsonb_typeof(e.value) IN ('string', 'number', 'boolean')
        UNION ALL SELECT 'client', c.name FROM urgent u JOIN rules_client c ON c.id = u.client_id
        UNION ALL SELECT 'rule_book', 'v' || u.book_number FROM urgent u
    ) facts WHERE value <> '' GROUP BY name, value HAVING 2 * count(*) > (SELECT count(*) FROM urgent)
    ORDER BY count(*) DESC, name LIMIT %s
"""
ADDED_UP: Final = """
    SELECT owner_id, currency, count(*), sum(at_risk_minor)::bigint, min(opened_at), max(opened_at), min(due_at)
    FROM ({cases}) AS urgent GROUP BY owner_id, currency
"""


@dataclass(frozen=True)
class Change:
    """Something that changed before the cause was first seen: who did it, what, of which record, why, and how long before."""

    at: datetime
    who: str
    sentence: str
    what: str
    reason: str
    before: timedelta
    url: str = ""


@dataclass(frozen=True)
class Holder:
    """Somebody who has exceptions of the cause, and how many."""

    name: str
    count: int


@dataclass(frozen=True)
class Agreed:
    """A fact of which most exceptions of a cause say the same, and how many do."""

    name: str
    value: str
    count: int


@dataclass(frozen=True)
class CausePage:
    """A shared cause; of more than `MOST_COUNTED` exceptions the most urgent are added up.

    `record` is what people made of it, None where nobody has acted on it, `merged` what they merged into it; `agreed` is what most of its
    exceptions have in common.
    """

    type: str
    cause: str
    record: SharedCause | None
    merged: Sequence[SharedCause]
    count: int
    agreed: Sequence[Agreed]
    at_risk: Mapping[str, int]
    owners: Sequence[Holder]
    first_at: datetime
    last_at: datetime
    due_at: datetime
    changes: Sequence[Change]
    runbooks: Sequence[Runbook]
    postmortems: Sequence[Postmortem]

    @property
    def is_capped(self) -> bool:
        """Whether there are more than were counted."""
        return self.count > MOST_COUNTED

    @property
    def name(self) -> str:
        """How people call it, "" for as its text reads."""
        return self.record.title if self.record else ""

    @property
    def counted(self) -> int:
        """How many were looked at."""
        return min(self.count, MOST_COUNTED)

    @property
    def narrowed(self) -> str:
        """What a query string says to leave only these."""
        return urlencode({"type": self.type, "cause": self.cause})


def cause_page(*, by: Actor, type: str, cause: str) -> CausePage | None:  # noqa: A002 -- as the field is called
    """The cause as far as the actor may see its exceptions; None where nothing of it is open for the actor."""
    require(by, "exceptions.view_case")
    if not (type and cause):
        return None
    cases = queue.by_urgency(queue.visible_cases(by).live().filter(type=type, cause=cause))
    rows = _added_up(cases)
    if not rows:
        return None
    at_risk, owned = Counter[str](), Counter[Any]()
    for owner_id, currency, count, minor, *_ in rows:
        owned[owner_id] += count
        at_risk[currency] += minor
    names = dict(Owner.objects.filter(pk__in=owned).values_list("pk", "name"))
    first_at = min(row[4] for row in rows)
    record = cause_record(type, cause)
    return CausePage(
        type=type,
        cause=cause,
        record=record,
        merged=list(record.merged.order_by("number")) if record else (),
        count=owned.total(),
        agreed=_agreed(cases),
        at_risk={name: at_risk[name] for name in sorted(at_risk) if at_risk[name]},
        owners=[
            Holder(names[pk], count) for pk, count in sorted(owned.items(), key=lambda one: (-one[1], names[one[0]]))
        ],
        first_at=first_at,
        last_at=max(row[5] for row in rows),
        due_at=min(row[6] for row in rows),
        changes=changes_before(first_at, by=by),
        runbooks=runbooks_for_kind(type),
        postmortems=_postmortems(type, cause, by),
    )


def changes_before(moment: datetime, *, by: Actor) -> list[Change]:
    """What changed within a week before it that may have to do with it, the nearest first, as far as it exists for the actor.

    Rule books, contracts and flows for who may see the rules; time-limited exceptions that had begun and were in force.
    """
    found = [*_rules_changed(moment, by), *_waivers_begun(moment, by)]
    return sorted(found, key=lambda one: (one.before, one.what))[:MOST_CHANGES]


def _added_up(cases: CaseQuerySet) -> list[tuple[Any, ...]]:
    columns = ("owner_id", "currency", "at_risk_minor", "opened_at", "due_at")
    try:
        sql, values = cases.values(*columns)[: MOST_COUNTED + 1].query.sql_with_params()
    except EmptyResultSet:  # no client's exceptions to see: Django asks no such question
        return []
    with connection.cursor() as cursor:
        cursor.execute(ADDED_UP.format(cases=sql), values)
        return list(cursor.fetchall())


def _agreed(cases: CaseQuerySet) -> list[Agreed]:
    sql, values = cases.values("evidence", "client_id", "book_number")[:MOST_COUNTED].query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(AGREED.format(cases=sql), [*values, MOST_FACTS])
        found = [Agreed(*row) for row in cursor.fetchall()]
    return [one for one in found if one.count > 1]


def _rules_changed(moment: datetime, by: Actor) -> list[Change]:
    if not by.may("rules.view_rules"):
        return []
    of_rules = Event.objects.filter(
        subject_type__in=list(CHANGES),
        type__in=[one for types in CHANGES.values() for one in types],
        at__lte=moment,
        at__gt=moment - SUSPECTED,
    )
    events = list(of_rules.order_by("-at", "-pk")[:MOST_EVENTS])
    who = names_of(event.actor for event in events)
    keys = keys_of((event.subject_type, event.subject_id) for event in events)
    together: dict[tuple[datetime, str, str], list[Event]] = defaultdict(list)
    for event in events:
        together[event.at, event.actor, event.type].append(event)
    return [_change(found, who[found[0].actor], keys, moment, by) for found in together.values()]


def _change(
    events: Sequence[Event], who: str, keys: Mapping[tuple[str, str], str], moment: datetime, by: Actor
) -> Change:
    """What was done in one go is one change: contracts of a release, say."""
    first, bodies = events[0], [json.loads(event.body) for event in events]
    named = [_named(event, body, keys) for event, body in zip(events, bodies, strict=True)]
    return Change(
        at=first.at,
        who=who,
        sentence=verbs.sentence(first.type, actor=""),
        what=", ".join(sorted(named)),
        reason=reason_of(bodies[0]),
        before=moment - first.at,
        url=f"/audit/events/{first.pk}/" if by.may("audit.view_trail") and by.clients is None else "",
    )


def _named(event: Event, body: Mapping[str, Any], keys: Mapping[tuple[str, str], str]) -> str:
    name = body["data"].get("contract") or keys.get((event.subject_type, event.subject_id), "")
    number = body["data"].get("number")
    return " ".join(filter(None, (name, number and f"v{number}")))


def _waivers_begun(moment: datetime, by: Actor) -> list[Change]:
    # Whether it is in force by now does not matter: it was then.
    begun = visible_waivers(by).filter(starts_at__lte=moment, starts_at__gt=moment - SUSPECTED, expires_at__gt=moment)
    begun = begun.filter(Q(ended_at=None) | Q(ended_at__gt=moment))
    return [
        Change(
            at=one.starts_at,
            who=one.decided_by_name or one.requested_by_name,
            sentence=verbs.sentence("waiver.approved", actor=""),
            what=one.key,
            reason=one.reason,
            before=moment - one.starts_at,
            url=f"/time-limited/{one.key}/",
        )
        for one in begun.order_by("-starts_at", "-pk")[:MOST_CHANGES]
        if one.starts_at is not None
    ]


def _postmortems(type: str, cause: str, by: Actor) -> list[Postmortem]:  # noqa: A002 -- as the field is called
    return list(visible_postmortems(by).filter(type=type, cause=cause).order_by("-number")[:MOST_POSTMORTEMS])
