"""Paging: everything of one cause within a few minutes is one call, with a count and the playbook."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlencode
from uuid import UUID

from django.db import connection
from django.db.models import QuerySet
from django.utils.translation import gettext_noop as noop

from audit.subject_refs import SubjectRef
from audit.words import cut, kept, said
from exceptions.models import Alert, Notification
from exceptions.models.cases import KEY_PREFIX
from exceptions.selectors.knowledge import runbook_urls
from exceptions.selectors.muting import is_anything_muted, muted_cases
from exceptions.selectors.shared_causes import names_of_causes
from exceptions.services.notifications import Telling, notify_many
from rules.models import Owner

TOGETHER: Final = timedelta(minutes=10)
LONGEST_CAUSE, LONGEST_TEXT = 60, 300
BREACHED, PAGED = "case.breached", "case.paged"
WORDS: Final[Mapping[str, tuple[str, str]]] = {
    BREACHED: (noop("It is past its deadline."), noop("are past their deadline")),
    PAGED: (noop("Nobody has resolved it yet."), noop("are not resolved yet")),
}
Key = tuple[UUID, str, str, str]
Names = Mapping[tuple[str, str], str]


@dataclass(frozen=True)
class Paging:
    """One thing to call one owner about; `event` is one of `WORDS`."""

    owner: Owner
    event: str
    case: SubjectRef
    number: int
    title: str
    type: str
    cause: str
    severity: str

    @property
    def key(self) -> Key:
        """What is one call."""
        return self.owner.pk, self.event, self.type, self.cause


def page_many(*, pagings: Sequence[Paging], now: datetime) -> None:
    """Call each owner once per cause; what comes within ten minutes of a call is counted on it. In the transaction of what is told."""
    pagings = _told_quietly(pagings, now)
    if not pagings:
        return
    groups: dict[Key, list[Paging]] = defaultdict(list)
    for one in pagings:
        groups[one.key].append(one)
    _one_at_a_time()
    ringing = _ringing(groups, now)
    names = names_of_causes({(kind, cause) for _, _, kind, cause in groups})
    fresh = [_page(group, names, now) for key, group in groups.items() if key not in ringing]
    runbooks = runbook_urls([page.case_id for page in fresh])
    for page in fresh:
        page.runbook_url = runbooks.get(page.case_id, "")
    Alert.objects.bulk_create(fresh)
    notify_many(tellings=[_telling(page, groups[_key(page)]) for page in fresh], now=now)
    for page in fresh:
        if page.count > 1:
            _told(page).update(count=page.count)
    for key, page in ringing.items():
        _count_on(page, groups[key], names)


def _told_quietly(pagings: Sequence[Paging], now: datetime) -> list[Paging]:
    """Those somebody is called about; what opened quietly is told without a call."""
    muted = muted_cases({UUID(str(one.case.id)) for one in pagings}, now=now) if is_anything_muted(now) else {}
    quiet = [one for one in pagings if UUID(str(one.case.id)) in muted]
    notify_many(tellings=[_quiet(one) for one in quiet], now=now)
    return [one for one in pagings if one not in quiet]


def _quiet(one: Paging) -> Telling:
    url, about = f"/exceptions/{KEY_PREFIX}{one.number}/", UUID(str(one.case.id))
    return Telling(
        one.owner, one.event, _one(one), url, one.case.client_id, about, severity=one.severity, cause=one.cause
    )


def _one_at_a_time() -> None:
    """Two sweeps at once must not both find that nobody rang yet."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('exceptions.pages'))")


def _ringing(groups: Mapping[Key, Sequence[Paging]], now: datetime) -> dict[Key, Alert]:
    owners = {key[0] for key in groups}
    recent = Alert.objects.filter(owner__in=owners, at__gt=now - TOGETHER, at__lte=now).order_by("at", "pk")
    return {_key(page): page for page in recent if _key(page) in groups}


def _key(page: Alert) -> Key:
    return page.owner_id, page.event, page.type, page.cause


def _page(group: Sequence[Paging], names: Names, now: datetime) -> Alert:
    first = group[0]
    clients = {one.case.client_id for one in group}
    page = Alert(
        at=now,
        owner=first.owner,
        client_id=first.case.client_id if len(clients) == 1 else None,
        case_id=UUID(str(first.case.id)),
        event=first.event,
        type=first.type,
        cause=first.cause,
        count=len(group),
        url=f"/exceptions/{KEY_PREFIX}{first.number}/#playbook",
    )
    page.text = _one(first) if page.count == 1 else _many(page, names)
    return page


def _one(first: Paging) -> str:
    words = said(WORDS[first.event][0])
    key = f"{KEY_PREFIX}{first.number}"
    return cut(said("%(key)s: %(title)s. %(words)s What to do:", key=key, title=first.title, words=words), LONGEST_TEXT)


def _many(page: Alert, names: Names) -> str:
    """A page about several clients names no cause: whoever reads it may not see them all."""
    words = page.type.replace("-", " ")
    cause = (names.get((page.type, page.cause)) or page.cause)[:LONGEST_CAUSE] if page.client_id else ""
    found = urlencode({"type": page.type, "cause": page.cause} if cause else {"type": page.type})
    about = {"count": page.count, "type": words, "are": said(WORDS[page.event][1]), "found": found, "cause": cause}
    shared = noop(
        "%(count)s exceptions of “%(type)s” %(are)s. Shared cause: %(cause)s. All: /queue/team/?%(found)s What to do:"
    )
    alike = noop("%(count)s exceptions of “%(type)s” %(are)s. All: /queue/team/?%(found)s What to do:")
    return cut(said(shared, **about) if cause else said(alike, **about), LONGEST_TEXT)


def _telling(page: Alert, group: Sequence[Paging]) -> Telling:
    """As bad as the worst it is about."""
    about, cause = (page.case_id, page.cause) if page.client_id else (None, "")
    worst = min(one.severity for one in group)
    return Telling(
        group[0].owner,
        page.event,
        page.text,
        page.url,
        page.client_id,
        about,
        severity=worst,
        cause=cause,
        urgent=True,
        runbook_url=page.runbook_url,
    )


def _told(page: Alert) -> QuerySet[Notification]:
    """The page as its owner reads it."""
    return Notification.objects.filter(owner=page.owner_id, event=page.event, at=page.at, url=page.url)


def _count_on(page: Alert, group: Sequence[Paging], names: Names) -> None:
    page.count += len(group)
    if any(one.case.client_id != page.client_id for one in group):
        page.client_id = None
    page.text = _many(page, names)
    page.save(update_fields=["count", "client", "text"])
    _told(page).update(text=page.text, words=kept(page.text), client=page.client_id, count=page.count)
