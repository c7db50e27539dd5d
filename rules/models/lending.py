"""Who has something for a while that is somebody else's."""

from typing import ClassVar

from django.db import models
from django.db.models import F, Q

from audit.models import Accountable
from audit.words import said
from rules.models.owners import Owner
from rules.models.routing import ExceptionType


class TemporaryOwnership(Accountable):
    """Until `ends_at` the holder gets what comes anew of one kind of exception, or to one owner; then it is as before.

    Whether it holds is decided by the clock; `ended_at` says when what was open had gone back.
    """

    exception_type = models.ForeignKey(
        ExceptionType, on_delete=models.PROTECT, null=True, blank=True, related_name="temporary_ownerships"
    )
    owner = models.ForeignKey(Owner, on_delete=models.PROTECT, null=True, blank=True, related_name="lent")
    holder = models.ForeignKey(Owner, on_delete=models.PROTECT, related_name="held_for_a_while")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    reason = models.CharField(max_length=280)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta(Accountable.Meta):
        verbose_name_plural = "temporary ownership"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=Q(exception_type__isnull=True) ^ Q(owner__isnull=True),
                name="temporaryownership_is_of_a_type_or_an_owner",
            ),
            models.CheckConstraint(
                condition=Q(ends_at__gt=F("starts_at")), name="temporaryownership_ends_after_it_starts"
            ),
            models.CheckConstraint(
                condition=Q(owner__isnull=True) | ~Q(holder=F("owner")),
                name="temporaryownership_holder_is_someone_else",
            ),
            models.CheckConstraint(condition=~Q(reason=""), name="temporaryownership_says_why"),
            models.UniqueConstraint(
                fields=["exception_type"], condition=Q(ended_at=None), name="temporaryownership_one_per_type"
            ),
            models.UniqueConstraint(
                fields=["owner"], condition=Q(ended_at=None), name="temporaryownership_one_per_owner"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.what}: {self.holder} until {self.ends_at:%d %b %Y %H:%M}"

    @property
    def what(self) -> str:
        """What is held, in words."""
        if self.exception_type:
            return said("exceptions “%(type)s”", type=str(self.exception_type))
        return said("what comes to %(owner)s", owner=str(self.owner))
