"""Strangers who were refused, counted until their minute is over.

Anybody can be refused as often as they like. So a stranger's refusal is a number here at once, and one event in the trail once the minute
is over: the trail grows by the clock, not by the attacker. Rows are gone when they are told.
"""

from typing import ClassVar

from django.db import models


class RefusalTally(models.Model):
    """How often whoever claimed to be `source` was refused with `code` in one minute."""

    source = models.CharField(max_length=60)
    code = models.CharField(max_length=60)
    minute = models.DateTimeField()
    what = models.CharField(max_length=200)
    count = models.PositiveBigIntegerField()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["minute", "source", "code"], name="refusaltally_one_per_minute"),
        ]

    def __str__(self) -> str:
        return f"{self.source} {self.code}: {self.count}"
