"""What the screens share: who asks, where to go back to, and how a refusal comes back on a form."""

from collections.abc import Mapping

from django import forms
from django.http import HttpRequest
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _

from audit.access import require
from audit.context import Actor
from audit.errors import DomainError, Invalid, Refused
from audit.words import in_words


def actor_of(request: HttpRequest, permission: str) -> Actor:
    """Who asks, if they may. Raises `Refused`."""
    actor: Actor | None = getattr(request, "actor", None)
    if actor is None:
        raise Refused(_("Sign in first."))
    require(actor, permission)
    return actor


def back_to(request: HttpRequest, otherwise: str) -> str:
    """Where the person came from, if that is one of our pages."""
    wanted = request.POST.get("return", request.GET.get("return", ""))
    return (
        wanted if url_has_allowed_host_and_scheme(wanted, allowed_hosts=None) and wanted.startswith("/") else otherwise
    )


def explain(form: forms.BaseForm, refused: DomainError, *, renamed: Mapping[str, str] | None = None) -> None:
    """Put what was refused beside the fields it is about; `renamed` says what the form calls a field of the domain.

    In the language of the page, as whatever a form says.
    """
    errors = refused.errors if isinstance(refused, Invalid) else ()
    for error in errors:
        name = error.pointer.rpartition("/")[2]
        name = (renamed or {}).get(name, name)
        form.add_error(name if name in form.fields else None, in_words(error.detail))
    if not errors:
        form.add_error(None, in_words(refused.message))
