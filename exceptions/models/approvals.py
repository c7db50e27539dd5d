"""Whose word opens a gate: approvals as rows, delegates for a while, and questions to clients."""

from datetime import datetime
from typing import ClassVar

import pgtrigger
from django.db import models
from django.db.models import F, Q
from django_fsm import FSMModelMixin, transition

from audit.identifiers import uuid7
from audit.models import Accountable
from audit.models.fields import StateField
from audit.triggers import APPEND_ONLY, StrictTrigger
from exceptions.models.waivers import Waiver
from exceptions.states import ClientAnswer, VoteKind
from rules.models import Client, Owner


class RefuseOwnVote(StrictTrigger):
    """Nobody approves a request of their own, whichever way the row is written."""

    name = "refuse_own_vote"
    level = pgtrigger.Row
    when = pgtrigger.Before
    operation = pgtrigger.Insert

    def get_func(self, model: models.Model) -> str:
        """Who asked is read from the request itself."""
        del model
        return """
            IF EXISTS (SELECT 1 FROM exceptions_waiver w WHERE w.id = NEW.waiver_id AND w.requested_by = NEW.voter) THEN
                RAISE EXCEPTION '% asked for it and cannot approve it', NEW.voter USING ERRCODE = 'HR005';
            END IF;
            RETURN NEW;
        """


class WaiverVote(models.Model):
    """One approval of exactly what was read: the request's content and the state of what it is about. Only ever added to.

    `minutes` and `scope` are what this approver allows; in the end the least of all counts.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    waiver = models.ForeignKey(Waiver, on_delete=models.PROTECT, related_name="votes")
    kind = models.CharField(max_length=10, choices=VoteKind, default=VoteKind.PERSON)
    at = models.DateTimeField()
    voter = models.CharField(max_length=160)
    voter_name = models.CharField(max_length=160)
    behalf = models.ForeignKey(
        Owner, on_delete=models.PROTECT, null=True, related_name="+", help_text="The approver they stand in for"
    )
    content_hash = models.CharField(max_length=64)
    base_hash = models.CharField(max_length=64, blank=True)
    minutes = models.PositiveIntegerField()
    scope = models.JSONField(default=list)
    comment = models.TextField(blank=True)

    class Meta:
        triggers: ClassVar = [*APPEND_ONLY, RefuseOwnVote()]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["waiver", "content_hash", "base_hash", "voter"], name="waivervote_one_per_person_and_content"
            ),
            models.UniqueConstraint(
                fields=["waiver", "content_hash", "base_hash", "behalf"],
                condition=Q(behalf__isnull=False),
                name="waivervote_one_per_authority_and_content",
            ),
            models.CheckConstraint(condition=Q(kind__in=VoteKind.values), name="waivervote_kind_is_known"),
            models.CheckConstraint(condition=Q(minutes__gte=1), name="waivervote_allows_some_time"),
        ]

    def __str__(self) -> str:
        return f"{self.voter_name} approved {self.waiver_id}"


class Delegation(Accountable):
    """An approver lets somebody decide for a while, about everything or about one client; never about requests of their own."""

    delegator = models.ForeignKey(Owner, on_delete=models.PROTECT, related_name="delegations_given")
    delegate = models.ForeignKey(Owner, on_delete=models.PROTECT, related_name="delegations_taken")
    client = models.ForeignKey(Client, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    reason = models.CharField(max_length=280)
    is_active = models.BooleanField(default=True)

    class Meta(Accountable.Meta):
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(condition=Q(ends_at__gt=F("starts_at")), name="delegation_ends_after_it_starts"),
            models.CheckConstraint(condition=~Q(delegate=F("delegator")), name="delegation_is_to_somebody_else"),
            models.CheckConstraint(condition=~Q(reason=""), name="delegation_says_why"),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["delegate", "ends_at"], condition=Q(is_active=True), name="delegation_of_delegate"),
        ]

    def __str__(self) -> str:
        return f"{self.delegate} decides for {self.delegator}"


class ClientQuestion(FSMModelMixin, Accountable):
    """A question to the client's own people, answered once through a signed link. The link is not kept, only that it was made.

    It is about exactly what the hashes say: what is asked, and what it stands on.
    """

    client = models.ForeignKey(Client, on_delete=models.PROTECT, related_name="+")
    state = StateField(choices=ClientAnswer, default=ClientAnswer.SENT)
    contact = models.CharField(max_length=120, help_text="Who at the client is asked")
    content_hash = models.CharField(max_length=64)
    base_hash = models.CharField(max_length=64, blank=True)
    sent_at = models.DateTimeField()
    sent_by = models.CharField(max_length=160)
    sent_by_name = models.CharField(max_length=160)
    expires_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    answered_name = models.CharField(max_length=120, blank=True)
    comment = models.TextField(blank=True)

    class Meta(Accountable.Meta):
        abstract = True
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(condition=Q(state__in=ClientAnswer.values), name="%(class)s_state_is_known"),
            models.CheckConstraint(condition=Q(expires_at__gt=F("sent_at")), name="%(class)s_can_be_answered"),
            models.CheckConstraint(
                condition=Q(state=ClientAnswer.SENT, ended_at__isnull=True)
                | ~Q(state=ClientAnswer.SENT) & Q(ended_at__isnull=False),
                name="%(class)s_ends_once",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=[ClientAnswer.AGREED, ClientAnswer.DECLINED]) | ~Q(answered_name=""),
                name="%(class)s_answer_has_a_name",
            ),
            models.CheckConstraint(
                condition=~Q(state=ClientAnswer.DECLINED) | ~Q(comment=""), name="%(class)s_no_says_why"
            ),
        ]

    @transition("state", source=ClientAnswer.SENT, target=ClientAnswer.AGREED)
    def agree(self, *, name: str, comment: str, at: datetime) -> None:
        """The client's people said yes."""
        self.answered_name, self.comment, self.ended_at = name, comment, at

    @transition("state", source=ClientAnswer.SENT, target=ClientAnswer.DECLINED)
    def decline(self, *, name: str, comment: str, at: datetime) -> None:
        """They said no, and why."""
        self.answered_name, self.comment, self.ended_at = name, comment, at

    @transition("state", source=ClientAnswer.SENT, target=ClientAnswer.REVOKED)
    def revoke(self, *, at: datetime) -> None:
        """The link opens nothing any more."""
        self.ended_at = at

    @transition("state", source=ClientAnswer.SENT, target=ClientAnswer.LAPSED)
    def lapse(self, *, at: datetime) -> None:
        """Nobody answered in time."""
        self.ended_at = at


class ClientApproval(ClientQuestion):
    """What the client's own people say about a time-limited exception."""

    waiver = models.ForeignKey(Waiver, on_delete=models.PROTECT, related_name="client_approvals")

    class Meta(ClientQuestion.Meta):
        constraints: ClassVar[list[models.BaseConstraint]] = [
            *ClientQuestion.Meta.constraints,
            models.UniqueConstraint(
                fields=["waiver"], condition=Q(state=ClientAnswer.SENT), name="clientapproval_one_open_per_waiver"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.contact} asked about {self.waiver_id}"
