"""Who may decide about a time-limited exception, on whose authority, and who asked for it."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Q, QuerySet

from audit.access import GRANTS, Role
from audit.context import Actor
from audit.texts import whole_number
from exceptions.models import Delegation, Waiver
from rules.models import ApiToken, Owner
from rules.rulebook import GateSpec
from rules.selectors.people import HOUSE_ROLES, absences_at
from rules.states import GateRisk, OwnerKind

DECIDE = "exceptions.decide_waiver"


@dataclass(frozen=True)
class Authority:
    """What lets somebody decide; `behalf` is the approver they stand in for, None for a role of their own."""

    behalf: Owner | None = None


@dataclass(frozen=True)
class Approver:
    """Somebody who may decide; `stands_in_for` names the approver whose place they take, `is_away` says they are absent now."""

    owner: Owner
    stands_in_for: str = ""
    is_away: bool = False


def approvers_of(waiver: Waiver, *, spec: GateSpec, now: datetime) -> list[Approver]:
    """The active people who may decide: of the gate's roles and with access to the client (or else the admins), and who stands in for them.

    Never who asked, nor who owns what is allowed.
    """
    excluded = excluded_from(waiver)
    entitled = [one for one in entitled_people(waiver, spec=spec) if one.pk not in excluded]
    known = {one.pk for one in entitled} | excluded
    away = _away(entitled, now)
    extra = [
        (who, behalf)
        for who, behalf in _who_stands_in(entitled, waiver, now)
        if who.pk not in known and _may_stand_in(who, spec)
    ]
    first = {who.pk: Approver(who, behalf.name) for who, behalf in reversed(extra)}
    return [Approver(one, is_away=one.pk in away) for one in entitled] + list(first.values())


def entitled_people(waiver: Waiver, *, spec: GateSpec) -> list[Owner]:
    """The active people of the gate's roles with access to the client; the admins where there is nobody."""
    found = _of_gate(waiver, spec)
    excluded = excluded_from(waiver)
    if any(one.pk not in excluded for one in found):
        return found
    return list(_people().filter(user__groups__name=Role.ADMIN.value).order_by("slug"))


def only_their_own(waiver: Waiver, *, spec: GateSpec) -> bool:
    """Whether the gate's own people are nobody but who asks and who owns it, so that the admins are asked instead."""
    found, excluded = _of_gate(waiver, spec), excluded_from(waiver)
    return bool(found) and all(one.pk in excluded for one in found)


def _of_gate(waiver: Waiver, spec: GateSpec) -> list[Owner]:
    reach = Q(user__groups__name__in=_house_roles(spec)) | Q(
        user__groups__name__in=spec.approver_roles,
        user__client_accesses__client=waiver.client_id,
        user__client_accesses__is_active=True,
    )
    return list(_people().filter(reach).order_by("slug").distinct())


def authority_of(waiver: Waiver, *, by: Actor, spec: GateSpec, now: datetime) -> Authority | None:
    """On what authority this actor may decide at `now`: a role of their own, else an approver they stand in for; None for none."""
    if by.may(DECIDE) and (by.kind != "person" or by.roles & {*spec.approver_roles, Role.ADMIN.value}):
        return Authority()
    if by.user_id is None or (spec.risk == GateRisk.HIGH and not by.may(DECIDE)):
        return None
    excluded = excluded_from(waiver)
    given = [one for one in entitled_people(waiver, spec=spec) if one.pk not in excluded]
    for who, behalf in _who_stands_in(given, waiver, now):
        if who.user_id == by.user_id and by.reaches(waiver.client_id):
            return Authority(behalf)
    return None


def excluded_from(waiver: Waiver) -> set[UUID]:
    """Who asked and who owns what is allowed: neither decides, nor does anybody in their place."""
    requester = requester_of(waiver)
    return {waiver.owner_id} | ({requester.pk} if requester is not None else set())


def requester_of(waiver: Waiver) -> Owner | None:
    """The person who asked, be it through a program of theirs; None when it was the house itself."""
    return person_behind(waiver.requested_by)


def person_behind(actor_id: str) -> Owner | None:
    """The active person an actor's id stands for, be it a program of theirs; None for a part of the product."""
    kind, _, name = actor_id.partition(":")
    if kind == "token":
        holders = ApiToken.objects.filter(prefix=name).values("user_id")
        return _people().filter(user_id__in=holders).first()
    number = whole_number(name)
    return _people().filter(user_id=number).first() if kind == "user" and number is not None else None


def leads_and_admins(*, admins_only: bool = False) -> list[Owner]:
    """The active people who lead operations or administer the house."""
    roles = [Role.ADMIN.value] if admins_only else [Role.OPS_LEAD.value, Role.ADMIN.value]
    return list(_people().filter(user__groups__name__in=roles).order_by("slug").distinct())


def delegations_at(at: datetime) -> QuerySet[Delegation]:
    """Those that hold at `at`, the earliest first."""
    held = Delegation.objects.filter(is_active=True, starts_at__lte=at, ends_at__gt=at)
    return held.select_related("delegate__user", "delegator").order_by("starts_at", "pk")


def delegations_of(by: Actor, *, now: datetime) -> QuerySet[Delegation]:
    """Those the actor gave or has that are not over, the next first; all of them for admins."""
    running = Delegation.objects.filter(is_active=True, ends_at__gt=now).select_related(
        "delegate", "delegator", "client"
    )
    if not by.may("rules.edit_rules"):
        running = running.filter(Q(delegate__in=by.owners) | Q(delegator__in=by.owners))
    return running.order_by("starts_at", "pk")


def possible_delegates(by: Actor) -> list[Owner]:
    """The people who could decide in the actor's place: others who work exceptions, by name."""
    roles = [role.value for role in Role if "exceptions.work_case" in GRANTS[role]]
    people = _people().filter(user__groups__name__in=roles).exclude(user_id=by.user_id or 0)
    return list(people.order_by("name", "pk").distinct())


def _who_stands_in(approvers: Collection[Owner], waiver: Waiver, now: datetime) -> list[tuple[Owner, Owner]]:
    """(who, for whom): named delegates, and covers (else backups) of approvers who are away. One step: nobody stands in for a stand-in."""
    by_pk = {one.pk: one for one in approvers}
    about = Q(client=None) | Q(client=waiver.client_id)
    named = delegations_at(now).filter(about, delegator__in=by_pk)
    pairs = [(one.delegate, by_pk[one.delegator_id]) for one in named if _is_there(one.delegate)]
    absent = absences_at(now).filter(owner__in=by_pk).select_related("cover__user", "owner__backup__user")
    covers = [(one.cover or one.owner.backup, by_pk[one.owner_id]) for one in absent]
    return pairs + [(who, behalf) for who, behalf in covers if _is_there(who)]


def _may_stand_in(who: Owner, spec: GateSpec) -> bool:
    return spec.risk != GateRisk.HIGH or _people().filter(pk=who.pk, user__groups__name__in=HOUSE_ROLES).exists()


def _away(people: Collection[Owner], now: datetime) -> set[UUID]:
    return set(absences_at(now).filter(owner__in=[one.pk for one in people]).values_list("owner_id", flat=True))


def _is_there(who: Owner) -> bool:
    return who.kind == OwnerKind.PERSON and who.is_active and who.user is not None and who.user.is_active


def people_with(role: str, *, client_id: UUID | None) -> list[Owner]:
    """The active people of this role with access to the client, or else the admins."""
    entitled = _people().filter(user__groups__name=role)
    if role not in HOUSE_ROLES:
        access = Q(user__client_accesses__client=client_id, user__client_accesses__is_active=True)
        entitled = entitled.filter(access)
    found = list(entitled.order_by("slug").distinct())
    return found or list(_people().filter(user__groups__name=Role.ADMIN.value).order_by("slug"))


def _house_roles(spec: GateSpec) -> list[str]:
    house = {role.value for role in HOUSE_ROLES}
    return [role for role in spec.approver_roles if role in house]


def _people() -> QuerySet[Owner]:
    return Owner.objects.filter(kind=OwnerKind.PERSON, is_active=True, user__is_active=True)
