"""Who is accountable."""

from datetime import datetime
from typing import ClassVar, Self

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from audit.models import Accountable
from audit.models.accountable import AccountableQuerySet
from rules.models.calendars import Calendar
from rules.models.clients import Team
from rules.states import OpenWork, OwnerKind


class Owner(Accountable):
    """A person, a team or a system that answers for something, with a backup that takes over.

    Two owners may be each other's backup: the foreign key is checked at commit, so both can be saved in one act.
    """

    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=120)
    kind = models.CharField(max_length=10, choices=OwnerKind)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="owners"
    )
    team = models.ForeignKey(Team, on_delete=models.PROTECT, null=True, blank=True, related_name="owners")
    backup = models.ForeignKey("self", on_delete=models.PROTECT, related_name="backs_up")
    calendar = models.ForeignKey(Calendar, on_delete=models.PROTECT, related_name="+")
    emails = models.JSONField(
        default=list,
        blank=True,
        help_text='Where e-mail goes, such as ["ops@example.com"]; the addresses of accounts are not asked.',
    )
    is_active = models.BooleanField(default=True)
    valid_until = models.DateTimeField(null=True, blank=True, help_text="End of a temporary ownership")

    class Meta(Accountable.Meta):
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(condition=~Q(backup=F("id")), name="owner_backup_is_someone_else"),
            models.CheckConstraint(
                condition=Q(kind=OwnerKind.PERSON, user__isnull=False, team__isnull=True)
                | Q(kind=OwnerKind.TEAM, team__isnull=False, user__isnull=True)
                | Q(kind=OwnerKind.SYSTEM, team__isnull=True, user__isnull=True),
                name="owner_is_what_its_kind_says",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class AbsenceQuerySet(AccountableQuerySet["Absence"]):
    """Absences by when they hold; one without an end holds until its person is back."""

    def not_over(self, at: datetime) -> Self:
        """Those that hold at `at` or later."""
        return self.filter(Q(ends_at=None) | Q(ends_at__gt=at), is_active=True)

    def during(self, at: datetime) -> Self:
        """Those that hold at `at`."""
        return self.not_over(at).filter(starts_at__lte=at)


class Absence(Accountable):
    """A time during which an owner is away and its backup, or the cover named here, takes the work."""

    owner = models.ForeignKey(Owner, on_delete=models.PROTECT, related_name="absences")
    cover = models.ForeignKey(
        Owner,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="covers",
        help_text="Takes the work instead of the backup",
    )
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True, blank=True, help_text="Empty: until the person is back")
    note = models.CharField(max_length=200, blank=True)
    open_work = models.CharField(
        max_length=10,
        choices=OpenWork,
        blank=True,
        help_text="What becomes of what is open; empty: it moves when long.",
    )
    is_active = models.BooleanField(default=True)

    objects: ClassVar = AbsenceQuerySet.as_manager()

    class Meta(Accountable.Meta):
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=~Q(open_work=OpenWork.KEEP, ends_at=None), name="absence_what_stays_waits_for_an_end"
            ),
            models.CheckConstraint(condition=Q(open_work__in=OpenWork.values), name="absence_open_work_is_known"),
            models.CheckConstraint(condition=Q(ends_at__gt=F("starts_at")), name="absence_ends_after_it_starts"),
            models.CheckConstraint(condition=~Q(cover=F("owner")), name="absence_cover_is_someone_else"),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["owner", "ends_at"], condition=Q(is_active=True), name="absence_of_owner"),
        ]

    def __str__(self) -> str:
        return f"{self.owner} away until {self.ends_at:%d %b %H:%M}" if self.ends_at else f"{self.owner} away"
