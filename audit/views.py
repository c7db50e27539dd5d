"""The trail, one event, everything that happened to one record; and whether all of it is as it was recorded."""

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_http_methods

from audit import checkpoints, clock
from audit.context import Actor
from audit.edge import actor_of
from audit.errors import DomainError, Invalid, TokenInvalid
from audit.selectors import pages, proof
from audit.selectors.tokens import verify_token
from audit.selectors.verification import verify_chain
from audit.services import tokens
from audit.services.verifying import verify_now
from audit.strict_json import MAX_BYTES
from audit.verbs import registered


@login_required
@require_GET
def trail(request: HttpRequest) -> HttpResponse:
    """Who did what, when, why, to what."""
    by = actor_of(request, "audit.view_trail")
    given = {name: str(value).strip() for name, value in request.GET.items()}
    filters = pages.TrailFilters(
        actor=given.get("actor", ""),
        type=given.get("type", ""),
        subject=given.get("subject", ""),
        request=given.get("request", ""),
        after=given.get("after", ""),
    )
    rows, next_after = pages.trail_page(by=by, filters=filters)
    context = {"rows": rows, "next_after": next_after, "filters": filters, "types": registered()}
    return render(request, "audit/trail.html", context)


@login_required
@require_GET
def event(request: HttpRequest, event_id: UUID) -> HttpResponse:
    """One event in full, with its place in the chain."""
    by = actor_of(request, "audit.view_trail")
    row, related, unshown, length = pages.event_page(by=by, event_id=event_id)
    context = {"event": row, "related": related, "unshown": unshown, "length": length}
    return render(request, "audit/event.html", context)


@login_required
@require_GET
def history(request: HttpRequest, subject_type: str, subject_id: str) -> HttpResponse:
    """Every version of one record, and every event about it."""
    by, after = actor_of(request, "audit.view_trail"), request.GET.get("after", "")
    page = pages.history_page(by=by, subject_type=subject_type, subject_id=subject_id, after=after)
    return render(request, "audit/history.html", {"page": page, "name": page.name, "after": after})


@login_required
@require_http_methods(["GET", "POST"])
def verify(request: HttpRequest) -> HttpResponse:
    """Whether the trail is whole: the last checks, a check now, the seals, and one record's chain."""
    by = actor_of(request, "audit.verify")
    if request.method == "POST":
        return _verified_now(request, by)
    asked, problem, record, chain = request.GET.get("record", "").strip(), None, None, None
    try:
        if asked:
            record = proof.record_meant(by=by, words=asked)
            chain = verify_chain(record)
    except Invalid as invalid:
        problem = invalid
    context = {
        "runs": proof.runs(by=by),
        "seals": proof.seals_page(by=by, after=request.GET.get("after", "")),
        "asked": asked,
        "problem": problem,
        "record": record,
        "chain": chain,
    }
    return render(request, "audit/verify.html", context, status=422 if problem else 200)


def _verified_now(request: HttpRequest, by: Actor) -> HttpResponse:
    try:
        found = verify_now(by=by, now=clock.now(), from_start="all" in request.POST)
    except Invalid as invalid:
        messages.warning(request, invalid.message)
    else:
        if found.whole:
            read = ngettext(
                "%(n)s event read: the trail is whole.", "%(n)s events read: the trail is whole.", found.events
            )
            messages.success(request, read % {"n": f"{found.events:,}"})
    return redirect("audit:verify")


@login_required
@require_GET
def checkpoint_file(request: HttpRequest) -> HttpResponse:
    """The seals that were kept outside the database, to be kept further outside."""
    actor_of(request, "audit.verify")
    headers = {"Content-Disposition": 'attachment; filename="checkpoints.jsonl"'}
    return HttpResponse(checkpoints.as_text(), content_type="application/jsonl", headers=headers)


@require_http_methods(["GET", "POST"])
def token(request: HttpRequest) -> HttpResponse:
    """Whether an audit token is genuine; what it points to only for people who may verify."""
    by: Actor | None = getattr(request, "actor", None)
    context: dict[str, object] = {"text": "", "facts": None, "proof": None, "problem": None}
    if request.method == "POST":
        try:
            text = context["text"] = _token_text(request)
            context["facts"] = verify_token(tokens.token_in(text)[0])
            if by is not None and by.may("audit.verify"):
                context["proof"] = tokens.check_proof(text=text, by=by)
        except DomainError as wrong:
            context["problem"] = wrong
    return render(request, "audit/token.html", context, status=422 if context["problem"] else 200)


def _token_text(request: HttpRequest) -> str:
    upload = request.FILES.get("file")
    if upload is None:
        return str(request.POST.get("token", ""))
    if (upload.size or 0) > MAX_BYTES:
        raise TokenInvalid(_("This file is larger than any token or export of ours."))
    return str(upload.read().decode(errors="replace"))
