"""Exceptions: lists, records, and one address per act."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db.models import Q, QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from audit import clock, filtering
from audit.context import Actor
from audit.errors import FieldError, Invalid, NotFound
from audit.filtering import Filter, FilterSet, Question, UnknownValueError
from audit.rest.expanding import related
from audit.rest.parsing import ReasonInput
from audit.rest.views import ActResource, ListResource, RecordResource, Resource
from audit.subject_refs import SubjectRef
from audit.words import said
from exceptions import selectors, serializers, services, subjects
from exceptions.list_pages import NONE
from exceptions.selectors import actions, owners, queue_filters, visible
from exceptions.serializers.postmortems import DocumentFixInput
from exceptions.states import CASE_LIVE, CaseState
from rules import selectors as rules
from rules.api import ClientList, OwnerList
from rules.selectors import registry
from rules.states import Severity

KEY: Final = re.compile(r"^EX-(\d{1,15})$")


def number_in(key: str) -> int:
    """The number in EX-20418. Raises `NotFound` for what is no key."""
    found = KEY.match(key)
    if found is None:
        raise NotFound(said("There is no exception %(key)s, or it is not yours to see.", key=key[:40]))
    return int(found[1])


def cases_also(by: Actor, keys: Sequence[str]) -> list[UUID]:
    """The exceptions a body names with `also`. Raises `Invalid` for those there are not, or that are not the asker's to see."""
    pks = {one.key: one.pk for one in visible.cases_for(by).filter(number__in=[number_in(key) for key in keys])}
    unknown = [key for key in keys if key not in pks]
    if unknown:
        detail = said("There is no exception %(unknown)s, or it is not yours to see.", unknown=", ".join(unknown))
        raise Invalid(detail, errors=[FieldError("/also", "unknown", detail)])
    return list(pks.values())


def _owner(value: str, question: Question) -> Q:
    """`me`, `team:<slug>` (the team and its people), or an owner's slug."""
    if value == "none":
        return Q(pk__in=[])  # every exception has an owner
    if value == owners.ME or value.startswith(owners.TEAM):
        return owners.owned(value, question.by)
    return BY_OWNER.read(value, question)


def _state(value: str, _: Question) -> Q:
    if value == "live":
        return Q(state__in=CASE_LIVE)
    if value not in CaseState.values:
        raise UnknownValueError(f"State “{value}” is not known. There are: live, {', '.join(CaseState.values)}.")
    return Q(state=value)


def _of_subject(name: str) -> filtering.Read:
    """A filter that is answered by what exceptions are about."""

    def read(value: str, _: Question) -> Q:
        choices = subjects.choices_of(name)
        if choices and value not in choices:
            raise UnknownValueError(f"{name.capitalize()} “{value}” is not known. There are: {', '.join(choices)}.")
        return subjects.having(name, [value])

    return read


BY_OWNER: Final = filtering.record_of("owner", "owner", registry.owners_for)
CASE_FILTERS: Final = FilterSet(
    filters=(
        Filter(
            "q", "Search", lambda value, _: queue_filters.search(value), "a key, or text in title, subject or cause"
        ),
        filtering.record_kind("type", "type", registry.exception_types),
        Filter("state", "State", _state, f"live, or one of {', '.join(CaseState.values)}", ("live", *CaseState.values)),
        filtering.choice("severity", "severity", Severity.values),
        filtering.record_of("client", "client", rules.clients_of),
        Filter("owner", "Owner", _owner, "me, team:<slug> (the team and its people), or an owner's slug"),
        filtering.exact("subject", "subject_key"),
        Filter(
            "cause",
            "Cause",
            lambda value, _: Q(cause="" if value == NONE else value),
            "what exceptions share, exactly as written; none for those that have none",
        ),
        Filter("hold", "Hold", _of_subject("hold"), "why what it is about is on hold: a reason a hold can have"),
        Filter("channel", "Channel", _of_subject("channel"), "where what it is about was placed, exactly as written"),
        *queue_filters.RANGES.values(),
    ),
    sorts={
        "due": ("due_at", "pk"),
        "-due": ("-due_at", "-pk"),
        "-created": ("-opened_at", "-pk"),
        "created": ("opened_at", "pk"),
        "-risk": ("-at_risk_minor", "-pk"),
    },
)


class _Cases(Resource):
    permission = "exceptions.view_case"
    noun = "exception"
    serializer_class: Any = serializers.CaseSerializer
    expands = related(client=ClientList, owner=OwnerList, backup=OwnerList)

    def records(self) -> QuerySet[Any]:
        """Of the asker's clients."""
        return visible.cases_for(self.by)

    def lookup(self, key: Any) -> Mapping[str, Any]:
        """By the number in the key."""
        return {"number": number_in(key)}


class CaseList(_Cases, ListResource):
    """Exceptions, the next deadline first."""

    filters = CASE_FILTERS


class _WholeCases(_Cases):
    serializer_class = serializers.CaseRecordSerializer

    def records(self) -> QuerySet[Any]:
        """With notes and steps."""
        return visible.whole_cases_for(self.by)


class CaseRecord(_WholeCases, RecordResource):
    """One exception with playbook, steps and notes."""

    is_whole = False


class CasePayload(_Cases):
    """What everybody who works an exception is given: the subject, its last events, attempts and decision."""

    serializer_class = serializers.PayloadSerializer

    def get(self, request: Request, key: str) -> Response:
        """The standard payload."""
        del request
        return Response(
            self.get_serializer(selectors.payload(by=self.by, key=self.find(key).key, now=clock.now())).data
        )


class CaseActions(_Cases):
    """What can be done with an exception now, and why the rest cannot."""

    serializer_class = serializers.PossibleActionsSerializer

    def get(self, request: Request, key: str) -> Response:
        """Answer for the asker."""
        del request
        case = self.find(key)
        possible = [asdict(one) for one in actions.possible_actions(case, by=self.by)]
        return Response(self.get_serializer({"exception": case.key, "actions": possible}).data)


class CaseAct(_WholeCases, ActResource):
    """An act on one exception; answers with all of it."""


class Acknowledge(CaseAct):
    """Take an exception: from now on it is yours."""

    def act(self, record: Any, given: Mapping[str, Any], *, now: datetime) -> None:
        """Take it."""
        services.acknowledge_case(case_id=record.pk, by=self.by, now=now, seen=self.seen, **given)


class Start(CaseAct):
    """Begin to work on an exception."""

    def act(self, record: Any, given: Mapping[str, Any], *, now: datetime) -> None:
        """Begin."""
        services.start_case(case_id=record.pk, by=self.by, now=now, seen=self.seen, **given)


class Reassign(CaseAct):
    """Give an exception to another owner; its clock keeps running."""

    input_class = serializers.ReassignInput

    def act(self, record: Any, given: Mapping[str, Any], *, now: datetime) -> None:
        """Give it."""
        services.reassign_case(case_id=record.pk, by=self.by, now=now, seen=self.seen, **given)


class ChangeSeverity(CaseAct):
    """Say that an exception is worse, or less bad; its deadline is worked out anew, and what was used of it counts."""

    input_class = serializers.SeverityInput

    def act(self, record: Any, given: Mapping[str, Any], *, now: datetime) -> None:
        """Say it."""
        services.change_severity(case_id=record.pk, by=self.by, now=now, seen=self.seen, **given)


class Escalate(CaseAct):
    """Take the next step of an exception's ladder now, before its time."""

    input_class = ReasonInput

    def act(self, record: Any, given: Mapping[str, Any], *, now: datetime) -> None:
        """Take it."""
        services.escalate_case(case_id=record.pk, by=self.by, now=now, seen=self.seen, **given)


class Rebase(CaseAct):
    """Put an exception on the ladder of the rule book in force."""

    input_class = ReasonInput

    def act(self, record: Any, given: Mapping[str, Any], *, now: datetime) -> None:
        """Put it there."""
        services.rebase_case(case_id=record.pk, by=self.by, now=now, seen=self.seen, **given)


class Note(CaseAct):
    """Write something down for everyone who opens the exception."""

    input_class = serializers.NoteInput
    is_versioned = False

    def act(self, record: Any, given: Mapping[str, Any], *, now: datetime) -> None:
        """Write it."""
        services.note_case(case_id=record.pk, by=self.by, now=now, **given)


class Link(CaseAct):
    """Say that an exception has to do with another one of the same client."""

    input_class = serializers.LinkInput
    is_versioned = False

    def act(self, record: Any, given: Mapping[str, Any], *, now: datetime) -> None:
        """Link them."""
        services.link_cases(case_id=record.pk, by=self.by, now=now, **given)


class Unlink(CaseAct):
    """Take it back that two exceptions have to do with each other."""

    input_class = serializers.LinkInput
    is_versioned = False

    def act(self, record: Any, given: Mapping[str, Any], *, now: datetime) -> None:
        """Unlink them."""
        services.unlink_cases(case_id=record.pk, by=self.by, now=now, **given)


class Wait(CaseAct):
    """Wait for somebody else; the exception comes back by itself."""

    input_class = serializers.WaitInput

    def act(self, record: Any, given: Mapping[str, Any], *, now: datetime) -> None:
        """Wait."""
        services.wait_case(case_id=record.pk, by=self.by, now=now, seen=self.seen, **given)


class Resume(CaseAct):
    """Go on with an exception that was waiting."""

    def act(self, record: Any, given: Mapping[str, Any], *, now: datetime) -> None:
        """Go on."""
        services.resume_case(case_id=record.pk, by=self.by, now=now, seen=self.seen, **given)


class DoStep(CaseAct):
    """Do a step of the playbook, counted from one; each is done once."""

    input_class = serializers.StepInput

    def act(self, record: Any, given: Mapping[str, Any], *, now: datetime) -> None:
        """Do it."""
        step = {name: value for name, value in given.items() if name != "number"}
        services.complete_step(
            case_id=record.pk, index=given["number"] - 1, by=self.by, now=now, seen=self.seen, **step
        )


class Resolve(CaseAct):
    """Say that an exception is solved, and how; its subject goes on."""

    input_class = serializers.ResolveInput

    def act(self, record: Any, given: Mapping[str, Any], *, now: datetime) -> None:
        """Solve it."""
        services.resolve_case(case_id=record.pk, by=self.by, now=now, seen=self.seen, **given)


class Reopen(CaseAct):
    """Say that it was not solved after all."""

    input_class = ReasonInput

    def act(self, record: Any, given: Mapping[str, Any], *, now: datetime) -> None:
        """Open it again."""
        services.reopen_case(case_id=record.pk, by=self.by, now=now, seen=self.seen, **given)


class Close(CaseAct):
    """Put a resolved exception away."""

    tells_who_was_faster = False

    def act(self, record: Any, given: Mapping[str, Any], *, now: datetime) -> None:
        """Put it away."""
        services.close_case(case_id=record.pk, by=self.by, now=now, **given)


class Withdraw(CaseAct):
    """Say that the cause of an exception has gone away."""

    input_class = ReasonInput
    tells_who_was_faster = False

    def act(self, record: Any, given: Mapping[str, Any], *, now: datetime) -> None:
        """Withdraw it."""
        services.withdraw_case(case_id=record.pk, by=self.by, now=now, **given)


class BreakGlass(CaseAct):
    """Open a gate at once for what an exception is about: leads are called, and one of them reviews it within a day."""

    input_class = serializers.BreakGlassInput

    def act(self, record: Any, given: Mapping[str, Any], *, now: datetime) -> None:
        """Open it."""
        asked = dict(given)
        also = cases_also(self.by, asked.pop("also", []))
        services.break_glass(
            subject=SubjectRef(record.subject_type, record.subject_id, record.client_id),
            subject_key=record.subject_key,
            client_id=record.client_id,
            case_id=record.pk,
            also=also,
            by=self.by,
            now=now,
            **asked,
        )


class DocumentFix(_WholeCases, ActResource):
    """Propose what was learned from an exception for a runbook; the runbook's owner accepts it or not."""

    input_class = DocumentFixInput
    is_versioned = False

    def act(self, record: Any, given: Mapping[str, Any], *, now: datetime) -> None:
        """Propose it."""
        services.propose_from_case(case_id=record.pk, **given, by=self.by, now=now)
