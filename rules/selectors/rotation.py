"""Who has answered for a flow, a rule or a contract for how long, and whose turn is next."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, NamedTuple
from uuid import UUID

from audit.canonical import canonical_json, sha256_hex
from rules.models import Contract, Flow, Owner, OwnershipRule, RuleBookVersion, TeamMember
from rules.selectors.books import document_to_freeze
from rules.selectors.people import Roster, roster
from rules.states import OwnerKind

QUARTER: Final = timedelta(days=90)
Rotating = Flow | OwnershipRule | Contract


class Rotated(NamedTuple):
    """Records that rotate: the column that says who answers for one, the one that names it, and whether rule books hold them."""

    model: type[Rotating]
    column: str
    name: str = "slug"
    is_in_books: bool = True


ROTATED: Final[Mapping[str, Rotated]] = {
    "flow": Rotated(Flow, "owner"),
    "rule": Rotated(OwnershipRule, "rule_owner"),
    "contract": Rotated(Contract, "contract_owner", name="name", is_in_books=False),
}


@dataclass(frozen=True)
class Holding:
    """Who answers for one flow, rule or contract since when; `next` is whose turn it is, None where nobody else of the team is there."""

    kind: str
    slug: str
    record: Rotating
    owner: Owner
    since: datetime
    next: Owner | None
    is_due: bool


def holdings(at: datetime) -> list[Holding]:
    """All active flows, rules and contracts whose owner is no system, the longest held first; a fixed number of queries."""
    there = roster(at)
    teams, people = _teams(there)
    found = [
        Holding(
            kind,
            getattr(record, what.name),
            record,
            owner,
            since[record.pk],
            next_of(owner, there, teams, people),
            at - since[record.pk] > QUARTER,
        )
        for kind, what in ROTATED.items()
        for since in [_since(what.model, what.column)]
        for record in what.model._default_manager.filter(is_active=True).order_by(what.name)
        for owner in [there.owners[getattr(record, f"{what.column}_id")]]
        if owner.kind != OwnerKind.SYSTEM
    ]
    return sorted(found, key=lambda one: (one.since, one.kind, one.slug))


def holding(kind: str, slug: str, *, at: datetime) -> Holding | None:
    """One of them."""
    return next((one for one in holdings(at) if (one.kind, one.slug) == (kind, slug)), None)


def next_of(
    owner: Owner, there: Roster, teams: Mapping[UUID, Sequence[int]], people: Mapping[int, Owner]
) -> Owner | None:
    """The next in the alphabet of the people of the team who are there: after the person, or the first for a team."""
    members = {user_id for members in _teams_of(owner, there, teams) for user_id in members}
    able = sorted(
        (
            people[user_id]
            for user_id in members
            if user_id in people and people[user_id].pk not in there.away | {owner.pk}
        ),
        key=lambda one: one.slug,
    )
    after = [one for one in able if one.slug > owner.slug] if owner.kind == OwnerKind.PERSON else able
    return next(iter([*after, *able]), None)


def _teams_of(owner: Owner, there: Roster, teams: Mapping[UUID, Sequence[int]]) -> Iterable[Sequence[int]]:
    """The members of the owner's team: for a person the backup's team if the person is in it, else every team of the person."""
    if owner.kind == OwnerKind.TEAM:
        return [teams.get(owner.team_id, ())] if owner.team_id else []
    near = teams.get(there.owners[owner.backup_id].team_id or owner.pk, ())
    return [near] if owner.user_id in near else [members for members in teams.values() if owner.user_id in members]


def _teams(there: Roster) -> tuple[dict[UUID, list[int]], dict[int, Owner]]:
    teams: dict[UUID, list[int]] = defaultdict(list)
    members = TeamMember.objects.filter(is_active=True, user__is_active=True).order_by("user_id")
    for team_id, user_id in members.values_list("team_id", "user_id"):
        teams[team_id].append(user_id)
    return teams, {owner.user_id: owner for owner in there.owners.values() if owner.user_id and owner.is_active}


def _since(model: type[Rotating], column: str) -> dict[UUID, datetime]:
    """When the owner of each record last became another, from its history."""
    since: dict[UUID, datetime] = {}
    before: dict[UUID, UUID] = {}
    rows = model.history.order_by("version", "history_id").values_list("id", f"{column}_id", "history_date")
    for record_id, owner_id, at in rows:
        if before.get(record_id) != owner_id:
            before[record_id], since[record_id] = owner_id, at
    return since


def is_all_in_force() -> bool:
    """Whether nothing was edited since the rule book in force was frozen; that time went by changes nothing."""
    book = RuleBookVersion.objects.filter(is_active=True).only("sha256", "frozen_at").first()
    return book is not None and book.sha256 == sha256_hex(canonical_json(document_to_freeze(at=book.frozen_at)))
