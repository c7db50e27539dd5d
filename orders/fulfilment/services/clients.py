"""Setting up a client, or a brand or product line of one: everything in one transaction, as it was shown before."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.db.models import Model
from django.utils.translation import gettext_noop as _

from audit.access import require
from audit.context import Actor, acting
from audit.errors import FieldError, Invalid, Refused, StaleVersion
from audit.models import Accountable, User
from audit.services.events import record
from audit.texts import reason_given
from audit.words import said
from orders.fulfilment.decisions import clients as decisions
from orders.fulfilment.decisions.clients import Draft, Known, NewClient, NewProductLine
from orders.fulfilment.selectors.templates import template_called
from orders.sync import services as sync
from orders.sync.models import Connector, System
from orders.sync.states import CredentialKind
from rules import selectors as rules
from rules.models import (
    Calendar,
    Client,
    ClientAccess,
    ExceptionType,
    Flow,
    HoldRule,
    OpeningHours,
    Owner,
    OwnershipRule,
    ProductLine,
    QualityCheck,
    RuleBookVersion,
    Sla,
    SlaTarget,
    Team,
    TeamMember,
)
from rules.services import freeze_rule_book, save_edited
from rules.shipped import LINES_APART, LINES_FROM
from rules.states import Layer, LineKind

SLUG: Final = re.compile(r"^[a-z0-9][a-z0-9-]{1,29}$")
NEEDS: Final = ("rules.edit_rules", "sync.edit_system")
NAMED_BY_SLUG: Final = "slug"
KINDS: Final[Mapping[type[Accountable], str]] = {
    Calendar: _("calendars"),
    OpeningHours: _("opening hours"),
    Client: _("clients"),
    Team: _("teams"),
    TeamMember: _("people of the team"),
    ClientAccess: _("people who may see it"),
    Owner: _("owners"),
    ProductLine: _("brands and product lines"),
    OwnershipRule: _("ownership rules"),
    HoldRule: _("hold rules"),
    SlaTarget: _("promises"),
    QualityCheck: _("quality checks"),
    System: _("systems"),
    Connector: _("connectors"),
}
RESERVED: Final = "new"  # the address of the page that makes one


@dataclass(frozen=True)
class Secret:
    """A secret shared with a system, to be shown this once."""

    system: System
    kind: CredentialKind
    text: str


@dataclass(frozen=True)
class SetUp:
    """What came of it; `is_in_force` says whether the rules decide already, or wait for the next rule book."""

    client: Client
    draft: Draft
    secrets: Sequence[Secret]
    is_in_force: bool

    @property
    def has_store(self) -> bool:
        """Whether a store of its own was made, which is to be connected next."""
        return any(one.layer == Layer.STORE for one in self.draft.of(System))


def draft_client(*, wish: NewClient, by: Actor) -> Draft:
    """What setting up this client would make; nothing is kept.

    Raises `Refused`, `NotFound` for the template, and `Invalid` naming every mistake.
    """
    _refuse_who_may_not(by)
    template = template_called(wish.template, by=by)
    _refuse_mistakes(list(_mistakes_in(wish)))
    try:
        made = decisions.draft(wish, template, _known())
    except LookupError as missing:
        raise _nothing_there(missing) from missing
    _refuse_mistakes([*_unsound(made), *_taken(made)])
    return made


def set_up_client(*, wish: NewClient, reason: str, by: Actor, now: datetime, seen: str | None = None) -> SetUp:
    """Make the client with its people, calendar, owner, rules, promises and systems; in force at once unless other edits wait.

    `seen` is the digest of the draft that was shown. Raises `StaleVersion` when it would be something else by now, else as
    `draft_client`.
    """
    with acting(by, at=now, reason=reason_given(reason)):
        in_force = _wait_for_others()
        made = draft_client(wish=wish, by=by)
        _refuse_if_changed(made, seen)
        secrets = [secret for one in made.records for secret in _keep(one, reason, by, now)]
        counts = {name: len(rows) for name, rows in counted(made).items()}
        record("client.set_up", subject=made.client, reason=reason, template=wish.template, counts=counts)
        is_in_force = _freeze(in_force, f"client {wish.slug}", by, now)
    return SetUp(made.client, made, secrets, is_in_force)


def draft_line(*, client: Client, wish: NewProductLine, by: Actor) -> Draft:
    """What setting up this brand or product line would make. Raises as `draft_client`, and `NotFound` for somebody else's client."""
    require(by, NEEDS[0], _OfClient(client))
    _refuse_mistakes(list(_mistakes_in_line(wish)))
    try:
        made = decisions.draft_line(wish, client, _known(), position=_next_position(client))
    except LookupError as missing:
        raise _nothing_there(missing) from missing
    _refuse_mistakes([*_unsound(made), *_taken(made)])
    return made


def set_up_line(
    *, client: Client, wish: NewProductLine, reason: str, by: Actor, now: datetime, seen: str | None = None
) -> SetUp:
    """Make the brand or product line and the rule that is its own. Raises as `set_up_client`."""
    with acting(by, at=now, reason=reason_given(reason)):
        in_force = _wait_for_others()
        made = draft_line(client=client, wish=wish, by=by)
        _refuse_if_changed(made, seen)
        for one in made.records:
            _keep(one, reason, by, now)
        record("line.set_up", subject=made.records[0], reason=reason, client=client.slug, kind=wish.kind)
        is_in_force = _freeze(in_force, f"{wish.kind} {wish.slug} of {client.slug}", by, now)
    return SetUp(client, made, [], is_in_force)


def counted(made: Draft) -> dict[str, list[Accountable]]:
    """The records of a draft by what people call their kind."""
    kinds: dict[str, list[Accountable]] = defaultdict(list)
    for one in made.records:
        kinds[KINDS[type(one)]].append(one)
    return dict(kinds)


@dataclass(frozen=True)
class _OfClient:
    """Stands for whatever is of a client where scope is asked."""

    client: Client

    @property
    def client_id(self) -> Any:
        return self.client.pk


def _refuse_who_may_not(by: Actor) -> None:
    for permission in NEEDS:
        require(by, permission)
    if by.clients is not None:
        raise Refused("Only who works for every client sets up a new one.", permission=NEEDS[0])


def _wait_for_others() -> bool:
    """Let nobody else set up or freeze meanwhile; whether everything that was edited until now is in force."""
    list(RuleBookVersion.objects.select_for_update().filter(is_active=True).values_list("pk"))
    return rules.is_all_in_force()


def _refuse_if_changed(made: Draft, seen: str | None) -> None:
    if seen is not None and seen != made.digest:
        raise StaleVersion(
            "What would be made is not what you looked at: something changed since. Look again, then confirm."
        )


def _keep(one: Accountable, reason: str, by: Actor, now: datetime) -> list[Secret]:
    if isinstance(one, System):
        sync.save_system(system=one, by=by, now=now, reason=reason)
        kinds = [CredentialKind.INBOUND, *([CredentialKind.OUTBOUND] if one.base_url else [])]
        return [Secret(one, kind, sync.add_credential(system=one, kind=kind, by=by, now=now)) for kind in kinds]
    if isinstance(one, Connector):
        sync.save_connector(connector=one, by=by, now=now, reason=reason)
    else:
        save_edited(edited=one, by=by, now=now, reason=reason)
    return []


def _freeze(all_was_in_force: bool, note: str, by: Actor, now: datetime) -> bool:
    freezes = all_was_in_force and by.may("rules.freeze_rules")
    if freezes:
        freeze_rule_book(by=by, now=now, note=note)
    return freezes


def _known() -> Known:
    def by_slug(model: Any) -> dict[str, Any]:
        return {one.slug: one for one in model.objects.filter(is_active=True)}

    return Known(
        owners={one.slug: one for one in Owner.objects.filter(is_active=True).select_related("backup")},
        flows=by_slug(Flow),
        slas=by_slug(Sla),
        types=by_slug(ExceptionType),
        calendars=by_slug(Calendar),
        people={one.username: one for one in User.objects.filter(is_active=True)},
    )


def _next_position(client: Client) -> int:
    taken = OwnershipRule.objects.filter(client=client, is_active=True).exclude(line=None)
    last = taken.order_by("-position").values_list("position", flat=True).first()
    return LINES_FROM if last is None else last + LINES_APART


def _mistakes_in(wish: NewClient) -> Iterator[FieldError]:
    yield from _bad_slug(wish.slug)
    if wish.calendar and not Calendar.objects.filter(slug=wish.calendar, is_active=True).exists():
        yield FieldError("/calendar", "unknown", said("There is no calendar “%(calendar)s”.", calendar=wish.calendar))
    if wish.lead and wish.lead not in wish.people:
        yield FieldError("/lead", "not-in-team", "Who leads is one of the people you chose.")
    if not wish.people:
        yield FieldError("/people", "required", "Choose at least one person: somebody has to be behind the team.")
    for place, address in wish.addresses.items():
        if mistake := sync.mistake_in_address(address):
            yield FieldError(f"/address_{place}", "bad-address", mistake)


def _mistakes_in_line(wish: NewProductLine) -> Iterator[FieldError]:
    yield from _bad_slug(wish.slug)
    if wish.kind not in LineKind.values:
        yield FieldError("/kind", "unknown", "It is a brand or a product line.")
    if not (wish.prefixes or wish.channels):
        yield FieldError("/prefixes", "required", "Say which orders are of it: by product codes, by channel, or both.")
    if wish.owner == wish.fallback:
        detail = _("Name somebody else: the fallback takes over when the owner does nothing.")
        yield FieldError("/fallback", "same-as-owner", detail)


def _bad_slug(slug: str) -> Iterator[FieldError]:
    if not SLUG.match(slug) or slug == RESERVED:
        yield FieldError(
            "/slug", "malformed", "Two to thirty small letters, digits and hyphens, beginning with a letter or digit."
        )


def _unsound(made: Draft) -> Iterator[FieldError]:
    """What no record may say; relations are known to be there."""
    for one in made.records:
        relations = {field.name for field in one._meta.concrete_fields if field.is_relation}
        try:
            one.clean_fields(exclude=relations)
        except ValidationError as invalid:
            for name, words in invalid.message_dict.items():
                detail = " ".join(words)
                yield FieldError(_pointer(one, name), "invalid", detail)


def _pointer(one: Accountable, name: str) -> str:
    """The field of the wish that the record's field comes from."""
    return f"/{name}" if isinstance(one, Client) or name in {"time_zone", "country"} else "/name"


def _taken(made: Draft) -> Iterator[FieldError]:
    """Names that somebody else has already."""
    slugs: dict[type[Model], set[str]] = defaultdict(set)
    for one in made.records:
        if hasattr(one, NAMED_BY_SLUG):
            slugs[type(one)].add(one.slug)
    for model, named in slugs.items():
        for slug in model._default_manager.filter(slug__in=named).order_by("slug").values_list("slug", flat=True):
            detail = said("There is something called “%(slug)s” already: choose another short name.", slug=slug)
            yield FieldError("/slug", "taken", detail)
    prefixes = [one.key_prefix for one in made.records if isinstance(one, Client)]
    if Client.objects.filter(key_prefix__in=prefixes).exists():
        yield FieldError("/key_prefix", "taken", "Another client's orders begin with these letters.")


def _nothing_there(missing: LookupError) -> Invalid:
    detail = str(missing)
    return Invalid(detail, errors=[FieldError("/template", "unknown", detail)])


def _refuse_mistakes(errors: Sequence[FieldError]) -> None:
    if errors:
        details = dict.fromkeys(error.detail for error in errors)
        raise Invalid(" ".join(details), errors=errors)
