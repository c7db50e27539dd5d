"""The states of what can go wrong, importable by anything."""

from django.db import models


class CaseState(models.TextChoices):
    """Where an exception stands."""

    OPEN = "open", "New"
    ACKNOWLEDGED = "acknowledged", "Taken"
    IN_PROGRESS = "in_progress", "Working"
    WAITING = "waiting", "Waiting"
    RESOLVED = "resolved", "Resolved"
    CLOSED = "closed", "Closed"
    WITHDRAWN = "withdrawn", "Withdrawn"


CASE_LIVE = (CaseState.OPEN, CaseState.ACKNOWLEDGED, CaseState.IN_PROGRESS, CaseState.WAITING)
CASE_DONE = (CaseState.RESOLVED, CaseState.CLOSED)


class RootCause(models.TextChoices):
    """What lay behind an exception, said when it is resolved."""

    DATA = "data", "Wrong or missing data"
    RULE = "rule", "A rule of ours"
    SYSTEM = "system", "A system or an integration"
    STOCK = "stock", "Stock that was not there"
    VENDOR = "vendor", "A vendor"
    CARRIER = "carrier", "A carrier"
    CUSTOMER = "customer", "The customer changed something"
    SLIP = "slip", "A slip of ours"
    UNKNOWN = "unknown", "Looked for and not found"


class WaitingOn(models.TextChoices):
    """Who has to do something first. The clock stands while that is not us."""

    OURSELVES = "ourselves", "Somebody of ours"
    CUSTOMER = "customer", "The customer"
    CLIENT = "client", "The client"
    VENDOR = "vendor", "A vendor"
    CARRIER = "carrier", "A carrier"
    SYSTEM = "system", "The people of another system"


PAUSING = frozenset(WaitingOn) - {WaitingOn.OURSELVES}


class ClockState(models.TextChoices):
    """Where the clock of an exception stands."""

    RUNNING = "running", "In time"
    AT_RISK = "at_risk", "At risk"
    LATE = "late", "Late"
    PAUSED = "paused", "Paused"
    STOPPED = "stopped", "Stopped"


class WaiverState(models.TextChoices):
    """Where a time-limited exception stands. Whether it is in force is decided by the clock, not by this."""

    REQUESTED = "requested", "Waiting for decision"
    RETURNED = "returned", "Sent back with a question"
    APPROVED = "approved", "Approved"
    REJECTED = "rejected", "Denied"
    WITHDRAWN = "withdrawn", "Withdrawn"
    LAPSED = "lapsed", "Lapsed"
    EXPIRED = "expired", "Ended"
    REVOKED = "revoked", "Revoked"


class WaiverKind(models.TextChoices):
    """How a time-limited exception came about."""

    ASKED = "asked", "Asked for"
    EMERGENCY = "emergency", "Break-glass"


class VoteKind(models.TextChoices):
    """Whose word an approval is."""

    PERSON = "person", "Approver"
    CLIENT = "client", "Client"


class ReviewVerdict(models.TextChoices):
    """What the review of an emergency came to."""

    JUSTIFIED = "justified", "It was justified"
    UNJUSTIFIED = "unjustified", "It was not justified"


class ClientAnswer(models.TextChoices):
    """Where the question to a client stands."""

    SENT = "sent", "Waiting for the client"
    AGREED = "agreed", "The client agreed"
    DECLINED = "declined", "The client declined"
    REVOKED = "revoked", "Taken back"
    LAPSED = "lapsed", "Not answered in time"


WAIVER_ASKED = (WaiverState.REQUESTED, WaiverState.RETURNED)
WAIVER_LIVE = (*WAIVER_ASKED, WaiverState.APPROVED)


class DeliveryState(models.TextChoices):
    """Where a notification's delivery through one channel stands."""

    PENDING = "pending", "Waiting"
    SENT = "sent", "Sent"
    DEAD = "dead", "Given up"
    SKIPPED = "skipped", "Not sent"


class Channel(models.TextChoices):
    """Through what a notice leaves the product; in the product everything is told anyway."""

    EMAIL = "email", "E-mail"
    CHAT = "chat", "Chat"
    PAGER = "pager", "Pager"


# What is tried next when one of them could not bring it.
CHANNEL_LADDER = (Channel.PAGER, Channel.CHAT, Channel.EMAIL)


class PageState(models.TextChoices):
    """Where a page stands at the on-call system."""

    TRIGGERED = "triggered", "Somebody was called"
    ACKNOWLEDGED = "acknowledged", "Somebody answered"
    RESOLVED = "resolved", "Over"


class Mailing(models.TextChoices):
    """How somebody wants to be told outside the product; in the product everything is told at once."""

    NOW = "now", "At once"
    HOURLY = "hourly", "In the hourly digest"
    DIGEST = "digest", "In the daily digest"
    NEVER = "never", "Only in the product"


class JobState(models.TextChoices):
    """Where an act on many stands."""

    QUEUED = "queued", "Waiting for its turn"
    RUNNING = "running", "Running"
    DONE = "done", "Finished"
    CANCELLED = "cancelled", "Cancelled"
    FAILED = "failed", "Stopped"


JOB_LIVE = (JobState.QUEUED, JobState.RUNNING)


class ItemState(models.TextChoices):
    """What came of one record of an act on many."""

    PENDING = "pending", "Not yet"
    DONE = "done", "Done"
    SKIPPED = "skipped", "Skipped: changed since the plan"
    REFUSED = "refused", "Refused"


class PostmortemState(models.TextChoices):
    """Where a postmortem stands."""

    DRAFT = "draft", "Draft"
    PUBLISHED = "published", "Published"
    DISMISSED = "dismissed", "Not needed"


class PostmortemReason(models.TextChoices):
    """Why a postmortem was begun."""

    P1 = "p1", "A P1 is over"
    AVERAGE = "average", "Took longer than promised on average"
    PERSON = "person", "Somebody asked for it"


class ActionState(models.TextChoices):
    """Where an action of a postmortem stands."""

    OPEN = "open", "Open"
    DONE = "done", "Done"
    DROPPED = "dropped", "Dropped"
