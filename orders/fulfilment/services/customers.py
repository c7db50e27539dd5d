"""Customers by hand: two that are the same, one that is another after all, two that only look alike. Each can be taken back.

Nothing is moved: of the merged ones each keeps its orders and what it is known by, and only who stands for it changes.
Locks are taken on customers by primary key, then on what was said about two of them.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from django.db.models import Q

from audit.access import require
from audit.context import Actor, acting, current_actor
from audit.errors import FieldError, IllegalTransition, Invalid, NotFound
from audit.selectors.pages import names_of
from audit.texts import reason_given
from audit.words import said
from orders.fulfilment.models import Customer, Likeness
from orders.fulfilment.services.changes import Changes
from orders.fulfilment.states import CustomerState, LikenessState

PERMISSION: Final = "orders.work_order"
NONE: Final = "There is no such customer, or it is not yours to see."


def merge_customers(*, customer_id: UUID, into_id: UUID, reason: str, by: Actor, now: datetime) -> Customer:
    """Let one customer, and whoever was merged into it, be the same as another; gives the one that stands for both.

    Raises `IllegalTransition`, saying who was faster, when one of them is merged already; `Invalid` for itself and for another client's;
    `NotFound`, `Refused`.
    """
    why = reason_given(reason)
    with acting(by, at=now, reason=why):
        customer, into = _locked([customer_id, into_id], by)
        if customer == into or customer.client_id != into.client_id:
            detail = said("%(into)s is no other customer of the same client.", into=into.key)
            raise Invalid(detail, errors=[FieldError("/into", "invalid", detail)])
        for one in (customer, into):
            _refuse_merged(one)
        changes = Changes(now)
        customer.merge()
        customer.merged_into = into
        changes.edit(customer, "state", "merged_into")
        _move([customer, *customer.members.exclude(pk=customer.pk)], into, changes)
        changes.tell("customer.merged", customer, into=into.key)
        if (said_apart := _likeness_of(customer, into)) and said_apart.state == LikenessState.APART:
            _ask_again(said_apart, changes)
        changes.write()
    return into


def split_customer(*, customer_id: UUID, reason: str, by: Actor, now: datetime) -> Customer:
    """Let a merged customer stand for itself again, with its orders, what it is known by and whoever was merged into it.

    That the two are not the same stays known. Raises `IllegalTransition` when it stands for itself already, `NotFound`, `Refused`.
    """
    why = reason_given(reason)
    with acting(by, at=now, reason=why):
        seen = Customer.objects.filter(pk=customer_id).first()
        customer, head = _locked([customer_id, seen.head_id if seen else customer_id], by)
        if customer.state != CustomerState.MERGED or customer.head_id != head.pk:
            who, at = _last_act(customer)
            detail = said(
                "%(who)s was faster: %(key)s was changed at %(at)s UTC. Look at it again before you go on.",
                who=who,
                key=customer.key,
                at=f"{at:%H:%M}",
            )
            raise IllegalTransition(detail, who=who, at=at)
        changes, left = Changes(now), customer.merged_into
        customer.split_off()
        customer.merged_into = None
        changes.edit(customer, "state", "merged_into")
        _move(_branch(customer, list(head.members.exclude(pk=customer.pk))), customer, changes)
        changes.tell("customer.split", customer, was_with=head.key)
        if left is not None:
            _remember_apart(customer, left, why, changes)
        changes.write()
    return customer


def keep_apart(*, likeness_id: UUID, reason: str, by: Actor, now: datetime) -> Likeness:
    """Say that two customers are not the same, whatever they have in common; they are not listed again.

    Raises `IllegalTransition`, saying who was faster, when that is decided already; `NotFound`, `Refused`.
    """
    why = reason_given(reason)
    with acting(by, at=now, reason=why):
        likeness = _locked_likeness(likeness_id, by)
        _refuse_unless(likeness, LikenessState.LIKELY)
        changes = Changes(now)
        for one in [likeness, *_others_of_the_two(likeness)]:
            _say_apart(one, why, changes)
        changes.write()
    return likeness


def ask_again(*, likeness_id: UUID, reason: str, by: Actor, now: datetime) -> Likeness:
    """Take back that two customers are not the same; they are listed again. Raises as `keep_apart`."""
    why = reason_given(reason)
    with acting(by, at=now, reason=why):
        likeness = _locked_likeness(likeness_id, by)
        _refuse_unless(likeness, LikenessState.APART)
        changes = Changes(now)
        _ask_again(likeness, changes)
        changes.write()
    return likeness


def _locked(ids: Sequence[UUID], by: Actor) -> list[Customer]:
    """These customers as they are from now on, in the order they were asked for; intake may still point orders to them."""
    found = Customer.objects.select_for_update(no_key=True).filter(pk__in=ids).order_by("pk")
    locked = {one.pk: one for one in found}
    for pk in ids:
        require(by, PERMISSION, locked.get(pk))
        if pk not in locked:
            raise NotFound(NONE)
    return [locked[pk] for pk in ids]


def _locked_likeness(likeness_id: UUID, by: Actor) -> Likeness:
    seen = Likeness.objects.filter(pk=likeness_id).first()
    require(by, PERMISSION, seen)
    if seen is None:
        raise NotFound("There is no such pair of customers, or it is not yours to see.")
    one, other = _locked([seen.one_id, seen.other_id], by)
    if one.head_id == other.head_id:
        _refuse_merged(other)
        _refuse_merged(one)
    return Likeness.objects.select_for_update().get(pk=likeness_id)


def _refuse_merged(customer: Customer) -> None:
    if customer.state == CustomerState.MERGED:
        who, at = _last_act(customer)
        said_so = said(
            "%(who)s was faster: %(key)s was merged into %(into)s at %(at)s UTC. Look at it again before you go on.",
            who=who,
            key=customer.key,
            into=Customer.objects.get(pk=customer.head_id).key,
            at=f"{at:%H:%M}",
        )
        raise IllegalTransition(said_so, who=who, at=at)


def _refuse_unless(likeness: Likeness, state: LikenessState) -> None:
    if likeness.state == state:
        return
    who, at = _last_act(likeness)
    said_so = said(
        "%(who)s was faster: it was decided at %(at)s UTC. Look at it again before you go on.",
        who=who,
        at=f"{at:%H:%M}",
    )
    raise IllegalTransition(said_so, who=who, at=at)


def _last_act(record: Customer | Likeness) -> tuple[str, datetime]:
    """Who changed it last, and when."""
    row = type(record).history.filter(id=record.pk).order_by("-history_id")[0]
    return names_of([row.history_actor])[row.history_actor], row.history_date


def _move(customers: Sequence[Customer], head: Customer, changes: Changes) -> None:
    """Another one stands for these."""
    for one in customers:
        one.head = head
        changes.edit(one, "head")
    for one in customers[1:]:
        changes.tell("customer.moved", one, head=head.key)


def _branch(customer: Customer, members: Sequence[Customer]) -> list[Customer]:
    """The customer, and those of the members that came to be members through it."""
    branch = [customer]
    for one in branch:
        branch += [member for member in members if member.merged_into_id == one.pk]
    return branch


def _likeness_of(one: Customer, other: Customer) -> Likeness | None:
    first, second = sorted((one.pk, other.pk))
    return Likeness.objects.select_for_update().filter(one=first, other=second).first()


def _others_of_the_two(likeness: Likeness) -> list[Likeness]:
    """Where each stands for several, they may have been found alike more than once."""
    one, other = likeness.one.head_id, likeness.other.head_id
    same = Q(one__head=one, other__head=other) | Q(one__head=other, other__head=one)
    likely = Likeness.objects.select_for_update(of=("self",)).filter(same, state=LikenessState.LIKELY)
    return list(likely.exclude(pk=likeness.pk).order_by("pk"))


def _remember_apart(one: Customer, other: Customer, why: str, changes: Changes) -> None:
    likeness = _likeness_of(one, other)
    if likeness is None:
        first, second = sorted((one.pk, other.pk))
        likeness = Likeness(one_id=first, other_id=second, client_id=one.client_id)
        changes.add(likeness)
    if likeness.state == LikenessState.LIKELY:
        _say_apart(likeness, why, changes)


def _say_apart(likeness: Likeness, why: str, changes: Changes) -> None:
    likeness.keep_apart()
    likeness.decided_by, likeness.decided_at, likeness.reason = current_actor().id, changes.now, why
    changes.edit(likeness, "state", "decided_by", "decided_at", "reason")
    changes.tell("likeness.kept_apart", likeness)


def _ask_again(likeness: Likeness, changes: Changes) -> None:
    likeness.ask_again()
    likeness.decided_by, likeness.decided_at, likeness.reason = "", None, ""
    changes.edit(likeness, "state", "decided_by", "decided_at", "reason")
    changes.tell("likeness.asked_again", likeness)
