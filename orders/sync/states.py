"""The states of what comes in and goes out."""

from django.db import models
from django.utils.translation import gettext_noop as _


class InboundState(models.TextChoices):
    """Where an event that came in stands."""

    NEW = "new", _("Waiting")
    APPLIED = "applied", _("Applied")
    SUPERSEDED = "superseded", _("Overtaken by a newer one")
    DEAD = "dead", _("Dead letter")
    DISCARDED = "discarded", _("Discarded")


class OutboundState(models.TextChoices):
    """Where a promise to another system stands."""

    PENDING = "pending", _("Waiting")
    SENDING = "sending", _("On its way")
    SENT = "sent", _("Delivered")
    DEAD = "dead", _("Given up")


class RunState(models.TextChoices):
    """Where a flow run stands."""

    RUNNING = "running", _("Running")
    DONE = "done", _("Done")
    MISSED = "missed", _("Something did not come in time")
    UNVERIFIED = "unverified", _("Not verified")
    CANCELLED = "cancelled", _("Cancelled")


class CredentialKind(models.TextChoices):
    """Which way a secret is used."""

    INBOUND = "inbound", _("They sign, we check")
    OUTBOUND = "outbound", _("We sign, they check")
