"""What people want to be told outside the product, through what, and when."""

from collections.abc import Mapping, Sequence
from datetime import datetime, time

from audit.access import require
from audit.context import Actor, acting
from audit.errors import FieldError, Invalid, Refused
from audit.models import User
from audit.services.events import record
from exceptions.models import NotificationPreference
from exceptions.models.notifications import PAGER_WISHES
from exceptions.states import Mailing

BY_EMAIL_AND_CHAT = ("p2", "p3", "other", "chat_p2", "chat_p3", "chat_other")
BY_PAGER = ("pager_p2", "pager_p3", "pager_other")


def set_notification_preferences(
    *,
    wishes: Mapping[str, str],
    digest_at: time,
    quiet_from: time | None = None,
    quiet_until: time | None = None,
    by: Actor,
    now: datetime,
) -> NotificationPreference:
    """Keep one's own wishes (`p2` is the e-mails of P2, `chat_other` the chats of what has no severity; what is left out stays as it was).

    The sender asks them before every message. P1 is not to be wished away. Raises `Refused` for who is no person and `Invalid` for an
    unknown wish or half a pair of quiet hours.
    """
    with acting(by, at=now):
        require(by, "exceptions.view_case")
        if by.user_id is None:
            raise Refused("Only people have wishes.")
        _refuse_nonsense(wishes, quiet_from, quiet_until)
        # Whoever saves twice at once waits here, so that there is one row.
        User.objects.select_for_update(no_key=True).get(pk=by.user_id)
        chosen = NotificationPreference.objects.filter(user_id=by.user_id).first()
        chosen = chosen or NotificationPreference(user_id=by.user_id)
        for name, wish in wishes.items():
            setattr(chosen, name, wish)
        chosen.digest_at, chosen.quiet_from, chosen.quiet_until = digest_at, quiet_from, quiet_until
        chosen.save()
        quiet = f"{quiet_from:%H:%M}-{quiet_until:%H:%M}" if quiet_from and quiet_until else ""
        said = {**wishes, "digest_at": f"{digest_at:%H:%M}", "quiet": quiet}
        record("notification.preferences_set", subject=chosen, changes={}, **said)
    return chosen


def _refuse_nonsense(wishes: Mapping[str, str], quiet_from: time | None, quiet_until: time | None) -> None:
    known: dict[str, Sequence[str]] = {
        **dict.fromkeys(BY_EMAIL_AND_CHAT, Mailing.values),
        **dict.fromkeys(BY_PAGER, PAGER_WISHES),
    }
    errors = [
        FieldError(f"/{name}", "unknown", f"Choose one of: {', '.join(known.get(name, ()))}.")
        for name, wish in wishes.items()
        if wish not in known.get(name, ())
    ]
    if (quiet_from is None) != (quiet_until is None) or (quiet_from is not None and quiet_from == quiet_until):
        detail = "Give both ends of the quiet hours, or neither; they may not be the same."
        errors.append(FieldError("/quiet_until", "incomplete", detail))
    if errors:
        raise Invalid(" ".join(error.detail for error in errors), errors=errors)
