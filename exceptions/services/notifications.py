"""The one door for telling owners what happened to them: written with what it tells of, one delivery for every way to reach them."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from django.utils.translation import gettext_noop as noop

from audit.context import current_actor
from audit.wakeups import wake
from audit.words import cut, kept, said
from exceptions.decisions import ALWAYS, Wishes, wish
from exceptions.models import ExceptionCase, Notification, NotificationChannel, NotificationDelivery
from exceptions.selectors.muting import is_anything_muted, muted_cases
from exceptions.selectors.notifications import channels_by_owner, who_wants_pages
from exceptions.selectors.watching import watches_of
from exceptions.services.claims import because
from exceptions.states import Channel, DeliveryState, Mailing
from rules import selectors as rules
from rules.models import Owner

MOST_SINGLE = 10
UNDELIVERED = "notification.undelivered"
OPENED = "case.opened"
NO_ADDRESS = said("No address outside the product.")
AND_MORE = noop("%(text)s And %(count)s more of the same.")
AND_MORE_YOURS = noop("%(text)s And %(count)s more of the same; they are in your queue.")
AND_MORE_WATCHED = noop("%(text)s And %(count)s more that you watch.")

NEWS = "case.news"
NEWS_OF: Mapping[str, str] = {
    "case.reassigned": noop("Somebody else has it now."),
    "case.owner_away": noop("Somebody else has it now."),
    "case.taken_back": noop("Somebody else has it now."),
    "case.given_back": noop("Somebody else has it now."),
    "case.rerouted": noop("Nobody took it, so it went another way."),
    "case.fell_back": noop("What was tried did not help; somebody else has it now."),
    "case.not_acknowledged": noop("Nobody took it in time."),
    "case.went_quiet": noop("It was taken, then nothing happened."),
    "case.escalated": noop("It was not resolved in time and was escalated."),
    "case.severity_raised": noop("It is more severe now."),
    "case.overrun": noop("It is long past its deadline."),
    "case.at_risk": noop("It is due soon."),
    "case.breached": noop("It is late."),
    "case.waiting": noop("It waits for somebody else."),
    "case.wait_over": noop("The wait is over."),
    "case.woken": noop("What it waited for has happened."),
    "case.noted": noop("There is a new note."),
    "case.resolved": noop("It is resolved."),
    "case.reopened": noop("It was reopened."),
    "case.withdrawn": noop("Its cause has gone."),
}


@dataclass(frozen=True)
class Telling:
    """One thing to tell one owner: `text` says what, due when, what happens otherwise; no personal data.

    The payload of the exception `case_id` goes along with the letter. `more` counts others of the same kind that nobody put into words,
    for they would be told as one thing anyway. What is told of one `cause` (that of the exception, if none is given) goes out as one
    message and one page. `urgent` pages, whatever anybody wishes; `in_product_only` goes nowhere else. What is `muted_by` a time-limited
    exception goes nowhere, stands in the product as read, and says so.
    """

    owner: Owner
    event: str
    text: str
    url: str = ""
    client_id: UUID | None = None
    case_id: UUID | None = None
    more: int = 0
    severity: str = ""
    cause: str = ""
    urgent: bool = False
    in_product_only: bool = False
    runbook_url: str = ""
    muted_by: str = ""

    @property
    def presses(self) -> bool:
        """Whether it goes through every way there is, also at night."""
        return self.urgent or self.severity in ALWAYS


Ways = Mapping[UUID, Sequence[NotificationChannel]]
Pagers = Mapping[int, Wishes]


def notify(
    *,
    owner: Owner,
    event: str,
    text: str,
    url: str = "",
    client_id: UUID | None = None,
    case_id: UUID | None = None,
    severity: str = "",
    cause: str = "",
    urgent: bool = False,
    now: datetime,
) -> None:
    """Tell one owner, in the transaction of what is told."""
    one = Telling(owner, event, text, url, client_id, case_id, severity=severity, cause=cause, urgent=urgent)
    notify_many(tellings=[one], now=now)


def notify_many(*, tellings: Sequence[Telling], now: datetime) -> None:
    """Tell many owners in a fixed number of statements; more than a handful of one kind for one owner is told as one thing.

    Who cannot be reached outside the product has it in the product; where it presses, whoever stands behind them is told that there too.
    """
    if not tellings:
        return
    told_anyway = {(one.case_id, one.owner.pk) for one in tellings}
    happened = {one.case_id: one.event for one in tellings if one.case_id and one.event in NEWS_OF}
    tellings = [*tellings, *_news_of(happened, told_anyway)]
    tellings = _muted(tellings, now)
    urgent = _named([one for one in tellings if one.urgent])
    told = [*_gathered(urgent), *_named(_gathered([one for one in tellings if not one.urgent]))]
    notifications = [
        Notification(
            at=now,
            owner=one.owner,
            client_id=one.client_id,
            case_id=one.case_id,
            severity=one.severity,
            event=one.event,
            text=one.text[:300],
            words=kept(one.text),
            url=one.url,
            runbook_url=one.runbook_url,
            cause=one.cause[:200],
            count=1 + one.more,
            urgent=one.urgent,
            read_at=now if one.muted_by else None,
        )
        for one in told
    ]
    Notification.objects.bulk_create(notifications, batch_size=1_000)
    outside = [pair for pair in zip(notifications, told, strict=True) if not pair[1].in_product_only]
    ways = channels_by_owner({one.owner.pk for _, one in outside})
    wanted = who_wants_pages(ways)
    deliveries = [one for pair in outside for one in _deliveries(*pair, ways, wanted, now)]
    NotificationDelivery.objects.bulk_create(deliveries, batch_size=1_000)
    wake("exceptions.deliver_notifications")
    unreached = {one.notification_id for one in deliveries if one.why == NO_ADDRESS}
    pressing = [made for made, one in outside if one.presses and made.pk in unreached and not one.muted_by]
    if pressing:
        tell_who_stands_behind(notifications=pressing, why=NO_ADDRESS, now=now)


def tell_watchers(cases: Sequence[ExceptionCase], event: str, *, but: Collection[Owner] = (), now: datetime) -> None:
    """Tell who watches these what happened to them, of which nobody else is told; never who did it, nor `but`."""
    told = {(case.pk, owner.pk) for case in cases for owner in but}
    notify_many(tellings=_news_of({case.pk: event for case in cases}, told), now=now)


def _news_of(happened: Mapping[UUID, str], told: Collection[tuple[UUID | None, UUID]]) -> list[Telling]:
    """What the watchers of these exceptions hear, in words that hold for who answers for nothing; one query."""
    if not happened:
        return []
    actor = current_actor().user_id
    watches = [
        one
        for one in watches_of(happened)
        if (one.case_id, one.owner_id) not in told and (actor is None or one.owner.user_id != actor)
    ]
    return [
        Telling(
            one.owner,
            NEWS,
            said(
                "You watch %(key)s: %(title)s. %(news)s",
                key=one.case.key,
                title=one.case.headline,
                news=said(NEWS_OF[happened[one.case_id]]),
            ),
            f"/exceptions/{one.case.key}/",
            one.case.client_id,
            one.case_id,
            cause=one.case.cause,
        )
        for one in watches
    ]


def tell_who_stands_behind(*, notifications: Sequence[Notification], why: str, now: datetime) -> None:
    """Say in the product, to the backup who is there, that these reached their owner nowhere else: the last step of every ladder."""
    roster = rules.roster(now)
    tellings = []
    for one in notifications:
        backup = roster.on_duty(roster.owners[roster.owners[one.owner_id].backup_id].slug)
        text = said(
            "%(name)s could not be reached: %(why)s %(text)s",
            name=roster.owners[one.owner_id].name,
            why=why,
            text=one.sentence,
        )
        tellings.append(
            Telling(
                backup,
                UNDELIVERED,
                text,
                one.url,
                one.client_id,
                one.case_id,
                severity=one.severity,
                cause=one.cause,
                in_product_only=True,
            )
        )
    notify_many(tellings=tellings, now=now)


def _muted(tellings: Sequence[Telling], now: datetime) -> list[Telling]:
    """The same; of what opened quietly is told quietly: its opening, and all that the product does about it by itself."""
    asked = {one.case_id for one in tellings if one.case_id and not one.in_product_only}
    muted = muted_cases(asked, now=now) if asked and is_anything_muted(now) else {}
    if not muted:
        return list(tellings)
    by_itself = current_actor().kind == "system"
    return [
        replace(one, muted_by=muted[one.case_id], urgent=False)
        if one.case_id in muted and (by_itself or one.event == OPENED)
        else one
        for one in tellings
    ]


def _named(tellings: Sequence[Telling]) -> list[Telling]:
    """The same; what is told of an exception and names no cause has the exception's."""
    cases = {one.case_id for one in tellings if one.case_id and not one.cause}
    causes = dict(ExceptionCase.objects.filter(pk__in=cases).values_list("pk", "cause")) if cases else {}
    return [
        replace(one, cause=causes[one.case_id]) if one.case_id in causes and not one.cause else one for one in tellings
    ]


def _deliveries(
    notification: Notification, told: Telling, ways: Ways, wanted: Pagers, now: datetime
) -> list[NotificationDelivery]:
    if told.muted_by:
        why = because(said("Muted by %(key)s: nobody is told of new exceptions of this cause.", key=told.muted_by))
        return [
            NotificationDelivery(notification=notification, state=DeliveryState.SKIPPED, due_at=now, address="", **why)
        ]
    found = [
        NotificationDelivery(notification=notification, address=address, due_at=now) for address in told.owner.emails
    ]
    found += [
        NotificationDelivery(notification=notification, channel=way.kind, address=way.name, via=way, due_at=now)
        for way in ways.get(told.owner.pk, ())
        if way.kind != Channel.PAGER or told.presses or _wants_page(told, wanted)
    ]
    nowhere = NotificationDelivery(
        notification=notification, state=DeliveryState.SKIPPED, due_at=now, address="", **because(NO_ADDRESS)
    )
    return found or [nowhere]


def _wants_page(told: Telling, wanted: Pagers) -> bool:
    theirs = wanted.get(told.owner.user_id or 0)
    return theirs is not None and wish(theirs, event=told.event, severity=told.severity)[0] == Mailing.NOW


def _gathered(tellings: Sequence[Telling]) -> list[Telling]:
    """What is urgent is one page per cause, so it is gathered per cause."""
    groups: dict[tuple[UUID, str, UUID | None, str, str], list[Telling]] = defaultdict(list)
    for one in tellings:
        groups[one.owner.pk, one.event, one.client_id, one.cause if one.urgent else "", one.muted_by].append(one)
    many = {one.case_id for group in groups.values() if _count(group) > MOST_SINGLE for one in group if one.case_id}
    holders = dict(ExceptionCase.objects.filter(pk__in=many).values_list("pk", "owner_id")) if many else {}
    return [
        one
        for group in groups.values()
        for one in (group if _count(group) <= MOST_SINGLE else [_as_one(group, holders)])
    ]


def _count(group: Sequence[Telling]) -> int:
    return sum(1 + one.more for one in group)


def _as_one(group: Sequence[Telling], holders: Mapping[UUID, UUID]) -> Telling:
    """Where the others are is said as it is: whoever only watches them, or backs somebody up, has them in no queue of their own."""
    first = group[0]
    rest = _count(group) - 1
    are_theirs = all(one.case_id and holders.get(one.case_id) == one.owner.pk for one in group)
    words = AND_MORE_YOURS if are_theirs else AND_MORE_WATCHED if first.event == NEWS else AND_MORE
    room = 300 - len(words % {"text": "", "count": rest})
    text = said(words, text=cut(first.text, room), count=rest)
    causes = {one.cause for one in group}
    return Telling(
        first.owner,
        first.event,
        text,
        "/queue/" if are_theirs else "/queue/team/" if first.case_id else first.url,
        first.client_id,
        first.case_id if any(one.urgent for one in group) else None,
        rest,
        min((one.severity for one in group if one.severity), default=""),
        first.cause if len(causes) == 1 else "",
        urgent=any(one.urgent for one in group),
        in_product_only=all(one.in_product_only for one in group),
        muted_by=first.muted_by,
    )
