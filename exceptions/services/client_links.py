"""Signed links for a client's own people: what makes one, what opens one, and who acts through one; whatever they are asked about."""

from datetime import datetime
from uuid import UUID

from django.core import signing
from django.core.cache import cache

from audit.context import Actor
from audit.errors import FieldError, Invalid, NotFound, Refused
from audit.words import said
from exceptions.models import ClientQuestion

GONE = said("This link is not valid, or not any more. Ask the person who sent it to you for a new one.")
LONGEST_NAME = 120
TRIES, WINDOW_SECONDS = 20, 60


def sign_link(question: ClientQuestion, *, salt: str) -> str:
    """The token of its link, which is kept nowhere; `salt` says what kind of question it opens."""
    return signing.dumps(str(question.pk), salt=salt)


def question_behind(token: str, *, salt: str, caller: str, now: datetime) -> UUID:
    """Which question a token was made for. `caller` is who opens it (an address), for the rate.

    Raises `NotFound` for a token that is not ours, `Refused` for too many tries.
    """
    _refuse_too_many(caller, now)
    try:
        return UUID(signing.loads(token, salt=salt))
    except (signing.BadSignature, TypeError, ValueError) as wrong:
        raise NotFound(GONE) from wrong


def client_actor(question: ClientQuestion) -> Actor:
    """Who acts through the link: the client's people, with no permission and only their own client. Names stay out of the trail."""
    return Actor(
        kind="client",
        id=f"client-link:{question.pk}",
        name=f"{question.client.name}, by signed link",
        clients=frozenset({question.client_id}),
        channel="link",
    )


def a_contact(contact: str) -> str:
    """Who at the client is asked. Raises `Invalid` for nobody."""
    if not contact.strip():
        detail = said("Name who at the client is asked.")
        raise Invalid(detail, errors=[FieldError("/contact", "missing", detail)])
    return contact.strip()[:LONGEST_NAME]


def a_name(name: str) -> str:
    """Who answers. Raises `Invalid` for nobody."""
    if not name.strip():
        detail = said("Enter your name.")
        raise Invalid(detail, errors=[FieldError("/name", "missing", detail)])
    return name.strip()[:LONGEST_NAME]


def _refuse_too_many(caller: str, now: datetime) -> None:
    name = f"client-link:{caller}:{int(now.timestamp() // WINDOW_SECONDS)}"
    if not cache.add(name, 1, timeout=2 * WINDOW_SECONDS) and cache.incr(name) > TRIES:
        raise Refused("Too many tries. Wait a minute.")
