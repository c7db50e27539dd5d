"""Who may decide about a time-limited exception, and who asked for it."""

from django.db.models import Q, QuerySet

from audit.access import Role
from exceptions.models import Waiver
from rules.models import ApiToken, Owner
from rules.selectors.people import HOUSE_ROLES
from rules.states import OwnerKind


def approvers_of(waiver: Waiver, *, role: str) -> list[Owner]:
    """The active people who may decide: of the gate's role and with access to the client, or else the admins.

    Never who asked, nor who owns what is allowed.
    """
    requester = requester_of(waiver)
    excluded = {waiver.owner_id, requester.pk if requester is not None else None}
    people = _people().exclude(pk__in=[pk for pk in excluded if pk is not None])
    entitled = people.filter(user__groups__name=role)
    if role not in HOUSE_ROLES:
        access = Q(user__client_accesses__client=waiver.client_id, user__client_accesses__is_active=True)
        entitled = entitled.filter(access)
    found = list(entitled.order_by("slug").distinct())
    return found or list(people.filter(user__groups__name=Role.ADMIN.value).order_by("slug"))


def requester_of(waiver: Waiver) -> Owner | None:
    """The person who asked, be it through a program of theirs; None when it was the house itself."""
    kind, _, name = waiver.requested_by.partition(":")
    if kind == "token":
        holders = ApiToken.objects.filter(prefix=name).values("user_id")
        return _people().filter(user_id__in=holders).first()
    return _people().filter(user_id=int(name)).first() if kind == "user" and name.isdigit() else None


def _people() -> QuerySet[Owner]:
    return Owner.objects.filter(kind=OwnerKind.PERSON, is_active=True, user__is_active=True)
