"""What is watched when somebody guesses, and what they are told."""

from datetime import datetime, timedelta
from math import ceil

from django.core.exceptions import ValidationError
from django.utils.translation import ngettext

from audit.services.tries import Guard

QUARTER = timedelta(minutes=15)
HALF_MINUTE = timedelta(seconds=30)
MINUTE_SECONDS = 60
WAIT = "wait"


def of_password(name: str, address: str) -> list[Guard]:
    """Guards of one try at a password.

    From one address an account soon has to wait long; from all addresses together never longer than half a minute, so that nobody can lock
    somebody else out; and one address cannot try its way through all accounts.
    """
    name = name.strip().casefold()
    return [
        Guard("account at address", f"{name}@{address}", free=5, longest=QUARTER),
        Guard("account", name, free=20, longest=HALF_MINUTE),
        Guard("address", address, free=50, longest=QUARTER),
    ]


def of_code(user_id: int) -> list[Guard]:
    """Guards of one try at a second factor; whoever gets here knows the password."""
    return [Guard("code", str(user_id), free=5, longest=QUARTER)]


def wait_error(until: datetime, now: datetime) -> ValidationError:
    """Says when to try again."""
    seconds = max(ceil((until - now).total_seconds()), 1)
    if seconds <= MINUTE_SECONDS:
        words = ngettext(
            "Too many tries. Try again in %(n)d second.", "Too many tries. Try again in %(n)d seconds.", seconds
        )
        return ValidationError(words % {"n": seconds}, code=WAIT, params={"seconds": seconds})
    minutes = ceil(seconds / MINUTE_SECONDS)
    words = ngettext(
        "Too many tries. Try again in %(n)d minute.", "Too many tries. Try again in %(n)d minutes.", minutes
    )
    return ValidationError(words % {"n": minutes}, code=WAIT, params={"seconds": seconds})
