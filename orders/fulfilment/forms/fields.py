"""Fields that many forms of orders have."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from audit.texts import LONGEST_REASON, SHORTEST_REASON

INPUT = {"class": "input"}
PRIVATE = {**INPUT, "data-private": True}  # personal: no draft of it is kept


def why_field(label: Any = None, help_text: Any = None) -> forms.CharField:
    """Why somebody does it, as the doors take it."""
    return forms.CharField(
        label=label or _("Why"),
        min_length=SHORTEST_REASON,
        max_length=LONGEST_REASON,
        widget=forms.TextInput(INPUT),
        help_text=help_text or _("It is kept in the trail."),
    )
