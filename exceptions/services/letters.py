"""Letters and chat messages: everything that is due for one address is one message, and what has one cause is said once in it."""

import json
import logging
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from smtplib import SMTPDataError, SMTPException, SMTPRecipientsRefused
from typing import Any, NamedTuple
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ObjectDoesNotExist
from django.core.mail import EmailMessage, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from audit.crypto import open_secret
from audit.words import in_words
from exceptions.models import ExceptionCase, NotificationDelivery
from exceptions.selectors.next_steps import with_first_timer
from exceptions.selectors.notifications import zone_of
from exceptions.selectors.payload import payload_of
from exceptions.selectors.shared_causes import names_told
from exceptions.transport import Tried, send_chat
from exceptions.words import cause_in_words
from rules.models import Owner

logger = logging.getLogger(__name__)

MOST_PAPERS = 3
Names = Mapping[UUID, str]  # of causes, by the notification that tells of one


class Result(NamedTuple):
    """What came of these deliveries, which went as one message."""

    deliveries: Sequence[NotificationDelivery]
    tried: Tried


@dataclass(frozen=True)
class Paper:
    """The payload of an exception, as it goes along with a letter."""

    name: str
    text: str


def send_letters(*, deliveries: Sequence[NotificationDelivery], now: datetime) -> Iterator[Result]:
    """One letter per address, one connection for all of them."""
    if not deliveries:
        return
    letters: dict[str, list[NotificationDelivery]] = defaultdict(list)
    for delivery in deliveries:
        letters[delivery.address].append(delivery)
    papers = _papers(letters.values(), now)
    names = _names(deliveries)
    channel = get_connection(fail_silently=False)
    try:
        channel.open()
    except (OSError, SMTPException) as failure:
        yield Result(deliveries, Tried(type(failure).__name__))
        return
    try:
        for address, told in letters.items():
            yield Result(told, _post(channel, _letter(address, told, _attached(told, papers), names)))
    finally:
        channel.close()


@contextmanager
def spoken_to(owner: Owner) -> Iterator[None]:
    """In the language and on the clock of whoever reads it; for a team in English and UTC."""
    person = owner.user
    language = (person.language if person else "") or settings.LANGUAGE_CODE
    with translation.override(language), timezone.override(zone_of(person) if person else UTC):
        yield


def send_chats(*, deliveries: Sequence[NotificationDelivery]) -> Iterator[Result]:
    """One message per chat."""
    chats: dict[UUID | None, list[NotificationDelivery]] = defaultdict(list)
    for delivery in deliveries:
        chats[delivery.via_id].append(delivery)
    names = _names(deliveries)
    for told in chats.values():
        via = told[0].via
        if via is not None:
            with spoken_to(told[0].notification.owner):
                title, body = _written(told, names)
            yield Result(told, send_chat(open_secret(via.sealed), title=title, body=body))


def send_plain_letter(*, address: str, text: str) -> Tried:
    """A letter that tells of nothing."""
    letter = EmailMessage(subject=text, body=f"{text}\n{settings.PUBLIC_URL}\n", to=[address])
    return _post(get_connection(fail_silently=False), letter)


def _post(channel: BaseEmailBackend, letter: EmailMessage) -> Tried:
    try:
        channel.send_messages([letter])
    except (OSError, SMTPException) as failure:
        refused = isinstance(failure, SMTPRecipientsRefused | SMTPDataError)
        return Tried(type(failure).__name__, refused=refused)
    return Tried()


def _papers(letters: Iterable[Sequence[NotificationDelivery]], now: datetime) -> dict[UUID, Paper]:
    """The payloads that go along with these letters."""
    shown = payloads_of({case_id for deliveries in letters for case_id in _cases_in(deliveries)}, now=now)
    return {pk: Paper(f"{one['key']}.json", json.dumps(one, indent=2, ensure_ascii=False)) for pk, one in shown.items()}


def payloads_of(wanted: Collection[UUID], *, now: datetime) -> dict[UUID, dict[str, Any]]:
    """What is told outside of these exceptions; what cannot be shown is left out: nothing is told late because of its paper."""
    found: dict[UUID, dict[str, Any]] = {}
    cases = ExceptionCase.objects.select_related("client", "owner", "backup").filter(pk__in=wanted)
    for case in with_first_timer(cases):
        try:
            found[case.pk] = payload_of(case, now=now)
        except (LookupError, ObjectDoesNotExist, ValueError) as failure:
            logger.warning("%s goes without its payload: %s", case.key, type(failure).__name__)
    return found


def _cases_in(deliveries: Sequence[NotificationDelivery]) -> list[UUID]:
    """The exceptions a letter tells of, if they are few enough to come with it."""
    told = list(dict.fromkeys(one.notification.case_id for one in deliveries if one.notification.case_id))
    return told if len(told) <= MOST_PAPERS else []


def _attached(deliveries: Sequence[NotificationDelivery], papers: Mapping[UUID, Paper]) -> list[Paper]:
    return [papers[case_id] for case_id in _cases_in(deliveries) if case_id in papers]


def _names(deliveries: Sequence[NotificationDelivery]) -> Names:
    """How people call the causes of these, where one is told of more than once; at most one query."""
    told = Counter((one.address, one.notification.cause) for one in deliveries if one.notification.cause)
    return names_told({one.notification_id for one in deliveries if told[one.address, one.notification.cause] > 1})


def _letter(
    address: str, deliveries: Sequence[NotificationDelivery], papers: Sequence[Paper], names: Names
) -> EmailMessage:
    with spoken_to(deliveries[0].notification.owner):
        subject, body = _written(deliveries, names)
    return EmailMessage(
        subject=subject,
        body=body,
        from_email=settings.DEFAULT_FROM_EMAIL,
        to=[address],
        headers={"Message-ID": f"<{deliveries[0].pk}@handrail>"},
        attachments=[(paper.name, paper.text, "application/json") for paper in papers],
    )


def _written(deliveries: Sequence[NotificationDelivery], names: Names) -> tuple[str, str]:
    """Subject and text, each thing with its link."""
    causes: dict[tuple[str, str], list[NotificationDelivery]] = defaultdict(list)
    for one in deliveries:
        told = one.notification
        causes[told.event, told.cause or str(one.pk)].append(one)
    paragraphs = [_paragraph(group, names) for group in causes.values()]
    first = in_words(deliveries[0].notification.sentence).split("\n", 1)[0][:120]
    things = sum(one.notification.count for one in deliveries)
    several = _("%(count)s things for you: %(first)s") % {"count": things, "first": first}
    subject = first if len(deliveries) == 1 else several[:150]
    return subject, "\n\n".join(paragraphs) + "\n"


def _paragraph(group: Sequence[NotificationDelivery], names: Names) -> str:
    """What is told of one cause: the first in words, of the others how many and where."""
    first = group[0].notification
    text = in_words(first.sentence)
    words = f"{text}\n{settings.PUBLIC_URL}{first.url}" if first.url else text
    if first.runbook_url:
        words += "\n" + _("Runbook: %(url)s") % {"url": f"{settings.PUBLIC_URL}{first.runbook_url}"}
    if len(group) == 1:
        return words
    links = [f"{settings.PUBLIC_URL}{one.notification.url}" for one in group[1:] if one.notification.url]
    cause = names.get(first.pk) or in_words(cause_in_words(first.cause))
    more = _("And %(count)s more of the same cause (%(cause)s):") % {"count": len(group) - 1, "cause": cause}
    return "\n".join([words, more, *dict.fromkeys(links)])
