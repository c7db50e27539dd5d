"""What belongs to an exception beside its own columns: files, other exceptions it has to do with, and who watches it."""

from typing import ClassVar

import pgtrigger
from django.db import models
from django.db.models import F, Q

from audit.triggers import APPEND_ONLY
from exceptions.models.cases import ExceptionCase
from rules.models import Owner

LARGEST_FILE = 10 * 1024 * 1024


class CaseAttachment(models.Model):
    """A file somebody put on an exception: what it is, never what is in it, which lies under its checksum outside every web root.

    Rows are only added: a file that was evidence stays evidence.
    """

    case = models.ForeignKey(ExceptionCase, on_delete=models.PROTECT, related_name="attachments")
    number = models.PositiveIntegerField(help_text="Counted from one within its exception.")
    at = models.DateTimeField()
    by = models.CharField(max_length=160)
    by_name = models.CharField(max_length=160)
    name = models.CharField(max_length=120)
    content_type = models.CharField(max_length=80, help_text="What is in it, whatever its name says.")
    size = models.PositiveIntegerField()
    sha256 = models.CharField(max_length=64)
    criterion = models.PositiveSmallIntegerField(
        null=True,
        help_text="Which of its exception's acceptance criteria it is evidence of, counted from one; none: of no one's alone.",
    )

    class Meta:
        triggers: ClassVar[list[pgtrigger.Trigger]] = APPEND_ONLY
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["case", "number"], name="caseattachment_one_number_within_its_case"),
            models.CheckConstraint(
                condition=Q(size__gte=1, size__lte=LARGEST_FILE), name="caseattachment_is_neither_empty_nor_too_large"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} of {self.case_id}"

    @property
    def withdrawn(self) -> "WithdrawnFile | None":
        """That it was the wrong one, if somebody said so."""
        return getattr(self, "withdrawal", None)

    @property
    def shown_name(self) -> str:
        """Its name; that of one that was withdrawn may name somebody, so it is not shown either."""
        return "" if self.withdrawn else self.name

    @property
    def is_picture(self) -> bool:
        """Whether a browser can show it small."""
        return self.content_type.startswith("image/") and not self.withdrawn


class WithdrawnFile(models.Model):
    """That a file was the wrong one: nobody is shown any more what is in it, while its checksum and who put it there stay.

    Rows are only added.
    """

    attachment = models.OneToOneField(CaseAttachment, on_delete=models.PROTECT, related_name="withdrawal")
    at = models.DateTimeField()
    by = models.CharField(max_length=160)
    by_name = models.CharField(max_length=160)
    reason = models.CharField(max_length=280)

    class Meta:
        triggers: ClassVar[list[pgtrigger.Trigger]] = APPEND_ONLY

    def __str__(self) -> str:
        return f"file {self.attachment_id} withdrawn"


class CaseLink(models.Model):
    """Two exceptions that have to do with each other; which of them is named first says nothing, so it is the lower id."""

    first = models.ForeignKey(ExceptionCase, on_delete=models.PROTECT, related_name="links_as_first")
    second = models.ForeignKey(ExceptionCase, on_delete=models.PROTECT, related_name="links_as_second")
    at = models.DateTimeField()
    by = models.CharField(max_length=160)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["first", "second"], name="caselink_links_two_once"),
            models.CheckConstraint(condition=Q(first__lt=F("second")), name="caselink_is_written_one_way_round"),
        ]

    def __str__(self) -> str:
        return f"{self.first_id} with {self.second_id}"


class CaseWatch(models.Model):
    """Somebody who answers for nothing about an exception and wants to hear what happens to it."""

    case = models.ForeignKey(ExceptionCase, on_delete=models.PROTECT, related_name="watches", db_index=False)
    owner = models.ForeignKey(Owner, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["case", "owner"], name="casewatch_one_per_person"),
        ]

    def __str__(self) -> str:
        return f"{self.owner_id} watches {self.case_id}"
