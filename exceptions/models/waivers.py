"""Permission to pass one gate, for one subject or several of a client, until a moment."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import ClassVar

import pgtrigger
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import ExpressionWrapper, F, Func, Q, Value
from django.utils.translation import gettext as _
from django_fsm import FSMModelMixin, transition

from audit.models import Accountable, AccountableQuerySet
from audit.models.fields import StateField
from audit.triggers import StrictTrigger
from audit.words import said
from exceptions.models.cases import ExceptionCase
from exceptions.states import WAIVER_ASKED, WAIVER_LIVE, ReviewVerdict, WaiverKind, WaiverReason, WaiverState
from rules.models import Client, Owner
from rules.states import GateRisk

KEY_PREFIX = "TLX-"
ANSWER_WITHIN = timedelta(hours=72)


class NextNumber(Func):
    """The next value of the sequence of keys."""

    template = "nextval('exceptions_waiver_number')"
    output_field = models.BigIntegerField()


class RequireApprovals(StrictTrigger):
    """What was asked for is approved only with as many approvals of exactly this content as its gate asked for, and never lengthened."""

    name = "require_approvals"
    level = pgtrigger.Row
    when = pgtrigger.Before
    operation = pgtrigger.Update

    def get_func(self, model: models.Model) -> str:
        """Approvals are counted by person; an emergency has none and is reviewed afterwards."""
        del model
        return """
            IF NEW.kind IS DISTINCT FROM OLD.kind THEN
                RAISE EXCEPTION '% %: what was asked for does not become an emergency', TG_TABLE_NAME, OLD.id USING ERRCODE = 'HR005';
            END IF;
            IF NEW.expires_at > OLD.expires_at OR NEW.starts_at < OLD.starts_at THEN
                RAISE EXCEPTION '% %: what was allowed only ever becomes shorter', TG_TABLE_NAME, OLD.id USING ERRCODE = 'HR005';
            END IF;
            IF NEW.state = 'approved' AND OLD.state <> 'approved' AND NEW.kind = 'asked' AND (
                (SELECT count(DISTINCT v.voter) FROM exceptions_waivervote v WHERE v.waiver_id = NEW.id AND v.kind = 'person'
                    AND v.content_hash = NEW.content_hash AND v.base_hash = NEW.base_hash) < NEW.approvals_needed
                OR NEW.client_agrees AND NOT EXISTS (
                    SELECT 1 FROM exceptions_waivervote v WHERE v.waiver_id = NEW.id AND v.kind = 'client'
                    AND v.content_hash = NEW.content_hash AND v.base_hash = NEW.base_hash)
            ) THEN
                RAISE EXCEPTION '% %: not enough approvals', TG_TABLE_NAME, OLD.id USING ERRCODE = 'HR005';
            END IF;
            RETURN NEW;
        """


class WaiverQuerySet(AccountableQuerySet["Waiver"]):
    """Reads everybody shares."""

    def in_force(self, now: datetime) -> "WaiverQuerySet":
        """Those whose window `now` lies in: the one definition, which needs no job to have run."""
        return self.filter(state=WaiverState.APPROVED, starts_at__lte=now, expires_at__gt=now)

    def letting_through(self, subject_type: str, ids: Collection[str]) -> "WaiverQuerySet":
        """Those that were allowed for any of these subjects, alone or among others; each side of the OR has its index."""
        alone, among = Q(subject_id__in=ids, others={}), Q(passing__has_any_keys=list(ids))
        return self.filter(alone | among, subject_type=subject_type)


class Waiver(FSMModelMixin, Accountable):
    """A time-limited exception. Two clocks: until when somebody has to answer, and for how long it holds once approved."""

    number = models.BigIntegerField(unique=True, db_default=NextNumber(), editable=False)
    gate = models.SlugField()
    subject_type = models.CharField(max_length=80)
    subject_id = models.CharField(max_length=80)
    subject_key = models.CharField(max_length=120)
    client = models.ForeignKey(Client, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    case = models.ForeignKey(ExceptionCase, on_delete=models.PROTECT, null=True, blank=True, related_name="waivers")
    extends = models.ForeignKey(
        "self",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="extensions",
        help_text="What it goes on with, from where that ends.",
    )
    kind = models.CharField(max_length=10, choices=WaiverKind, default=WaiverKind.ASKED)
    state = StateField(choices=WaiverState.choices, default=WaiverState.REQUESTED)
    others = models.JSONField(
        default=dict, editable=False, help_text="Further subjects of this kind and client it is asked for: key by id"
    )
    passing = models.JSONField(
        default=list, editable=False, help_text="Of several subjects the ids of those it was allowed for"
    )
    bases = models.JSONField(
        default=dict, editable=False, help_text="Of several subjects what each was like when it was allowed: base by id"
    )
    scope = models.JSONField(
        default=list,
        help_text="What of the subject it is asked for, empty for all of it; of several the keys of all of them",
    )
    granted_scope = models.JSONField(default=list, help_text="What of it was allowed; empty for all that was asked")
    approvals_needed = models.PositiveSmallIntegerField(default=1, help_text="As the gate said when it was asked for")
    client_agrees = models.BooleanField(default=False, help_text="Whether the client has to agree too")
    longest_minutes = models.PositiveIntegerField(default=1_000_000, help_text="As the gate said when it was asked for")
    risk = models.CharField(max_length=10, choices=GateRisk, default=GateRisk.MEDIUM)
    base_hash = models.CharField(
        max_length=64,
        blank=True,
        help_text="What the subject was like when it was asked for, and then when it was allowed",
    )
    begin_at = models.DateTimeField(null=True, blank=True, help_text="Not before then, whenever it is approved")
    end_by = models.DateTimeField(null=True, blank=True, help_text="Never beyond then, whenever it is approved")
    reason_code = models.CharField(max_length=12, choices=WaiverReason, blank=True)
    reason = models.TextField()
    plan = models.TextField(help_text="What will be done until it ends.")
    plan_url = models.CharField(max_length=500, blank=True, help_text="Where that can be followed: a task, an order.")
    evidence = models.JSONField(
        default=list,
        db_default=[],
        help_text="Which files of its exception show that it should be allowed: their numbers",
    )
    owner = models.ForeignKey(Owner, on_delete=models.PROTECT, related_name="waivers")
    requested_at = models.DateTimeField()
    requested_by = models.CharField(max_length=160)
    requested_by_name = models.CharField(max_length=160)
    answer_by = models.DateTimeField()
    effective_minutes = models.PositiveIntegerField(help_text="How long it holds, from where it begins.")
    content_version = models.PositiveIntegerField(default=1)
    content_hash = models.CharField(max_length=64)
    decided_at = models.DateTimeField(null=True)
    decided_by = models.CharField(max_length=160, blank=True)
    decided_by_name = models.CharField(max_length=160, blank=True)
    comment = models.TextField(blank=True)
    question = models.TextField(blank=True, help_text="What an approver wants to know before deciding")
    question_at = models.DateTimeField(null=True)
    question_by = models.CharField(max_length=160, blank=True)
    question_by_name = models.CharField(max_length=160, blank=True)
    answer = models.TextField(blank=True)
    starts_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    end_reason = models.CharField(max_length=280, blank=True)
    review_due_at = models.DateTimeField(null=True, help_text="By when somebody else looks at an emergency")
    reviewed_at = models.DateTimeField(null=True)
    reviewed_by = models.CharField(max_length=160, blank=True)
    reviewed_by_name = models.CharField(max_length=160, blank=True)
    review_verdict = models.CharField(max_length=12, choices=ReviewVerdict, blank=True)
    review_comment = models.TextField(blank=True)

    objects: ClassVar = WaiverQuerySet.as_manager()

    class Meta(Accountable.Meta):
        triggers: ClassVar = [*Accountable.Meta.triggers, RequireApprovals()]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["gate", "subject_type", "subject_id"],
                condition=Q(state__in=WAIVER_ASKED),
                name="waiver_one_open_request_per_gate_and_subject",
            ),
            models.CheckConstraint(condition=Q(state__in=WaiverState.values), name="waiver_state_is_known"),
            models.CheckConstraint(
                condition=Q(decided_by="") | ~Q(decided_by=F("requested_by")), name="waiver_is_decided_by_somebody_else"
            ),
            models.CheckConstraint(
                condition=~Q(state=WaiverState.APPROVED)
                | Q(starts_at__isnull=False, expires_at__isnull=False, expires_at__gt=F("starts_at"))
                & (Q(kind=WaiverKind.EMERGENCY) | Q(decided_at__isnull=False) & ~Q(decided_by="")),
                name="waiver_approved_has_a_window_and_an_approver",
            ),
            models.CheckConstraint(condition=Q(answer_by__gt=F("requested_at")), name="waiver_can_be_answered"),
            models.CheckConstraint(
                condition=~Q(state=WaiverState.RETURNED)
                | ~Q(question="")
                & Q(question_at__isnull=False)
                & ~Q(question_by="")
                & ~Q(question_by=F("requested_by")),
                name="waiver_is_sent_back_with_a_question_of_somebody_else",
            ),
            models.CheckConstraint(condition=Q(effective_minutes__gte=1), name="waiver_holds_for_some_time"),
            models.CheckConstraint(
                condition=Q(effective_minutes__lte=F("longest_minutes")),
                name="waiver_holds_no_longer_than_its_gate_allows",
            ),
            models.CheckConstraint(
                condition=Q(expires_at__isnull=True)
                | Q(
                    expires_at__lte=ExpressionWrapper(
                        F("starts_at") + F("effective_minutes") * Value(timedelta(minutes=1)),
                        output_field=models.DateTimeField(),
                    )
                ),
                name="waiver_holds_no_longer_than_was_asked",
            ),
            models.CheckConstraint(
                condition=(Q(begin_at=None) | Q(starts_at=None) | Q(starts_at__gte=F("begin_at")))
                & (Q(end_by=None) | Q(expires_at=None) | Q(expires_at__lte=F("end_by"))),
                name="waiver_holds_only_when_it_was_asked_for",
            ),
            models.CheckConstraint(condition=Q(approvals_needed__in=[1, 2]), name="waiver_needs_one_or_two_approvals"),
            models.CheckConstraint(condition=Q(kind__in=WaiverKind.values), name="waiver_kind_is_known"),
            models.CheckConstraint(
                condition=Q(kind=WaiverKind.ASKED, review_due_at__isnull=True)
                | Q(kind=WaiverKind.EMERGENCY, review_due_at__isnull=False, decided_by=""),
                name="waiver_emergency_is_reviewed_afterwards",
            ),
            models.CheckConstraint(
                condition=Q(reviewed_at__isnull=True, reviewed_by="", review_verdict="")
                | Q(reviewed_at__isnull=False, review_verdict__in=ReviewVerdict.values)
                & ~Q(reviewed_by="")
                & ~Q(reviewed_by=F("requested_by"))
                & ~Q(review_comment=""),
                name="waiver_is_reviewed_by_somebody_else",
            ),
            models.CheckConstraint(
                condition=Q(others={}, passing=[]) | ~Q(others={}) & (~Q(state=WaiverState.APPROVED) | ~Q(passing=[])),
                name="waiver_of_several_says_what_passes",
            ),
            models.CheckConstraint(condition=~Q(reason="") & ~Q(plan=""), name="waiver_says_why_and_what_then"),
            models.CheckConstraint(
                condition=Q(state__in=WAIVER_LIVE, ended_at__isnull=True)
                | ~Q(state__in=WAIVER_LIVE) & Q(ended_at__isnull=False) & ~Q(end_reason=""),
                name="waiver_ends_once_with_a_reason",
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(
                fields=["gate", "subject_type", "subject_id", "expires_at"],
                condition=Q(state=WaiverState.APPROVED),
                name="waiver_approved_of_subject",
            ),
            models.Index(fields=["answer_by", "id"], condition=Q(state=WaiverState.REQUESTED), name="waiver_to_decide"),
            models.Index(fields=["client", "-requested_at", "-id"], name="waiver_of_client_by_time"),
            GinIndex(fields=["passing"], condition=Q(state=WaiverState.APPROVED), name="waiver_approved_of_several"),
            GinIndex(fields=["others"], condition=Q(state__in=WAIVER_LIVE), name="waiver_live_of_several"),
        ]

    def __str__(self) -> str:
        return f"{self.key} for {self.subject_words}"

    @property
    def key(self) -> str:
        """What people call it."""
        return f"{KEY_PREFIX}{self.number}"

    @property
    def subject_keys(self) -> dict[str, str]:
        """What it is asked for: the key people know, by id."""
        return {self.subject_id: self.subject_key, **self.others}

    @property
    def subject_words(self) -> str:
        """What it is asked for, in a few words for what is kept: in English, whoever acts."""
        more = {"key": self.subject_key, "count": len(self.others)}
        return said("%(key)s and %(count)d more", **more) if self.others else self.subject_key

    @property
    def subject_shown(self) -> str:
        """As `subject_words`, for the reader of a page."""
        more = {"key": self.subject_key, "count": len(self.others)}
        return _("%(key)s and %(count)d more") % more if self.others else self.subject_key

    @property
    def allowed_ids(self) -> list[str]:
        """The ids of what it lets through while it is in force."""
        return self.passing if self.others else [self.subject_id]

    @property
    def all_keys(self) -> list[str]:
        """The keys of all it is asked for, the first subject first."""
        return [self.subject_key, *sorted(self.others.values())]

    @property
    def allowed_keys(self) -> list[str]:
        """The keys of those it was approved for; none before."""
        return sorted(self.subject_keys[one] for one in self.allowed_ids) if self.starts_at else []

    @property
    def allowed_parts(self) -> list[str]:
        """What of a subject it lets through; empty for all of it. Of several each passes as a whole."""
        return [] if self.others else self.granted_scope

    def base_of(self, subject_id: str) -> str:
        """What this one was like when it was allowed; empty where nobody could say."""
        return str(self.bases.get(subject_id, "")) if self.others else self.base_hash

    @property
    def answer_due_at(self) -> datetime | None:
        """By when who asked has to answer the question; None while there is none."""
        asked = self.state == WaiverState.RETURNED and self.question_at
        return self.question_at + ANSWER_WITHIN if asked and self.question_at else None

    def is_in_force(self, now: datetime) -> bool:
        """The same comparison as `WaiverQuerySet.in_force`, for display."""
        return bool(
            self.state == WaiverState.APPROVED
            and self.starts_at
            and self.expires_at
            and self.starts_at <= now < self.expires_at
        )

    @transition("state", source=WaiverState.REQUESTED, target=WaiverState.APPROVED)
    def approve(self, *, by: str, name: str, at: datetime, starts_at: datetime, expires_at: datetime) -> None:
        """From then, and until then."""
        self._decided(by, name, at)
        self.starts_at, self.expires_at = starts_at, expires_at

    @transition("state", source=WaiverState.REQUESTED, target=WaiverState.APPROVED)
    def break_glass(self, *, starts_at: datetime, expires_at: datetime) -> None:
        """At once, on the word of who asks; somebody else looks at it afterwards."""
        self.starts_at, self.expires_at = starts_at, expires_at

    @transition("state", source=WaiverState.REQUESTED, target=WaiverState.REJECTED)
    def reject(self, *, by: str, name: str, at: datetime, comment: str) -> None:
        """No, and why."""
        self._decided(by, name, at)
        self.comment = comment
        self._ended(at, comment)

    @transition("state", source=WaiverState.REQUESTED, target=WaiverState.RETURNED)
    def send_back(self, *, by: str, name: str, at: datetime, question: str) -> None:
        """Not yet: who asked has to say more. The time to decide stands still."""
        self.question_by, self.question_by_name, self.question_at = by, name, at
        self.question, self.answer = question, ""

    @transition("state", source=WaiverState.RETURNED, target=WaiverState.REQUESTED)
    def take_up(self, *, at: datetime, answer: str) -> None:
        """The question is answered; the time to decide goes on where it stood."""
        assert self.question_at is not None  # noqa: S101 -- the database says so
        self.answer, self.answer_by = answer, at + (self.answer_by - self.question_at)

    @transition("state", source=[WaiverState.REQUESTED, WaiverState.RETURNED], target=WaiverState.WITHDRAWN)
    def withdraw(self, *, at: datetime, reason: str) -> None:
        """The requester no longer wants it."""
        self._ended(at, reason)

    @transition("state", source=WaiverState.REQUESTED, target=WaiverState.LAPSED)
    def lapse(self, *, at: datetime) -> None:
        """Nobody answered in time."""
        self._ended(at, "Nobody decided in time.")

    @transition("state", source=WaiverState.RETURNED, target=WaiverState.LAPSED)
    def give_up(self, *, at: datetime) -> None:
        """Who asked did not answer the question."""
        self._ended(at, "The question was not answered in time.")

    @transition("state", source=WaiverState.APPROVED, target=WaiverState.LAPSED)
    def outdate(self, *, at: datetime) -> None:
        """What it was allowed for is no longer the same."""
        self._ended(at, "What it was allowed for has changed since.")

    @transition("state", source=WaiverState.APPROVED, target=WaiverState.EXPIRED)
    def expire(self, *, at: datetime) -> None:
        """Its window is over; this only writes down what the clock already decided."""
        self._ended(at, "Its time was over.")

    @transition("state", source=WaiverState.APPROVED, target=WaiverState.REVOKED)
    def revoke(self, *, at: datetime, reason: str) -> None:
        """Taken back before its end."""
        self._ended(at, reason)

    def _decided(self, by: str, name: str, at: datetime) -> None:
        self.decided_by, self.decided_by_name, self.decided_at = by, name, at

    def _ended(self, at: datetime, reason: str) -> None:
        self.ended_at, self.end_reason = at, reason[:280]  # the whole of it is in the comment and the trail
