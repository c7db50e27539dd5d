"""Whom a note mentions."""

import re
from typing import Final

from django.db.models import Q

from audit.access import GRANTS
from exceptions.models import ExceptionCase
from rules.models import Owner
from rules.selectors.people import HOUSE_ROLES
from rules.states import OwnerKind

MENTION: Final = re.compile(r"(?<![\w@.])@([\w.+-]{1,150})")
MOST_MENTIONED: Final = 20
SEEING: Final = {role for role, grants in GRANTS.items() if "exceptions.view_case" in grants}


def mentioned_in(text: str, case: ExceptionCase) -> list[Owner]:
    """The people a note mentions by @username who may see the exception; nobody else, and nothing about who else there is."""
    names = list(dict.fromkeys(name.rstrip(".-+") for name in MENTION.findall(text)))[:MOST_MENTIONED]
    if not names:
        return []
    entitled = Q(user__is_superuser=True) | Q(user__groups__name__in=[role.value for role in SEEING & HOUSE_ROLES])
    if case.client_id is not None:
        entitled |= Q(
            user__groups__name__in=[role.value for role in SEEING],
            user__client_accesses__client=case.client_id,
            user__client_accesses__is_active=True,
            user__client_accesses__client__is_active=True,
        )
    people = Owner.objects.filter(
        kind=OwnerKind.PERSON, is_active=True, user__is_active=True, user__username__in=names
    ).filter(entitled)
    return list(people.order_by("slug").distinct())
