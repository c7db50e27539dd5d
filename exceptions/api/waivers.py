"""Time-limited exceptions: asked for, decided by somebody else, in force by the clock."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from django.db.models import Q, QuerySet

from audit import filtering
from audit.errors import FieldError, Invalid, NotFound
from audit.filtering import Filter, FilterSet, Question, UnknownValueError
from audit.rest.expanding import related
from audit.rest.parsing import ReasonInput
from audit.rest.views import ActResource, CreateMixin, ListResource, RecordResource, Resource
from audit.subject_refs import SubjectRef
from audit.words import said
from exceptions import serializers, services
from exceptions.api.cases import CaseList, cases_also, number_in
from exceptions.selectors import visible
from exceptions.selectors.waiver_uses import uses_of
from exceptions.states import WaiverState
from rules import selectors as rules
from rules.api import ClientList, OwnerList
from rules.selectors import registry

KEY: Final = re.compile(r"^TLX-(\d{1,15})$")


def _in_force(value: str, question: Question) -> Q:
    if value not in {"true", "false"}:
        raise UnknownValueError(f"In force is true or false, not “{value}”.")
    window = Q(state=WaiverState.APPROVED, starts_at__lte=question.now, expires_at__gt=question.now)
    return window if value == "true" else ~window


class _Waivers(Resource):
    permission = "exceptions.view_case"
    noun = "time-limited exception"
    serializer_class = serializers.WaiverSerializer
    expands = related(client=ClientList, owner=OwnerList, exception=CaseList)

    def records(self) -> QuerySet[Any]:
        """Of the asker's clients."""
        return visible.waivers_for(self.by)

    def lookup(self, key: Any) -> Mapping[str, Any]:
        """By the number in the key."""
        found = KEY.match(key)
        if found is None:
            raise NotFound(said("There is no time-limited exception %(key)s, or it is not yours to see.", key=key[:40]))
        return {"number": int(found[1])}


class WaiverList(_Waivers, CreateMixin, ListResource):
    """Time-limited exceptions, the newest request first; asking makes one that somebody else decides about."""

    filters = FilterSet(
        filters=(
            filtering.search("subject_key", "reason"),
            filtering.choice("state", "state", WaiverState.values),
            filtering.record_kind("gate", "gate", registry.gates),
            filtering.record_of("client", "client", rules.clients_of),
            filtering.record_of("owner", "owner", registry.owners_for),
            filtering.exact("subject", "subject_key"),
            Filter("in_force", "In force", _in_force, "true or false", ("true", "false")),
            filtering.moment("answer_by", "answer_by", ahead=True),
            filtering.moment("ends", "expires_at", ahead=True),
        ),
        sorts={
            "-requested": ("-requested_at", "-pk"),
            "requested": ("requested_at", "pk"),
            "answer_by": ("answer_by", "pk"),
        },
    )
    input_class = serializers.WaiverInput

    def create(self, given: Mapping[str, Any], *, now: datetime) -> Any:
        """Ask, for the subject of an exception."""
        asked = dict(given)
        key, also = asked.pop("exception"), asked.pop("also", [])
        case = visible.cases_for(self.by).filter(number=number_in(key)).first()
        if case is None or case.client_id is None:
            detail = said("There is no exception %(key)s of a client, or it is not yours to see.", key=key)
            raise Invalid(detail, errors=[FieldError("/exception", "unknown", detail)])
        asked.setdefault("gate", case.gate)
        return services.request_waiver(
            subject=SubjectRef(case.subject_type, case.subject_id, case.client_id),
            subject_key=case.subject_key,
            client_id=case.client_id,
            case_id=case.pk,
            also=cases_also(self.by, also),
            by=self.by,
            now=now,
            **asked,
        )


class WaiverRecord(_Waivers, RecordResource):
    """One time-limited exception."""


class WaiverImpact(_Waivers, RecordResource):
    """What one lets through now, or would let through if it were approved now."""

    serializer_class = serializers.ImpactSerializer  # type: ignore[assignment]  # shown instead of the record
    expands = related()
    is_whole = False

    def find(self, key: Any) -> Any:
        """Looked up at this moment. Raises `NotFound` also where nobody can say."""
        impact = services.impact_now(super().find(key))
        if impact is None:
            raise NotFound(said("Nobody can say what %(key)s lets through.", key=key))
        return impact


class WaiverUses(_Waivers, RecordResource):
    """What one has let through so far: how many things, and the first 200 of them in turn."""

    serializer_class = serializers.UsesSerializer  # type: ignore[assignment]  # shown instead of the record
    expands = related()
    is_whole = False

    def find(self, key: Any) -> Any:
        """Looked up at this moment."""
        return uses_of(super().find(key))


class _WaiverAct(_Waivers, ActResource):
    tells_who_was_faster = False


class Approve(_WaiverAct):
    """Let the subject pass from now on; never one's own request."""

    input_class = serializers.ApproveInput

    def act(self, record: Any, given: Mapping[str, Any], *, now: datetime) -> None:
        """Approve what was looked at."""
        allowed = dict(given)
        seen_base = allowed.pop("base_hash", None)
        services.approve_waiver(
            waiver_id=record.pk,
            by=self.by,
            now=now,
            seen_hash=record.content_hash,
            seen_base=seen_base,
            **allowed,
        )


class Extend(_WaiverAct):
    """Ask that what is in force holds for longer: a request of its own (see `extensions`), which somebody else decides about."""

    input_class = serializers.ExtendInput

    def act(self, record: Any, given: Mapping[str, Any], *, now: datetime) -> None:
        """Ask for it."""
        services.extend_waiver(waiver_id=record.pk, by=self.by, now=now, **given)


class Reject(_WaiverAct):
    """Say no, and why."""

    input_class = serializers.CommentInput

    def act(self, record: Any, given: Mapping[str, Any], *, now: datetime) -> None:
        """Deny what was looked at."""
        services.reject_waiver(waiver_id=record.pk, by=self.by, now=now, seen_hash=record.content_hash, **given)


class AskForMore(_WaiverAct):
    """Send it back with a question; the time to decide stands still until it is answered."""

    input_class = serializers.QuestionInput

    def act(self, record: Any, given: Mapping[str, Any], *, now: datetime) -> None:
        """Ask about what was looked at."""
        services.ask_for_more(waiver_id=record.pk, by=self.by, now=now, seen_hash=record.content_hash, **given)


class AnswerQuestion(_WaiverAct):
    """Answer what an approver wants to know about one's own request."""

    input_class = serializers.AnswerInput

    def act(self, record: Any, given: Mapping[str, Any], *, now: datetime) -> None:
        """Answer."""
        services.answer_question(waiver_id=record.pk, by=self.by, now=now, **given)


class WithdrawRequest(_WaiverAct):
    """Take one's own request back."""

    input_class = ReasonInput

    def act(self, record: Any, given: Mapping[str, Any], *, now: datetime) -> None:
        """Take it back."""
        services.withdraw_waiver(waiver_id=record.pk, by=self.by, now=now, **given)


class Revoke(_WaiverAct):
    """End one before its time; the gate is closed from this moment."""

    input_class = ReasonInput

    def act(self, record: Any, given: Mapping[str, Any], *, now: datetime) -> None:
        """End it."""
        services.revoke_waiver(waiver_id=record.pk, by=self.by, now=now, **given)


class Shorten(_WaiverAct):
    """Let one end earlier than it was allowed to; never later."""

    input_class = serializers.ShortenInput

    def act(self, record: Any, given: Mapping[str, Any], *, now: datetime) -> None:
        """Move its end."""
        services.shorten_waiver(waiver_id=record.pk, by=self.by, now=now, **given)


class Watch(_WaiverAct):
    """Be told what happens to one."""

    is_versioned = False

    def act(self, record: Any, given: Mapping[str, Any], *, now: datetime) -> None:
        """Watch it."""
        services.watch_waiver(waiver_id=record.pk, by=self.by, now=now, **given)


class Unwatch(_WaiverAct):
    """Be told no more of one that is not yours."""

    is_versioned = False

    def act(self, record: Any, given: Mapping[str, Any], *, now: datetime) -> None:
        """Watch it no more."""
        services.unwatch_waiver(waiver_id=record.pk, by=self.by, now=now, **given)


class Edit(_WaiverAct):
    """Change one's own request; what was approved of it is void."""

    input_class = serializers.EditInput

    def act(self, record: Any, given: Mapping[str, Any], *, now: datetime) -> None:
        """Ask for something else."""
        asked = dict(given)
        also = cases_also(self.by, asked.pop("also", []))
        services.edit_waiver(waiver_id=record.pk, also=also, by=self.by, now=now, **asked)


class RollBack(_WaiverAct):
    """End a break-glass and call back what has not left the house."""

    input_class = ReasonInput

    def act(self, record: Any, given: Mapping[str, Any], *, now: datetime) -> None:
        """Take it back."""
        services.roll_back(waiver_id=record.pk, by=self.by, now=now, **given)


class Review(_WaiverAct):
    """Say afterwards whether a break-glass was an emergency; never who broke the glass."""

    input_class = serializers.ReviewInput

    def act(self, record: Any, given: Mapping[str, Any], *, now: datetime) -> None:
        """Keep the review."""
        services.review_emergency(waiver_id=record.pk, by=self.by, now=now, **given)
