"""Calendars and promises, as admins edit them."""

from __future__ import annotations

from typing import Any

import holidays
from django import forms
from django.contrib import admin

from rules.admin.base import AnyInlineFormSet, RowsInline, VersionedAdmin, VersionedForm
from rules.business_time import Shift, overlapping
from rules.models import Calendar, Holiday, OpeningHours, Sla, SlaTarget


class ShiftsTogether(AnyInlineFormSet):
    """Shifts of one calendar are edited together, so that overlaps are seen."""

    def clean(self) -> None:
        """Refuse shifts that overlap."""
        super().clean()
        rows = [form.cleaned_data for form in self.forms if form.is_valid() and form.cleaned_data.get("is_active")]
        pairs = overlapping(Shift(row["weekday"], row["opens"], row["closes"]) for row in rows if "weekday" in row)
        if pairs:
            first, second = pairs[0]
            raise forms.ValidationError(
                f"The shift that opens at {second.opens:%H:%M} begins before the one of {first.opens:%H:%M} has ended."
            )


class Hours(RowsInline):
    """When it is open."""

    model = OpeningHours
    formset = ShiftsTogether
    ordering = ("weekday", "opens")


class Holidays(RowsInline):
    """When it is closed, beside public holidays."""

    model = Holiday
    ordering = ("on",)


class CalendarForm(VersionedForm):
    """Country and subdivision are ones whose public holidays are known."""

    class Meta:
        model = Calendar
        exclude = ()

    def clean(self) -> dict[str, Any]:
        """Refuse what no holidays can be found for, and say what there is."""
        cleaned = super().clean() or {}
        country, subdivision = cleaned.get("country", ""), cleaned.get("subdivision", "")
        known = holidays.list_supported_countries()
        if country and country not in known:
            self.add_error("country", f"No public holidays are known for {country}; leave it empty and add the days.")
        elif subdivision and subdivision not in known.get(country, ()):
            there = ", ".join(known.get(country, ())) or "none"
            self.add_error(
                "subdivision", f"{country or 'No country'} has no subdivision {subdivision}; there are: {there}."
            )
        return cleaned


@admin.register(Calendar)
class CalendarAdmin(VersionedAdmin):
    """Opening hours in one time zone."""

    form = CalendarForm
    list_display = ("name", "slug", "time_zone", "country", "subdivision", "is_active")
    search_fields = ("name", "slug")
    inlines = (Hours, Holidays)


@admin.register(Sla)
class SlaAdmin(VersionedAdmin):
    """How long things may take."""

    list_display = ("name", "slug", "minutes", "basis", "calendar", "is_active")
    list_filter = ("basis", "is_active")
    list_select_related = ("calendar",)
    search_fields = ("name", "slug")


@admin.register(SlaTarget)
class SlaTargetAdmin(VersionedAdmin):
    """Other promises than those of the types, for a severity or a client; of several that fit, the one that names most wins."""

    list_display = ("name", "slug", "type", "severity", "client", "acknowledge_within_minutes", "sla", "is_active")
    list_filter = ("severity", "is_active")
    list_select_related = ("type", "client", "sla")
    search_fields = ("name", "slug", "type__name", "client__name")
