"""The states of what can go wrong, importable by anything."""

from django.db import models
from django.utils.translation import gettext_noop as _


class CaseState(models.TextChoices):
    """Where an exception stands."""

    OPEN = "open", _("New")
    ACKNOWLEDGED = "acknowledged", _("Taken")
    IN_PROGRESS = "in_progress", _("Working")
    WAITING = "waiting", _("Waiting")
    RESOLVED = "resolved", _("Resolved")
    CLOSED = "closed", _("Closed")
    WITHDRAWN = "withdrawn", _("Withdrawn")


CASE_LIVE = (CaseState.OPEN, CaseState.ACKNOWLEDGED, CaseState.IN_PROGRESS, CaseState.WAITING)
CASE_DONE = (CaseState.RESOLVED, CaseState.CLOSED)


class RootCause(models.TextChoices):
    """What lay behind an exception, said when it is resolved."""

    DATA = "data", _("Wrong or missing data")
    RULE = "rule", _("A rule of ours")
    SYSTEM = "system", _("A system or an integration")
    STOCK = "stock", _("Stock that was not there")
    VENDOR = "vendor", _("A vendor")
    CARRIER = "carrier", _("A carrier")
    CUSTOMER = "customer", _("The customer changed something")
    SLIP = "slip", _("A slip of ours")
    UNKNOWN = "unknown", _("Looked for and not found")


class WaitingOn(models.TextChoices):
    """Who has to do something first. The clock stands while that is not us."""

    OURSELVES = "ourselves", _("Somebody of ours")
    CUSTOMER = "customer", _("The customer")
    CLIENT = "client", _("The client")
    VENDOR = "vendor", _("A vendor")
    CARRIER = "carrier", _("A carrier")
    SYSTEM = "system", _("The people of another system")


PAUSING = frozenset(WaitingOn) - {WaitingOn.OURSELVES}


class ClockState(models.TextChoices):
    """Where the clock of an exception stands."""

    RUNNING = "running", _("In time")
    AT_RISK = "at_risk", _("At risk")
    LATE = "late", _("Late")
    PAUSED = "paused", _("Paused")
    STOPPED = "stopped", _("Stopped")


class WaiverState(models.TextChoices):
    """Where a time-limited exception stands. Whether it is in force is decided by the clock, not by this."""

    REQUESTED = "requested", _("Waiting for decision")
    RETURNED = "returned", _("Sent back with a question")
    APPROVED = "approved", _("Approved")
    REJECTED = "rejected", _("Denied")
    WITHDRAWN = "withdrawn", _("Withdrawn")
    LAPSED = "lapsed", _("Lapsed")
    EXPIRED = "expired", _("Ended")
    REVOKED = "revoked", _("Revoked")


class WaiverKind(models.TextChoices):
    """How a time-limited exception came about."""

    ASKED = "asked", _("Asked for")
    EMERGENCY = "emergency", _("Break-glass")


class WaiverReason(models.TextChoices):
    """What kind of reason a time-limited exception is asked for; the accounts count by it."""

    CUSTOMER = "customer", _("The customer wants it so")
    DEADLINE = "deadline", _("A date that cannot move")
    SYSTEM = "system", _("A system is down or wrong")
    PARTNER = "partner", _("A vendor or carrier")
    DATA = "data", _("Something is missing or comes late")
    OTHER = "other", _("Something else")


class VoteKind(models.TextChoices):
    """Whose word an approval is."""

    PERSON = "person", _("Approver")
    CLIENT = "client", _("Client")


class ReviewVerdict(models.TextChoices):
    """What the review of an emergency came to."""

    JUSTIFIED = "justified", _("It was justified")
    UNJUSTIFIED = "unjustified", _("It was not justified")


class ClientAnswer(models.TextChoices):
    """Where the question to a client stands."""

    SENT = "sent", _("Waiting for the client")
    AGREED = "agreed", _("The client agreed")
    DECLINED = "declined", _("The client declined")
    REVOKED = "revoked", _("Taken back")
    LAPSED = "lapsed", _("Not answered in time")


WAIVER_ASKED = (WaiverState.REQUESTED, WaiverState.RETURNED)
WAIVER_LIVE = (*WAIVER_ASKED, WaiverState.APPROVED)


class DeliveryState(models.TextChoices):
    """Where a notification's delivery through one channel stands."""

    PENDING = "pending", _("Waiting")
    SENT = "sent", _("Sent")
    DEAD = "dead", _("Given up")
    SKIPPED = "skipped", _("Not sent")


class Channel(models.TextChoices):
    """Through what a notice leaves the product; in the product everything is told anyway."""

    EMAIL = "email", _("E-mail")
    CHAT = "chat", _("Chat")
    PAGER = "pager", _("Pager")


# What is tried next when one of them could not bring it.
CHANNEL_LADDER = (Channel.PAGER, Channel.CHAT, Channel.EMAIL)


class PageState(models.TextChoices):
    """Where a page stands at the on-call system."""

    TRIGGERED = "triggered", _("Somebody was called")
    ACKNOWLEDGED = "acknowledged", _("Somebody answered")
    RESOLVED = "resolved", _("Over")


class Mailing(models.TextChoices):
    """How somebody wants to be told outside the product; in the product everything is told at once."""

    NOW = "now", _("At once")
    HOURLY = "hourly", _("In the hourly digest")
    DIGEST = "digest", _("In the daily digest")
    NEVER = "never", _("Only in the product")


class JobState(models.TextChoices):
    """Where an act on many stands."""

    QUEUED = "queued", _("Waiting for its turn")
    RUNNING = "running", _("Running")
    DONE = "done", _("Finished")
    CANCELLED = "cancelled", _("Cancelled")
    FAILED = "failed", _("Stopped")


JOB_LIVE = (JobState.QUEUED, JobState.RUNNING)


class ItemState(models.TextChoices):
    """What came of one record of an act on many."""

    PENDING = "pending", _("Not yet")
    DONE = "done", _("Done")
    SKIPPED = "skipped", _("Skipped: changed since the plan")
    REFUSED = "refused", _("Refused")


class PostmortemState(models.TextChoices):
    """Where a postmortem stands."""

    DRAFT = "draft", _("Draft")
    PUBLISHED = "published", _("Published")
    DISMISSED = "dismissed", _("Not needed")


class PostmortemReason(models.TextChoices):
    """Why a postmortem was begun."""

    P1 = "p1", _("A P1 is over")
    AVERAGE = "average", _("Took longer than promised on average")
    PERSON = "person", _("Somebody asked for it")


class ActionState(models.TextChoices):
    """Where an action of a postmortem stands."""

    OPEN = "open", _("Open")
    DONE = "done", _("Done")
    DROPPED = "dropped", _("Dropped")
