"""What stands beside a time-limited exception: what it let through, and who watches it."""

from typing import ClassVar

import pgtrigger
from django.db import models
from django.db.models import Q

from audit.identifiers import uuid7
from audit.triggers import APPEND_ONLY, StrictTrigger
from exceptions.models.waivers import Waiver
from rules.models import Owner


class RefuseUnlawfulUse(StrictTrigger):
    """Nothing is written down as let through outside the window, whichever way the row is written."""

    name = "refuse_unlawful_use"
    level = pgtrigger.Row
    when = pgtrigger.Before
    operation = pgtrigger.Insert

    def get_func(self, model: models.Model) -> str:
        """The window is read from the time-limited exception itself."""
        del model
        return """
            IF NOT EXISTS (SELECT 1 FROM exceptions_waiver w WHERE w.id = NEW.waiver_id
                AND w.state = 'approved' AND w.starts_at <= NEW.at AND NEW.at < w.expires_at) THEN
                RAISE EXCEPTION '% was not let through: nothing was in force at %', NEW.what, NEW.at USING ERRCODE = 'HR005';
            END IF;
            RETURN NEW;
        """


class WaiverUse(models.Model):
    """One thing (a parcel, a check) that passed a gate only because of a time-limited exception. Only ever added to, once for each.

    A row of its own rather than an event of the exception: orders that pass at the same moment never wait for each other.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    waiver = models.ForeignKey(Waiver, on_delete=models.PROTECT, related_name="uses", db_index=False)
    what = models.CharField(max_length=120)
    at = models.DateTimeField()

    class Meta:
        triggers: ClassVar = [*APPEND_ONLY, RefuseUnlawfulUse()]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["waiver", "what"], name="waiveruse_once_for_each"),
            models.CheckConstraint(condition=~Q(what=""), name="waiveruse_says_what"),
        ]
        indexes: ClassVar[list[models.Index]] = [models.Index(fields=["waiver", "at"], name="waiveruse_in_turn")]

    def __str__(self) -> str:
        return f"{self.what} at {self.at:%Y-%m-%d %H:%M}"


class WaiverWatch(models.Model):
    """Somebody wants to be told what happens to a time-limited exception."""

    waiver = models.ForeignKey(Waiver, on_delete=models.PROTECT, related_name="watches", db_index=False)
    owner = models.ForeignKey(Owner, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["waiver", "owner"], name="waiverwatch_one_per_person"),
        ]

    def __str__(self) -> str:
        return f"{self.owner} watches {self.waiver}"
