"""The states of what comes in and goes out."""

from django.db import models


class Layer(models.TextChoices):
    """What a system is for."""

    STORE = "store", "Store"
    WMS = "wms", "Warehouse"
    VENDOR = "vendor", "Vendor portal"
    CARRIER = "carrier", "Carrier"
    CRM = "crm", "CRM"
    BILLING = "billing", "Billing"
    OTHER = "other", "Other"


class InboundState(models.TextChoices):
    """Where an event that came in stands."""

    NEW = "new", "Waiting"
    APPLIED = "applied", "Applied"
    SUPERSEDED = "superseded", "Overtaken by a newer one"
    DEAD = "dead", "Dead letter"
    DISCARDED = "discarded", "Discarded"


class OutboundState(models.TextChoices):
    """Where a promise to another system stands."""

    PENDING = "pending", "Waiting"
    SENDING = "sending", "On its way"
    SENT = "sent", "Delivered"
    DEAD = "dead", "Given up"


class RunState(models.TextChoices):
    """Where a flow run stands."""

    RUNNING = "running", "Running"
    DONE = "done", "Done"
    MISSED = "missed", "Something did not come in time"
    CANCELLED = "cancelled", "Cancelled"


class CredentialKind(models.TextChoices):
    """Which way a secret is used."""

    INBOUND = "inbound", "They sign, we check"
    OUTBOUND = "outbound", "We sign, they check"
