"""Pages of content: the list, one asset with all it waits for, and what people do about it."""

from collections.abc import Callable
from typing import Any, Final
from zoneinfo import ZoneInfo

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from audit import clock
from audit.edge import actor_of, explain
from audit.errors import Conflict, Invalid, NotFound
from exceptions.forms.waivers import ClientAnswerForm
from exceptions.views import client_links
from orders.campaigns import selectors
from orders.campaigns.forms import (
    AskClientForm,
    DecisionForm,
    EditAssetForm,
    NewAssetForm,
    ReasonForm,
    SeenForm,
    SignForm,
    WishForm,
    described,
)
from orders.campaigns.services import asking, reviewing
from orders.campaigns.services import assets as services
from orders.campaigns.services import messaging as messages_of
from orders.campaigns.services.standing import PERMISSION
from rules import selectors as rules

# What is done with no more than the version that was looked at, or with a reason.
PLAIN: Final[dict[str, Callable[..., object]]] = {
    "submit": reviewing.submit_asset,
    "approve": reviewing.approve_asset,
}
WITH_REASON: Final[dict[str, Callable[..., object]]] = {
    "send-back": reviewing.send_back,
    "withdraw": services.withdraw_asset,
}


@login_required
@require_GET
def assets(request: HttpRequest) -> HttpResponse:
    """Content in use, what somebody has to act on, or what was withdrawn."""
    by = actor_of(request, selectors.VIEW)
    asked = str(request.GET.get("tab", ""))
    tab, problem = asked if asked in selectors.TABS else "all", None
    try:
        page = selectors.asset_list(by=by, tab=tab, after=str(request.GET.get("after", "")), now=clock.now())
    except Invalid as invalid:
        problem, page = invalid, selectors.AssetList([], "")
    context = {"page": page, "tab": tab, "problem": problem, "can_work": by.may(PERMISSION)}
    context["first"] = not request.GET.get("after")
    return render(request, "campaigns/assets.html", context, status=400 if problem else 200)


@login_required
@require_http_methods(["GET", "POST"])
def new_asset(request: HttpRequest) -> HttpResponse:
    """Begin a piece of content."""
    by = actor_of(request, PERMISSION)
    offered: dict[str, Any] = {"clients": rules.clients_of(by), "owners": rules.active_owners()}
    form = NewAssetForm(request.POST or None, kinds=selectors.kinds(), **offered)
    if request.method == "POST" and form.is_valid():
        try:
            added = services.add_asset(**form.cleaned_data, by=by, now=clock.now())
        except Invalid as invalid:
            explain(form, invalid)
        except Conflict as refused:
            explain(form, refused)
        else:
            messages.success(request, _("%(key)s is begun.") % {"key": added.key})
            return redirect("campaigns:asset", added.key)
    return render(request, "campaigns/write.html", {"form": form}, status=422 if form.errors else 200)


@login_required
@require_GET
def asset(request: HttpRequest, key: str) -> HttpResponse:
    """One asset."""
    by = actor_of(request, selectors.VIEW)
    return _shown(request, selectors.asset_page(by=by, key=key, now=clock.now()), can_work=by.may(PERMISSION))


def _shown(
    request: HttpRequest,
    page: selectors.AssetPage,
    *,
    can_work: bool = True,
    conflict: Conflict | None = None,
    form: forms.Form | None = None,
) -> HttpResponse:
    """The asset's page, also after something was refused: nothing of it is lost."""
    context = {"page": page, "asset": page.asset, "can_work": can_work, "conflict": conflict, "form": form}
    status = 409 if conflict else 422 if form is not None and form.errors else 200
    return render(request, "campaigns/asset.html", context, status=status)


@login_required
@require_http_methods(["GET", "POST"])
def edit_asset(request: HttpRequest, key: str) -> HttpResponse:
    """Say anew what it is about, and who answers for it."""
    by = actor_of(request, PERMISSION)
    known = selectors.asset_named(by, key)
    form = EditAssetForm(request.POST or None, owners=rules.active_owners(), initial=described(known))
    conflict = None
    if request.method == "POST" and form.is_valid():
        try:
            services.describe_asset(asset_id=known.pk, **form.cleaned_data, by=by, now=clock.now())
        except Invalid as invalid:
            explain(form, invalid)
        except Conflict as refused:
            conflict = refused
        else:
            messages.success(request, _("%(key)s is kept.") % {"key": key})
            return redirect("campaigns:asset", key)
    context = {"form": form, "asset": known, "conflict": conflict}
    return render(request, "campaigns/write.html", context, status=409 if conflict else 422 if form.errors else 200)


@login_required
@require_POST
def sign(request: HttpRequest, key: str) -> HttpResponse:
    """Stand for one item of the checklist."""
    by = actor_of(request, PERMISSION)
    known, form = selectors.asset_named(by, key), SignForm(request.POST)
    if form.is_valid():
        try:
            reviewing.sign_item(asset_id=known.pk, **form.cleaned_data, by=by, now=clock.now())
        except Invalid as invalid:
            explain(form, invalid)
        except Conflict as refused:
            return _shown(request, selectors.asset_page(by=by, key=key, now=clock.now()), conflict=refused)
        else:
            messages.success(request, _("Signed: %(item)s") % {"item": form.cleaned_data["item"]})
            return redirect("campaigns:asset", key)
    return _shown(request, selectors.asset_page(by=by, key=key, now=clock.now()), form=form)


@login_required
@require_http_methods(["GET", "POST"])
def act(request: HttpRequest, key: str, act: str) -> HttpResponse:
    """Give it to review, approve it, send it back or withdraw it."""
    by = actor_of(request, PERMISSION)
    known = selectors.asset_named(by, key)
    if act not in PLAIN | WITH_REASON:
        raise NotFound(_("There is no such act."))
    shape = SeenForm if act in PLAIN else ReasonForm
    form, conflict = shape(request.POST or None, initial={"seen": known.version}), None
    if request.method == "POST" and form.is_valid():
        try:
            (PLAIN | WITH_REASON)[act](asset_id=known.pk, **form.cleaned_data, by=by, now=clock.now())
        except Invalid as invalid:
            explain(form, invalid)
        except Conflict as refused:
            conflict = refused
        else:
            fresh = selectors.asset_named(by, key)
            said = {"key": key, "state": _(fresh.get_state_display()), "who": fresh.in_hand.name}
            messages.success(request, _("%(key)s is “%(state)s” now, with %(who)s.") % said)
            return redirect("campaigns:asset", key)
    context = {"form": form, "asset": known, "act": act, "conflict": conflict}
    return render(request, "campaigns/act.html", context, status=409 if conflict else 422 if form.errors else 200)


@login_required
@require_http_methods(["GET", "POST"])
def messaging(request: HttpRequest, key: str) -> HttpResponse:
    """Raise that sales needs different messaging."""
    by = actor_of(request, PERMISSION)
    known = selectors.asset_named(by, key)
    form, conflict = WishForm(request.POST or None), None
    if request.method == "POST" and form.is_valid():
        try:
            wish = messages_of.ask_for_change(asset_id=known.pk, **form.cleaned_data, by=by, now=clock.now())
        except Invalid as invalid:
            explain(form, invalid)
        except Conflict as refused:
            conflict = refused
        else:
            told = {"case": wish.case_key, "who": wish.decider.name}
            messages.success(request, _("%(case)s is open: %(who)s decides.") % told)
            return redirect("campaigns:asset", key)
    context = {"form": form, "asset": known, "decider": selectors.decider_named(known), "conflict": conflict}
    return render(request, "campaigns/messaging.html", context, status=409 if conflict else 422 if form.errors else 200)


@login_required
@require_http_methods(["GET", "POST"])
def decide(request: HttpRequest, key: str) -> HttpResponse:
    """Have the messaging changed, or keep it."""
    by = actor_of(request, PERMISSION)
    page = selectors.asset_page(by=by, key=key, now=clock.now())
    form, conflict = DecisionForm(request.POST or None), None
    if request.method == "POST" and form.is_valid():
        given = {"change": form.cleaned_data["decision"] == "change", "reason": form.cleaned_data["reason"]}
        try:
            wish = messages_of.decide_change(asset_id=page.asset.pk, **given, by=by, now=clock.now())
        except Invalid as invalid:
            explain(form, invalid)
        except Conflict as refused:
            conflict = refused
        else:
            messages.success(request, _("Decided: %(what)s.") % {"what": _(wish.get_state_display())})
            return redirect("campaigns:asset", key)
    context = {"form": form, "page": page, "asset": page.asset, "conflict": conflict}
    return render(request, "campaigns/decide.html", context, status=409 if conflict else 422 if form.errors else 200)


@login_required
@never_cache
@require_http_methods(["GET", "POST"])
def ask_client(request: HttpRequest, key: str) -> HttpResponse:
    """Make a link by which the client's own people answer about the revision in review; it is shown once."""
    by = actor_of(request, PERMISSION)
    known = selectors.asset_named(by, key)
    form = AskClientForm(request.POST or None)
    link, question, conflict = "", None, None
    if request.method == "POST" and form.is_valid():
        try:
            question, token = asking.ask_client(asset_id=known.pk, **form.cleaned_data, by=by, now=clock.now())
        except Invalid as invalid:
            explain(form, invalid)
        except Conflict as refused:
            conflict = refused
        else:
            link = f"{settings.PUBLIC_URL}{reverse('campaigns:client-answer', args=[token])}"
    context = {"asset": known, "form": form, "conflict": conflict, "link": link, "question": question}
    status = 409 if conflict else 422 if form.errors else 200
    return render(request, "campaigns/client_ask.html", context, status=status)


@login_required
@require_POST
def take_link_back(request: HttpRequest, key: str) -> HttpResponse:
    """Take the open link back."""
    by = actor_of(request, PERMISSION)
    known = selectors.asset_named(by, key)
    asking.revoke_link(asset_id=known.pk, by=by, now=clock.now())
    messages.success(request, _("The link opens nothing any more."))
    return redirect("campaigns:asset", key)


@never_cache
@require_http_methods(["GET", "POST"])
def client_answer(request: HttpRequest, token: str) -> HttpResponse:
    """The page behind a link, which needs no account: one revision and two answers."""
    caller, now = request.META.get("REMOTE_ADDR", ""), clock.now()
    try:
        question = asking.opened_link(token=token, caller=caller, now=now)
    except NotFound:
        return client_links.gone(request)
    form, done = ClientAnswerForm(request.POST or None, initial={"seen_hash": question.content_hash}), None
    with timezone.override(ZoneInfo(question.client.time_zone)):
        if request.method == "POST" and form.is_valid():
            given = form.cleaned_data
            agree = given.pop("decision") == "agree"
            try:
                done = asking.answer_link(token=token, agree=agree, **given, caller=caller, now=clock.now())
            except NotFound:  # answered or taken back since it was opened
                return client_links.gone(request)
            except (Invalid, Conflict) as refused:
                explain(form, refused)
        context = {"question": question, "asset": question.asset, "form": form, "done": done}
        answered = render(request, "campaigns/client_answer.html", context, status=422 if form.errors else 200)
    return client_links.private(answered)
