"""What people want to be told outside the product, through what, and when."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, time
from zoneinfo import available_timezones

from django.conf import settings

from audit.access import require
from audit.context import Actor, acting
from audit.errors import FieldError, Invalid, Refused
from audit.models import User
from audit.models.users import AfterAct, Density, KeyMode, Theme
from audit.services.events import record
from audit.words import said
from exceptions.models import NotificationPreference
from exceptions.states import Mailing
from exceptions.topics import CHOOSABLE, LOCKED, PAGER_WISHES, WISHES_BY_CHANNEL, Topic

BY_EMAIL_AND_CHAT = ("p2", "p3", "other", "chat_p2", "chat_p3", "chat_other")
BY_PAGER = ("pager_p2", "pager_p3", "pager_other")
DISPLAY: Mapping[str, Collection[str]] = {
    "theme": Theme.values,
    "density": Density.values,
    "after_act": AfterAct.values,
    "key_mode": KeyMode.values,
    "time_zone": available_timezones(),
}
Events = Mapping[str, Mapping[str, str]]


def set_notification_preferences(
    *,
    wishes: Mapping[str, str],
    events: Events | None = None,
    digest_at: time,
    quiet_from: time | None = None,
    quiet_until: time | None = None,
    language: str | None = None,
    by: Actor,
    now: datetime,
) -> NotificationPreference:
    """Keep one's own wishes (`p2` is the e-mails of P2, `chat_other` the chats of what has no severity; what is left out stays as it was).

    `events` says it per topic and channel and counts before the severity; "" leaves it to the severity again. The sender asks them
    before every message. P1 and what ops set are not to be wished away. `language` as in `choose_language`; None leaves it. Raises
    `Refused` for who is no person and `Invalid` for an unknown wish, what is locked, or half a pair of quiet hours.
    """
    events = events or {}
    with acting(by, at=now):
        require(by, "exceptions.view_case")
        if by.user_id is None:
            raise Refused("Only people have wishes.")
        _refuse_nonsense(wishes, events, quiet_from, quiet_until)
        if language is not None:
            choose_language(language=language, by=by, now=now)
        # Whoever saves twice at once waits here, so that there is one row.
        User.objects.select_for_update(no_key=True).get(pk=by.user_id)
        chosen = NotificationPreference.objects.filter(user_id=by.user_id).first()
        chosen = chosen or NotificationPreference(user_id=by.user_id)
        for name, wish in wishes.items():
            setattr(chosen, name, wish)
        chosen.events = _with(chosen.events, events)
        chosen.digest_at, chosen.quiet_from, chosen.quiet_until = digest_at, quiet_from, quiet_until
        chosen.save()
        quiet = f"{quiet_from:%H:%M}-{quiet_until:%H:%M}" if quiet_from and quiet_until else ""
        kept = {**wishes, "events": chosen.events, "digest_at": f"{digest_at:%H:%M}", "quiet": quiet}
        record("notification.preferences_set", subject=chosen, changes={}, **kept)
    return chosen


def choose_language(*, language: str, by: Actor, now: datetime) -> User:
    """In which language one reads pages and what is sent; "" for what the browser asks for. Raises `Invalid`, `Refused` for no person."""
    if language and language not in dict(settings.LANGUAGES):
        detail = said("Choose one of: %(value)s.", value=", ".join(dict(settings.LANGUAGES)))
        raise Invalid(detail, errors=[FieldError("/language", "unknown", detail)])
    with acting(by, at=now):
        if by.user_id is None:
            raise Refused("Only people have wishes.")
        person = User.objects.select_for_update(no_key=True).get(pk=by.user_id)
        if person.language != language:
            before, person.language = person.language, language
            person.save(update_fields=["language"])
            record("person.language_chosen", subject=person, changes={"language": (before, language)})
    return person


def choose_display(*, chosen: Mapping[str, str], by: Actor, now: datetime) -> User:
    """How one's pages look and work, and in which zone times are told there and in letters (`DISPLAY`); what is left out stays.

    Raises `Invalid` for what there is not, `Refused` for no person.
    """
    errors = [_not_known(name, value) for name, value in chosen.items() if value not in DISPLAY.get(name, ())]
    if errors:
        raise Invalid(" ".join(error.detail for error in errors), errors=errors)
    with acting(by, at=now):
        if by.user_id is None:
            raise Refused("Only people have wishes.")
        person = User.objects.select_for_update(no_key=True).get(pk=by.user_id)
        changes = {name: (getattr(person, name), value) for name, value in chosen.items()}
        changes = {name: change for name, change in changes.items() if change[0] != change[1]}
        if changes:
            for name, (_, value) in changes.items():
                setattr(person, name, value)
            person.save(update_fields=[*changes])
            record("person.display_chosen", subject=person, changes=changes)
    return person


def _not_known(name: str, value: str) -> FieldError:
    if name == "time_zone":
        detail = said("There is no time zone “%(value)s”; name one such as Europe/Berlin.", value=value)
    else:
        detail = said("Choose one of: %(value)s.", value=", ".join(DISPLAY.get(name, ())))
    return FieldError(f"/{name}", "unknown", detail)


def _with(before: Events, events: Events) -> dict[str, dict[str, str]]:
    """What holds when these are chosen on top: only what was chosen is kept, so that a topic without a choice has no entry."""
    merged = {topic: {**before.get(topic, {}), **events.get(topic, {})} for topic in CHOOSABLE}
    kept = {topic.value: {way: wish for way, wish in ways.items() if wish} for topic, ways in merged.items()}
    return {topic: ways for topic, ways in kept.items() if ways}


def _refuse_nonsense(
    wishes: Mapping[str, str], events: Events, quiet_from: time | None, quiet_until: time | None
) -> None:
    known: dict[str, Sequence[str]] = {
        **dict.fromkeys(BY_EMAIL_AND_CHAT, Mailing.values),
        **dict.fromkeys(BY_PAGER, PAGER_WISHES),
    }
    errors = [
        FieldError(f"/{name}", "unknown", said("Choose one of: %(name)s.", name=", ".join(known.get(name, ()))))
        for name, wish in wishes.items()
        if wish not in known.get(name, ())
    ]
    errors += [error for topic, ways in events.items() for error in _mistakes(topic, ways)]
    if (quiet_from is None) != (quiet_until is None) or (quiet_from is not None and quiet_from == quiet_until):
        detail = said("Give both ends of the quiet hours, or neither; they may not be the same.")
        errors.append(FieldError("/quiet_until", "incomplete", detail))
    if errors:
        raise Invalid(" ".join(error.detail for error in errors), errors=errors)


def _mistakes(topic: str, ways: Mapping[str, str]) -> list[FieldError]:
    if topic not in Topic.values:
        return [
            FieldError(f"/events/{topic}", "unknown", said("Choose one of: %(value)s.", value=", ".join(CHOOSABLE)))
        ]
    if topic in LOCKED:
        return [FieldError(f"/events/{topic}", "locked", str(LOCKED[Topic(topic)]))]
    errors = []
    for way, wish in ways.items():
        if way not in WISHES_BY_CHANNEL:
            errors.append(
                FieldError(
                    f"/events/{topic}/{way}",
                    "unknown",
                    said("Choose one of: %(value)s.", value=", ".join(WISHES_BY_CHANNEL)),
                )
            )
        elif wish and wish not in WISHES_BY_CHANNEL[way]:
            allowed = ", ".join(WISHES_BY_CHANNEL[way])
            errors.append(
                FieldError(f"/events/{topic}/{way}", "unknown", said("Choose one of: %(allowed)s.", allowed=allowed))
            )
    return errors
