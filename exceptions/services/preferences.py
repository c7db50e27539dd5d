"""What people want to be told by e-mail, and when."""

from datetime import datetime, time

from audit.access import require
from audit.context import Actor, acting
from audit.errors import FieldError, Invalid, Refused
from audit.models import User
from audit.services.events import record
from exceptions.models import NotificationPreference
from exceptions.states import Mailing


def set_notification_preferences(
    *,
    p2: str,
    p3: str,
    other: str,
    digest_at: time,
    quiet_from: time | None = None,
    quiet_until: time | None = None,
    by: Actor,
    now: datetime,
) -> NotificationPreference:
    """Keep one's own wishes; the sender asks them before every letter. P1 is not to be wished away.

    Raises `Refused` for who is no person and `Invalid` for an unknown wish or half a pair of quiet hours.
    """
    with acting(by, at=now):
        require(by, "exceptions.view_case")
        if by.user_id is None:
            raise Refused("Only people have wishes.")
        _refuse_nonsense({"p2": p2, "p3": p3, "other": other}, quiet_from, quiet_until)
        # Whoever saves twice at once waits here, so that there is one row.
        User.objects.select_for_update(no_key=True).get(pk=by.user_id)
        wishes = NotificationPreference.objects.filter(user_id=by.user_id).first()
        wishes = wishes or NotificationPreference(user_id=by.user_id)
        wishes.p2, wishes.p3, wishes.other, wishes.digest_at = p2, p3, other, digest_at
        wishes.quiet_from, wishes.quiet_until = quiet_from, quiet_until
        wishes.save()
        said = {"p2": p2, "p3": p3, "other": other, "digest_at": f"{digest_at:%H:%M}"}
        quiet = f"{quiet_from:%H:%M}-{quiet_until:%H:%M}" if quiet_from and quiet_until else ""
        record("notification.preferences_set", subject=wishes, changes={}, quiet=quiet, **said)
    return wishes


def _refuse_nonsense(wishes: dict[str, str], quiet_from: time | None, quiet_until: time | None) -> None:
    errors = [
        FieldError(f"/{name}", "unknown", f"Choose one of: {', '.join(Mailing.values)}.")
        for name, wish in wishes.items()
        if wish not in Mailing.values
    ]
    if (quiet_from is None) != (quiet_until is None) or (quiet_from is not None and quiet_from == quiet_until):
        detail = "Give both ends of the quiet hours, or neither; they may not be the same."
        errors.append(FieldError("/quiet_until", "incomplete", detail))
    if errors:
        raise Invalid(" ".join(error.detail for error in errors), errors=errors)
