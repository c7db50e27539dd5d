"""Dead letters and the sandbox's misbehaviour."""

import json
from typing import Any

import httpx2
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from audit import clock
from audit.context import Actor
from audit.edge import actor_of
from audit.errors import Invalid, NotFound
from audit.texts import whole_number
from orders.sync import selectors, services
from orders.sync.models import InboundEvent
from orders.sync.sandbox import MODES

PER_PAGE = 50


@login_required
@require_GET
def dead_letters(request: HttpRequest) -> HttpResponse:
    """What could not be processed, newest first."""
    by = actor_of(request, "sync.view_system")
    letters = selectors.dead_letters(by)
    after = request.GET.get("after", "")
    if (mark := whole_number(after)) is not None:
        letters = letters.filter(number__lt=mark)
    found = list(letters[: PER_PAGE + 1])
    shown = found[:PER_PAGE]
    context = {
        "letters": shown,
        "after": after,
        "next_after": shown[-1].number if len(found) > PER_PAGE else "",
        "can_replay": by.may("sync.replay"),
    }
    return render(request, "sync/dead_letters.html", context)


@login_required
@require_GET
def dead_letter(request: HttpRequest, key: str) -> HttpResponse:
    """One dead letter: cause, what breaks its contract, the payload without personal data."""
    by = actor_of(request, "sync.view_system")
    letter = _letter(by, key)
    preview = json.dumps(letter.preview, indent=2, ensure_ascii=False)
    return render(
        request, "sync/dead_letter.html", {"letter": letter, "preview": preview, "can_replay": by.may("sync.replay")}
    )


@login_required
@require_POST
def resolve(request: HttpRequest, key: str, action: str) -> HttpResponse:
    """Replay a dead letter, or discard it with a reason."""
    by = actor_of(request, "sync.replay")
    letter = _letter(by, key)
    reason = request.POST.get("reason", "")
    try:
        if action == "discard":
            services.discard(event_ids=[letter.pk], reason=reason, by=by, now=clock.now())
            messages.success(request, _("%(key)s is put away.") % {"key": letter.key})
        else:
            verdicts = services.replay(event_ids=[letter.pk], reason=reason, by=by, now=clock.now())
            messages.info(request, verdicts[letter.pk])
    except Invalid as invalid:
        messages.warning(request, invalid.message)
        return redirect("sync:dead-letter", key)
    return redirect("sync:dead-letters")


def _letter(by: Actor, key: str) -> InboundEvent:
    number = whole_number(key.upper().removeprefix("DL-"))
    letter = None if number is None else selectors.dead_letters(by).filter(number=number).first()
    if letter is None:
        raise NotFound(_("There is no such dead letter, it was replayed, or it is not yours to see."))
    return letter


@login_required
@require_http_methods(["GET", "POST"])
def sandbox(request: HttpRequest) -> HttpResponse:
    """In the demo: which failures the sandbox systems play."""
    if not settings.DEMO:
        raise Http404
    actor_of(request, "sync.edit_system")
    url = f"{settings.SANDBOX_URL}/control"
    rates: dict[str, Any] = {}
    try:
        with httpx2.Client(timeout=5, trust_env=False) as client:
            control = client.get(url).json()
            if request.method == "POST":
                wanted = {mode: float(request.POST.get(mode) or 0) / 100 for mode in MODES}
                answer = client.put(
                    url, json={**control, "rates": {mode: rate for mode, rate in wanted.items() if rate}}
                )
                if answer.is_success:
                    messages.success(request, _("The sandbox systems now behave like this."))
                    return redirect("sync:sandbox")
                messages.warning(request, answer.json()["detail"])
            rates = control["rates"]
    except (httpx2.HTTPError, ValueError):
        messages.warning(request, _("The sandbox cannot be reached, or a share is no number from 0 to 100."))
    modes = [(mode, words, round(rates.get(mode, 0) * 100)) for mode, words in MODES.items()]
    return render(request, "sync/sandbox.html", {"modes": modes})
