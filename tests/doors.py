"""Walks through every door as every role, asking no role what the answers to another already tell.

What a request does depends on who asks only by which permissions they hold, and on whether they see the whole house. Which permissions
a request asked for is kept: who holds all that somebody held who got in gets in, who holds none that somebody lacked who did not does not.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.test import Client as Browser

from audit import clock
from audit.access import GRANTS, Role
from audit.context import Actor
from audit.models import User
from config import middleware
from config.signin.middleware import DID
from rules import selectors
from rules.selectors.people import HOUSE_ROLES
from tests.cast import ONE_PER_ROLE

WALK = timedelta(hours=1)
# Who may least comes first.
FROM_LEAST = sorted(ONE_PER_ROLE.items(), key=lambda one: (len(GRANTS[one[0]]), one[0] in HOUSE_ROLES, one[0].value))
# Whom it is asked of first: of those who are let in who may least, of the others who may most.
IN_TURN = [(True, *one) for one in FROM_LEAST] + [(False, *one) for one in reversed(FROM_LEAST)]


# Nothing runs, looks or asks but what is ours.
POLICY = {
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "font-src 'self'",
    "connect-src 'self'",
    "form-action 'self'",
    "frame-ancestors 'none'",
    "base-uri 'none'",
    "object-src 'none'",
}


class Questions(frozenset[str]):
    """Permissions, and which were asked for."""

    asked: set[object]

    def __contains__(self, permission: object) -> bool:
        self.asked.add(permission)
        return super().__contains__(permission)


@dataclass(frozen=True)
class Visit:
    """Somebody of this role was let in or sent away, and asked for these permissions on the way."""

    role: Role
    asked: frozenset[object]

    def tells_of(self, role: Role, *, let_in: bool) -> bool:
        """Whether it shows that this role is let in too, or sent away too."""
        less, more = (self.role, role) if let_in else (role, self.role)
        decisive = self.asked & GRANTS[self.role] if let_in else self.asked - GRANTS[self.role]
        alike = decisive <= GRANTS[role] if let_in else decisive.isdisjoint(GRANTS[role])
        return (let_in or bool(decisive)) and alike and (less not in HOUSE_ROLES or more in HOUSE_ROLES)


def visit(role: Role, ask: Callable[..., Any], *given: Any) -> tuple[Any, Visit]:
    """The answer, and what was asked about who wanted it."""
    asked: set[object] = set()

    def questioned(user: User, **how: Any) -> Actor:
        by = selectors.actor_for(user, **how)
        permissions = Questions(by.permissions)
        permissions.asked = asked
        return replace(by, permissions=permissions)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(middleware, "actor_for", questioned)
        return ask(*given), Visit(role, frozenset(asked))


def policy_of(answer: Any) -> set[str]:
    """What its page may do, as its header says."""
    return set(answer.headers.get("Content-Security-Policy", "").split("; "))


def signed_in(user: User) -> Browser:
    """A browser whose session needs not be written to, for as long as a walk can take, to say that somebody is there.

    The session is what signing in leaves; to sign in anew for each test would cost more than most of what they ask.
    """
    session = SessionStore()
    session.update(
        {
            SESSION_KEY: str(user.pk),
            BACKEND_SESSION_KEY: settings.AUTHENTICATION_BACKENDS[0],
            HASH_SESSION_KEY: user.get_session_auth_hash(),
            DID: (clock.now() + WALK).timestamp(),
        }
    )
    session.create()
    browser = Browser()
    browser.cookies[settings.SESSION_COOKIE_NAME] = str(session.session_key)
    return browser
