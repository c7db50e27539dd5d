"""Views people keep of a list. A view is an address with a name: what it shows is decided anew for whoever opens it."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Func, Q
from django.db.models.functions import Lower

from audit.models import Accountable
from rules.models import Team


class NextNumber(Func):
    """The next value of the sequence of views."""

    template = "nextval('exceptions_view_number')"
    output_field = models.BigIntegerField()


class SavedView(Accountable):
    """One person's view of one list, shared with at most one team. Deleted means not active; the trail stays."""

    number = models.BigIntegerField(unique=True, db_default=NextNumber(), editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="saved_views")
    page = models.SlugField(max_length=40, db_index=False, help_text="The list, as `exceptions.list_pages` calls it.")
    title = models.CharField(max_length=60)
    query = models.CharField(max_length=1_000, blank=True, help_text="The query string, in its canonical spelling.")
    team = models.ForeignKey(Team, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    is_active = models.BooleanField(default=True)

    class Meta(Accountable.Meta):
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                F("user"),
                F("page"),
                Lower("title"),
                condition=Q(is_active=True),
                name="savedview_one_title_per_person_and_list",
            ),
            models.CheckConstraint(condition=~Q(title=""), name="savedview_has_a_title"),
            models.CheckConstraint(
                condition=~Q(query__contains="@") & ~Q(query__icontains="%40") & ~Q(title__contains="@"),
                name="savedview_keeps_no_address",
            ),
        ]

    def __str__(self) -> str:
        return self.title


class DefaultView(Accountable):
    """What one person sees first on one list; no view means the whole list."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    page = models.SlugField(max_length=40, db_index=False)
    view = models.ForeignKey(SavedView, on_delete=models.PROTECT, null=True, blank=True, related_name="defaults")

    class Meta(Accountable.Meta):
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["user", "page"], name="defaultview_one_per_person_and_list"),
        ]

    def __str__(self) -> str:
        return f"First view of {self.page} for {self.user_id}"
