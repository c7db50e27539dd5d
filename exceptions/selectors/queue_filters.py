"""What a queue can be narrowed down to: one grammar for the page, saved views, acts on many and the command line."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib.postgres.search import SearchQuery
from django.db.models import CharField, Q, QuerySet, Value
from django.db.models.functions import Concat

from audit import filtering
from audit.context import Actor
from audit.errors import FieldError, Invalid
from audit.texts import whole_number
from audit.words import said
from exceptions import subjects
from exceptions.list_pages import NONE
from exceptions.models import CaseWords, ExceptionCase
from exceptions.models.case_words import WORD_JOINERS
from exceptions.models.cases import CaseQuerySet
from exceptions.selectors import owners
from exceptions.selectors.columns import QUEUE_COLUMNS, refuse_unknown_columns
from exceptions.states import CASE_LIVE
from rules import selectors as rules
from rules.models import ExceptionType, Owner, Team

AT_RISK = "at-risk"
HIGH_VALUE = "500.."
ORDERS = {
    "urgency": ("urgent_at", "pk"),
    "due": ("due_at", "pk"),
    "-risk": ("-at_risk_minor", "-pk"),
    "-created": ("-opened_at", "-pk"),
}
PER_PAGE = (25, 50, 100, 200)
BY_CAUSE = "cause"
GROUPED_BY = (BY_CAUSE, "client", "type", "owner")
LEFT_OUT = "!"
RANGES = {
    "due": filtering.moment("due", "due_at", ahead=True),
    "created": filtering.moment("created", "opened_at"),
    "risk": filtering.amount("risk", "at_risk_minor"),
}
# Of these several may be asked for, of which any will do: `state=open&state=waiting` in an address, joined by commas here.
OF_SEVERAL = frozenset({"state", "client", "type", "owner", *subjects.FACETS})
# What can be left out, `state!=waiting`, of which none may be in the list.
LEAVABLE = frozenset({*OF_SEVERAL, "cause"})


@dataclass(frozen=True)
class QueueFilters:
    """What of the queue to show; `scope` is mine, team or unowned. Unknown values are refused, never ignored.

    `owner` also says `me` or `team:<slug>`, `cause` says `none` for those that have none, and so does `client` for those of the house where
    these exist for the reader; `hold` and `channel` ask what it is about. What is `OF_SEVERAL` may name several, joined by commas.
    `without` is what to leave out, name and values.
    """

    scope: str = "mine"
    state: str = ""
    client: str = ""
    type: str = ""
    cause: str = ""
    due: str = ""
    created: str = ""
    owner: str = ""
    hold: str = ""
    channel: str = ""
    q: str = ""
    sort: str = "urgency"
    risk: str = ""
    after: str = ""
    per: int = 50
    cols: Sequence[str] = ()
    group: str = ""
    without: Sequence[tuple[str, Sequence[str]]] = ()

    def named(self) -> dict[str, Sequence[str]]:
        """What is asked for by name, and with `!` after the name what is left out."""
        kept = {name: getattr(self, name).split(",") for name in sorted(OF_SEVERAL) if getattr(self, name)}
        cause = {"cause": [self.cause]} if self.cause else {}
        return kept | cause | {f"{name}{LEFT_OUT}": values for name, values in self.without}


def filtered(cases: CaseQuerySet, *, by: Actor, filters: QueueFilters, now: datetime) -> CaseQuerySet:
    """The cases the filters leave.

    Owners and clients are few and looked up first: told their ids, PostgreSQL knows how many cases to expect and walks the right index;
    left to join, it walked a million to find none.
    """
    named = _named(by=by, filters=filters, now=now)
    if filters.scope == "mine":
        cases = cases.filter(owner__in=by.owners)
    elif filters.scope == "unowned":
        cases = cases.filter(owner__in=named["unowned"])
    for name, values in filters.named().items():
        condition = _condition(name.removesuffix(LEFT_OUT), values, named[name])
        cases = cases.exclude(condition) if name.endswith(LEFT_OUT) else cases.filter(condition)
    for name in RANGES:
        cases = cases.filter(within(name, getattr(filters, name), by=by, now=now))
    return cases.filter(search(filters.q)) if filters.q else cases


def _condition(name: str, values: Sequence[str], pks: Sequence[UUID]) -> Q:
    """What a filter says of an exception."""
    if name == "client":
        return Q(client__in=pks) | (Q(client=None) if NONE in values else Q())
    if name == "owner":
        return Q(owner__in=pks)
    if name in subjects.FACETS:
        return subjects.having(name, values)
    return Q(**{f"{name}__in": ["" if name == "cause" and value == NONE else value for value in values]})


def within(name: str, value: str, *, by: Actor, now: datetime) -> Q:
    """The exceptions of this time or amount: one that is offered, or any range. Raises `Invalid` for what is none."""
    if not value:
        return Q()
    if (name, value) == ("due", AT_RISK):
        return Q(warn_at__lte=now, due_at__gt=now)
    try:
        return RANGES[name].read(value, filtering.Question(by, now))
    except filtering.UnknownValueError:
        error = _cannot_be(name, value)
        raise Invalid(error.detail, errors=[error]) from None


def _cannot_be(name: str, value: str) -> FieldError:
    return FieldError(f"/{name}", "unknown", said("%(name)s cannot be “%(name_2)s”.", name=name, name_2=value))


def _named(*, by: Actor, filters: QueueFilters, now: datetime) -> Mapping[str, list[UUID]]:
    """The ids of what the filters name, in one statement for all of them."""
    records: dict[str, QuerySet[Any]] = {}
    if filters.scope == "unowned":
        records["unowned"] = Owner.objects.filter(Q(is_active=False) | Q(valid_until__lte=now))
    for name, values in filters.named().items():
        if name.startswith("owner"):
            records[name] = Owner.objects.filter(owners.named_any(values, by))
        elif name.startswith("client"):
            records[name] = rules.clients_of(by).filter(slug__in=values)
    found = defaultdict(list)
    for name, pk in as_one([rows.values_list(Value(name), "pk") for name, rows in records.items()]):
        found[name].append(pk)
    return found


def as_one(querysets: Sequence[QuerySet[Any, tuple[Any, ...]]]) -> Iterable[tuple[Any, ...]]:
    """The rows of all of them, in one statement and in no order."""
    if not querysets:
        return []
    first, *others = [rows.order_by() for rows in querysets]
    return first.union(*others, all=True) if others else first


def refuse_unknown(filters: QueueFilters, *, by: Actor) -> None:
    """Raise `Invalid` for a value no filter has, or a column there is not; another's client is as unknown as none."""
    refuse_unknown_columns(filters.cols, QUEUE_COLUMNS)
    given = filters.named()
    fixed: dict[str, Sequence[Any]] = {
        "scope": ("mine", "team", "unowned"),
        "per": PER_PAGE,
        "sort": tuple(ORDERS),
        "group": ("", *GROUPED_BY),
    }
    known = fixed | _known(given, by)
    asked: dict[str, Sequence[Any]] = {name: [getattr(filters, name)] for name in fixed} | given
    errors = [_cannot_be(name, value) for name, values in known.items() for value in asked[name] if value not in values]
    if errors:
        raise Invalid(" ".join(error.detail for error in errors), errors=errors)


def _known(given: Mapping[str, Sequence[str]], by: Actor) -> dict[str, list[str]]:
    """Which of the given names there are, in one statement. An owner that is not there has no exceptions, but cannot be left out."""
    found: dict[str, list[str]] = {}
    asked: list[QuerySet[Any, tuple[Any, ...]]] = []
    for name, values in given.items():
        records: dict[str, QuerySet[Any]] = {
            "type": ExceptionType.objects.all(),
            "client": rules.clients_of(by),
            f"owner{LEFT_OUT}": Owner.objects.all(),
        }
        source = records.get(name, records.get(name.removesuffix(LEFT_OUT)))
        if source is not None:
            found[name] = [NONE] if name.startswith("client") and by.clients is None else []
            asked.append(source.filter(slug__in=values).values_list(Value(name), "slug"))
        elif name.removesuffix(LEFT_OUT) == "state":
            found[name] = list(CASE_LIVE)
        elif choices := subjects.choices_of(name.removesuffix(LEFT_OUT)):
            found[name] = list(choices)
    if f"owner{LEFT_OUT}" in given:
        found[f"owner{LEFT_OUT}"].append(owners.ME)
        teams = Team.objects.annotate(address=Concat(Value(owners.TEAM), "slug", output_field=CharField()))
        named = teams.filter(address__in=given[f"owner{LEFT_OUT}"])
        asked.append(named.values_list(Value(f"owner{LEFT_OUT}"), "address"))
    for name, slug in as_one(asked):
        found[name].append(slug)
    return found


def search(words: str) -> Q:
    """Cases with this key, or these words in title, subject or cause."""
    number = whole_number(words.upper().removeprefix("EX-"))
    asked = "".join(" " if letter in WORD_JOINERS or letter in "'\\" else letter for letter in words).split()
    prefixes = SearchQuery(" & ".join(f"'{word}':*" for word in asked), config="simple", search_type="raw")
    found = (CaseWords.objects.filter(words=prefixes) if asked else CaseWords.objects.none()).values("pk")
    if number is not None:
        found = found.union(ExceptionCase.objects.filter(number=number).values("pk"), all=True)
    return Q(pk__in=found)
