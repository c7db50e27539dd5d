"""Rows that are queue entries, and the pulse of the loops that work them."""

from django.db import models


class LeasedWork(models.Model):
    """A row that is also a queue entry: when it is due, who holds it until when, and how often it was tried.

    `fence` rises with every claim, so that a worker whose lease ran out cannot complete what another has taken over.
    """

    due_at = models.DateTimeField()
    lease_until = models.DateTimeField(null=True, blank=True)
    fence = models.PositiveIntegerField(default=0)
    attempts = models.PositiveIntegerField(default=0)

    class Meta:
        abstract = True


class Heartbeat(models.Model):
    """The last time a loop ran through, and how late its oldest due row was. One row per loop, overwritten; not history."""

    loop = models.CharField(max_length=60, primary_key=True)
    at = models.DateTimeField()
    lag_seconds = models.FloatField(default=0)
    oldest_due = models.DateTimeField(null=True)
    worked = models.PositiveBigIntegerField(default=0)

    def __str__(self) -> str:
        return self.loop
