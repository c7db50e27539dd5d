"""Walks through every door as every role: who may more than somebody who got in is asked only whether they may.

The request is real up to that question, with middleware and view; it ends where the answer is yes, and goes on where it is no.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
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


class LetIn(BaseException):
    """Who asks holds the permission. No `Exception`: nothing on the way may take it for a failure."""


class Threshold(frozenset[str]):
    """Permissions of somebody who wants no more than to be told that they hold `wanted`."""

    wanted = ""

    def __contains__(self, permission: object) -> bool:
        held = super().__contains__(permission)
        if held and permission == self.wanted:
            raise LetIn
        return held


def has_somebody_less(role: Role, let_in: Collection[Role]) -> bool:
    """Whether one of those who got in may nothing and sees nothing that this role may not too."""
    return any(GRANTS[one] <= GRANTS[role] and (one not in HOUSE_ROLES or role in HOUSE_ROLES) for one in let_in)


def up_to_the_door(wanted: str, ask: Callable[..., Any], *given: Any) -> Any:
    """The answer; None where the request came to the question whether they hold the permission, and they do."""

    def at_the_door(user: User, **how: Any) -> Actor:
        by = selectors.actor_for(user, **how)
        permissions = Threshold(by.permissions)
        permissions.wanted = wanted
        return replace(by, permissions=permissions)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(middleware, "actor_for", at_the_door)
        try:
            return ask(*given)
        except LetIn:
            return None


def signed_in(user: User) -> Browser:
    """A browser whose session needs not be written to, for as long as a walk can take, to say that somebody is there."""
    browser = Browser()
    browser.force_login(user)
    session = browser.session
    session[DID] = (clock.now() + WALK).timestamp()
    session.save()
    return browser
