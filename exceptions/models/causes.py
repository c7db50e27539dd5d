"""A shared cause as a record: kept from the moment somebody acts on it, so that it has a name and a key."""

from typing import ClassVar

from django.db import models
from django.db.models import F, Func, Q

from audit.models import Accountable

CAUSE_PREFIX = "C-"


class NextCauseNumber(Func):
    """The next value of the sequence of keys."""

    template = "nextval('exceptions_cause_number')"
    output_field = models.BigIntegerField()


class SharedCause(Accountable):
    """What exceptions of one type share. They carry its `text`; a cause nobody acted on has no record and is its text alone.

    It is of the house, because exceptions of several clients may share it. One that was merged has nothing of its own any more: what is
    told with its text opens under the other, which is never merged itself, so one look leads there.
    """

    client_id: ClassVar[None] = None  # of the house, for who may reach it

    number = models.BigIntegerField(unique=True, db_default=NextCauseNumber(), editable=False)
    type = models.SlugField(db_index=False)
    text = models.CharField(max_length=200, help_text="What its exceptions carry, as the sources tell it.")
    title = models.CharField(max_length=120, blank=True, help_text="What people call it; none: its text in words.")
    merged_into = models.ForeignKey("self", on_delete=models.PROTECT, null=True, blank=True, related_name="merged")
    merged_at = models.DateTimeField(null=True, blank=True)
    split_from = models.ForeignKey("self", on_delete=models.PROTECT, null=True, blank=True, related_name="+")

    class Meta(Accountable.Meta):
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["type", "text"], name="sharedcause_one_per_type_and_text"),
            models.CheckConstraint(condition=~Q(text=""), name="sharedcause_has_a_text"),
            models.CheckConstraint(condition=~Q(title__contains="@"), name="sharedcause_title_keeps_no_address"),
            models.CheckConstraint(condition=~Q(merged_into=F("id")), name="sharedcause_is_not_merged_into_itself"),
            models.CheckConstraint(
                condition=Q(merged_into__isnull=True, merged_at__isnull=True)
                | Q(merged_into__isnull=False, merged_at__isnull=False),
                name="sharedcause_merged_at_iff_merged",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.key} {self.title or self.text}"

    @property
    def key(self) -> str:
        """What people call it where they want no mistake."""
        return f"{CAUSE_PREFIX}{self.number}"
