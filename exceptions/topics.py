"""What people are told, in the words they choose by: several events of the trail are one topic."""

from collections.abc import Mapping
from typing import Any, Final

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from exceptions.states import Channel, Mailing


class Topic(models.TextChoices):
    """One kind of thing somebody is told, in the order of the page on which it is chosen."""

    ASSIGNED = "assigned", gettext_noop("Given to me, or I am the backup")
    NOT_ACKNOWLEDGED = "not_acknowledged", gettext_noop("Nobody took it in time")
    DUE_SOON = "due_soon", gettext_noop("Due soon")
    LATE = "late", gettext_noop("Late, or the ladder calls me")
    ESCALATED = "escalated", gettext_noop("Escalated")
    MENTIONED = "mentioned", gettext_noop("Somebody mentions me")
    WATCHED = "watched", gettext_noop("Something happens to what I watch")
    APPROVAL_ASKED = "approval_asked", gettext_noop("Approval asked of me")
    APPROVAL_DECIDED = "approval_decided", gettext_noop("Approval decided, or sent back")
    APPROVAL_LAPSING = "approval_lapsing", gettext_noop("Approval lapsed, or about to end")
    APPROVAL_ENDED = "approval_ended", gettext_noop("Approval ended")
    BREAK_GLASS = "break_glass", gettext_noop("Break-glass")
    JOB_DONE = "job_done", gettext_noop("My job is done")
    LEARNING = "learning", gettext_noop("Postmortems and runbooks")
    STANDING_IN = "standing_in", gettext_noop("Who answers for what, and who stands in")


EVENTS: Final[Mapping[Topic, tuple[str, ...]]] = {
    Topic.ASSIGNED: (
        *("case.opened", "case.reassigned", "case.owner_away", "case.taken_back", "case.given_back"),
        *("case.fell_back", "case.rerouted", "case.wait_over", "case.woken", "order.owner_gone", "order.fell_back"),
    ),
    Topic.NOT_ACKNOWLEDGED: ("case.not_acknowledged", "check.passed_on"),
    Topic.DUE_SOON: ("case.at_risk", "fulfilment.at_risk"),
    Topic.LATE: ("case.breached", "case.paged"),
    Topic.ESCALATED: (
        *(
            "case.escalated",
            "case.escalation_told",
            "case.escalated_now",
            "case.severity_raised",
            "case.went_quiet",
            "case.overrun",
        ),
    ),
    Topic.MENTIONED: ("case.mentioned",),
    Topic.WATCHED: ("case.news", "waiver.news"),
    Topic.APPROVAL_ASKED: (
        *("waiver.requested", "waiver.undecided", "waiver.answered", "waiver.edited", "case.cancel_asked"),
        "asset.submitted",
    ),
    Topic.APPROVAL_DECIDED: (
        *(
            "waiver.approved",
            "waiver.begun",
            "waiver.rejected",
            "waiver.sent_back",
            "waiver.reviewed",
            "client_approval.agreed",
        ),
        "asset.sent_back",
    ),
    Topic.APPROVAL_LAPSING: ("waiver.lapsed", "waiver.ends_soon", "client_approval.lapsed"),
    Topic.APPROVAL_ENDED: ("waiver.expired", "waiver.revoked", "waiver.outdated", "waiver.shortened"),
    Topic.BREAK_GLASS: ("waiver.glass_broken", "waiver.rolled_back", "waiver.review_overdue"),
    Topic.JOB_DONE: ("job.ended",),
    Topic.LEARNING: ("postmortem.drafted", "postmortem.action", "runbook.proposed", "runbook.decided"),
    Topic.STANDING_IN: (
        *("absence.entered", "absence.ended", "delegation.begun", "ownership.named", "ownership.lent"),
    ),
}
TOPIC_OF: Final[Mapping[str, Topic]] = {event: topic for topic, events in EVENTS.items() for event in events}

# What nobody can switch off, and who says so.
LOCKED: Final[Mapping[Topic, Any]] = {
    Topic.LATE: _(
        "At once, through every channel, also in quiet hours. Paging for what is late, P1 or not, is set by ops."
    ),
    Topic.BREAK_GLASS: _("At once, through every channel, also in quiet hours: it is P1. This is set by ops."),
}
CHOOSABLE: Final = tuple(topic for topic in Topic if topic not in LOCKED)

PAGER_WISHES: Final = (Mailing.NOW.value, Mailing.NEVER.value)
WISHES_BY_CHANNEL: Final[Mapping[str, tuple[str, ...]]] = {
    Channel.EMAIL.value: tuple(Mailing.values),
    Channel.CHAT.value: tuple(Mailing.values),
    Channel.PAGER.value: PAGER_WISHES,
}
