"""What all forms share that do one thing to an order by hand."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from audit import clock
from audit.edge import back_to, explain
from audit.errors import Conflict, DomainError, Invalid, Refused
from audit.subject_refs import SubjectRef
from exceptions.models import Waiver
from exceptions.selectors import live_emergency
from orders.fulfilment.models import Order


def by_hand(
    request: HttpRequest,
    template: str,
    form: forms.Form,
    act: Callable[[], HttpResponse],
    *,
    about: UUID | None = None,
    refused: tuple[type[DomainError], ...] = (Conflict,),
    **context: Any,
) -> HttpResponse:
    """The form, done as it says or shown with what stands in the way; nothing that was filled in is lost.

    `act` calls the door and says where to go then. `about` is the order; `refused` are the refusals that are shown above the form.
    """
    conflict: DomainError | None = None
    if request.method == "POST" and form.is_valid():
        try:
            return act()
        except Invalid as invalid:
            explain(form, invalid)
        except refused as one:
            conflict = one
    status = 403 if isinstance(conflict, Refused) else 409 if conflict else 422 if form.errors else 200
    context |= {"form": form, "conflict": conflict, "emergency": emergency_about(about) if about else None}
    return render(request, template, context, status=status)


def tell_state(request: HttpRequest, order: Order) -> None:
    """Say on the next page where the order is now."""
    said = {"key": order.key, "state": order.get_state_display()}
    messages.success(request, _("%(key)s is “%(state)s” now.") % said)


def emergency_about(order_id: UUID) -> Waiver | None:
    """The break-glass in whose scope an order is now."""
    return live_emergency(SubjectRef("fulfilment.order", str(order_id)), now=clock.now())


def way_back(request: HttpRequest, key: str) -> str:
    """Where the person came from (an exception about the order, say), else the order's page."""
    return back_to(request, reverse("fulfilment:order", args=[key]))
