"""What the screens share: who asks, and where to go back to."""

from django import forms
from django.http import HttpRequest
from django.utils.http import url_has_allowed_host_and_scheme

from audit.access import require
from audit.context import Actor
from audit.errors import Invalid, Refused


def actor_of(request: HttpRequest, permission: str) -> Actor:
    """Who asks, if they may. Raises `Refused`."""
    actor: Actor | None = getattr(request, "actor", None)
    if actor is None:
        raise Refused("Sign in first.")
    require(actor, permission)
    return actor


def back_to(request: HttpRequest, otherwise: str) -> str:
    """Where the person came from, if that is one of our pages."""
    wanted = request.POST.get("return", request.GET.get("return", ""))
    return (
        wanted if url_has_allowed_host_and_scheme(wanted, allowed_hosts=None) and wanted.startswith("/") else otherwise
    )


def explain(form: forms.Form, invalid: Invalid) -> None:
    """Put what was refused beside the fields it is about."""
    for error in invalid.errors:
        field = error.pointer.strip("/")
        form.add_error(field if field in form.fields else None, error.detail)
