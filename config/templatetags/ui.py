"""What templates say in the product's own words: time, money, people, icons."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django import template
from django.template.defaultfilters import floatformat
from django.urls import reverse
from django.utils import dateformat, timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop as noop
from django.utils.translation import ngettext, pgettext

from audit import clock
from audit.words import as_said, in_words, money_in_words, within
from config.derivations import derivation_in_words
from config.markdown import render, render_note
from exceptions.models.waivers import KEY_PREFIX as TIME_LIMITED
from exceptions.words import cause_in_words

register = template.Library()

# Names that are stored as keys and shown through `label`: named here so that they are collected.
LABELS = (
    *(noop("Database"), noop("Broker"), noop("Timers"), noop("Intake"), noop("Delivery")),
    *(noop("Notifications"), noop("Sync"), noop("Inbox"), noop("Outbox")),
    *(
        noop("Account manager"),
        noop("Ops lead"),
        noop("Admin"),
        noop("Auditor"),
        noop("Support"),
        noop("Integrator"),
        noop("Packer"),
    ),
)

SOON = timedelta(minutes=30)
NEAR_DAYS = 6


@register.simple_tag
def icon(name: str, size: str = "") -> SafeString:
    """One icon of the sprite; decoration only, so hidden from assistive technology."""
    return format_html(
        '<svg class="ico {}" aria-hidden="true" viewBox="0 0 16 16"><use href="#i-{}"/></svg>',
        "ico-s" if size == "s" else "",
        name,
    )


def span_words(span: timedelta) -> str:
    """A span as people say it: “38 min”, “1 h 22 min”, “2 d 4 h”."""
    minutes = max(int(abs(span).total_seconds() // 60), 0)
    days, rest = divmod(minutes, 24 * 60)
    hours, minutes = divmod(rest, 60)
    if days:
        return (
            _("%(days)d d %(hours)d h") % {"days": days, "hours": hours} if hours else _("%(days)d d") % {"days": days}
        )
    if hours:
        words = _("%(hours)d h %(minutes)d min") if minutes else _("%(hours)d h")
        return words % {"hours": hours, "minutes": minutes}
    return _("%(minutes)d min") % {"minutes": minutes}


@register.filter
def span(value: timedelta | None) -> str:
    """A timedelta in words."""
    return "" if value is None else span_words(value)


@register.filter
def markdown(value: str) -> SafeString:
    """Text that people wrote in Markdown, without anything that could do harm."""
    return render(value)


@register.filter
def note(value: str) -> SafeString:
    """What somebody noted, with the little Markdown notes have."""
    return render_note(value)


@register.filter
def age(value: datetime) -> str:
    """How long ago it was."""
    return span_words(clock.now() - value)


@register.filter
def about(value: timedelta) -> str:
    """How long something takes, roughly: “40 s”, “3 min”."""
    seconds = round(value.total_seconds())
    return span_words(value) if seconds >= 90 else _("%(seconds)d s") % {"seconds": max(seconds, 1)}  # noqa: PLR2004 -- below, minutes say too little


@register.filter
def seconds(value: float) -> str:
    """How long something took: “0.4 s”, “3 min”."""
    short = _("%(seconds)s s") % {"seconds": floatformat(value, 1)}
    return short if value < 90 else span_words(timedelta(seconds=value))  # noqa: PLR2004 -- as `about`


@register.filter
def minutes(value: int) -> str:
    """A number of minutes in words."""
    return span_words(timedelta(minutes=value))


def moment_words(moment: datetime, *, now: datetime) -> str:
    """“10:58” today, “Mon 09:30” within six days, else “23 Nov 2026, 09:30”, in the reader's zone."""
    local, today = timezone.localtime(moment), timezone.localtime(now)
    if local.date() == today.date():
        return f"{local:%H:%M}"
    if abs((local.date() - today.date()).days) <= NEAR_DAYS:
        return dateformat.format(local, pgettext("moment", "D H:i"))
    return dateformat.format(local, pgettext("moment", "j M Y, H:i"))


@register.simple_tag
def moment(value: datetime | None, css: str = "") -> SafeString | str:
    """A `<time>` in the reader's zone with the exact moment for machines."""
    if value is None:
        return ""
    exact = value.astimezone(UTC).isoformat(timespec="seconds")
    return format_html('<time class="{}" datetime="{}">{}</time>', css, exact, moment_words(value, now=clock.now()))


@register.simple_tag
def said(value: datetime | str | int | None) -> SafeString | str:
    """A value of a field: a moment as moments are said, nothing as a dash."""
    if isinstance(value, datetime):
        return moment(value)
    return "\N{EN DASH}" if value in {None, ""} else str(value)


@register.simple_tag
def exact_moment(value: datetime | None) -> SafeString | str:
    """As `moment`, to the second and with its date: for trails and evidence."""
    if value is None:
        return ""
    local = timezone.localtime(value)
    exact = value.astimezone(UTC).isoformat(timespec="milliseconds")
    return format_html(
        '<time class="nowrap num" datetime="{}">{}</time>',
        exact,
        dateformat.format(local, pgettext("moment", "j M Y, H:i:s")),
    )


FUSE = (
    '<span class="fuse {}"><span class="t"><b>{}{}</b><small>{}{}</small></span>'
    '<svg class="bar" viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true"><rect width="{}" height="4"/></svg></span>'
)
FUSE_ICONS = {"over": "warn", "wait": "pause", "soon": "hourglass"}


@register.simple_tag
def fuse(
    due: datetime | None,
    since: datetime | None = None,
    *,
    paused: bool = False,
    prefix: str = "",
    warn_at: datetime | None = None,
) -> SafeString:
    """Time left until `due`: text and icon carry the meaning, the bar of the time between `since` and `due` only repeats it.

    `warn_at` is from when on it is soon, where somebody has worked that out. Written without a template: a list shows it in every row.
    """
    if due is None:
        return format_html('<span class="muted">{}</span>', _("no deadline"))
    now = clock.now()
    left = due - now
    total = due - since if since and since < due else timedelta(hours=4)
    share = min(max(left / total, 0.0), 1.0)
    if paused:
        state = "wait"
    elif left < timedelta(0):
        state = "over"
    else:
        soon = now >= warn_at if warn_at else left < max(SOON, total / 4)
        state = "soon" if soon else "fine"
    sign = icon(FUSE_ICONS[state], "s") if state in FUSE_ICONS else ""
    width = 100 if state == "over" else round(share * 100)
    before = f"{prefix} " if prefix else format_html('<span class="vh">, {} </span>', _("due"))
    return format_html(FUSE, state, sign, _fuse_words(state, span_words(left)), before, moment(due), width)


def _fuse_words(state: str, words: str) -> SafeString | str:
    if state == "over":
        return _("%(words)s late") % {"words": words}
    return _("Paused") if state == "wait" else format_html('{}<span class="vh"> {}</span>', words, _("left"))


@register.filter
def moment_of(value: datetime | str | None) -> datetime | None:
    """A moment that was kept as ISO 8601 text."""
    return datetime.fromisoformat(value) if isinstance(value, str) else value


@register.filter
def money(amount_minor: int | None, currency: str = "EUR") -> str:
    """Minor units as an amount: 31800 and EUR as “€318.00”."""
    return "" if amount_minor is None else money_in_words(amount_minor, currency)


@register.simple_tag
def avatar(name: str, *, kind: str = "person") -> SafeString:
    """Initials on one of four grounds, the same for the same name; decoration beside the written name."""
    initials = "".join(word[0] for word in name.replace("-", " ").split()[:2]).upper()
    ground = "sys" if kind == "system" else "abcd"[sum(name.encode()) % 4]
    return format_html('<span class="ava {}" aria-hidden="true">{}</span>', ground, initials)


@register.simple_tag
def case_owner(row: Any) -> SafeString:
    """Who has an exception of a list, and since when or until when it is to be taken. Written without a template, as `fuse`."""
    name = _("You") if row.is_mine and row.owner_kind == "person" else row.owner
    if row.acknowledged_at:
        words = format_html("{} {}", _("took it"), moment(row.acknowledged_at))
    elif row.next and row.next.why == "not taken":
        words = format_html("{} {}", _("take it by"), moment(row.acknowledge_by))
    else:
        words = format_html("{}", _("not taken yet"))
    warn = "" if row.acknowledged_at else " txt-warn"
    owner = avatar(row.owner, kind=row.owner_kind)
    return format_html('<span class="who">{}{}</span><div class="meta{}">{}</div>', owner, name, warn, words)


@register.simple_tag
def case_state(row: Any, people: Sequence[Any] = (), *, gone: bool = False) -> SafeString:
    """Where an exception of a list stands, who is on it, and, when it left the list meanwhile, with whom it is now."""
    where = in_words(row.state_label)
    if gone:
        where = _("%(state)s, now with %(owner)s") % {"state": where, "owner": row.owner}
    ground = "gone" if gone else "info" if row.state == "open" else ""
    pill = format_html('<span class="pill {}">{}</span>', ground, where)
    if row.clock == "at_risk" and not gone:
        pill = format_html('<span class="pill warn">{}</span> {}', in_words(row.clock.label), pill)
    return format_html("{} {}", pill, presence(people, in_list=True)) if people else pill


@register.simple_tag
def why_here(row: Any) -> SafeString:
    """Why an exception stands where it does: when it counts as due, and how far what is at risk brings that forward."""
    due, amount = moment(row.due_at), money(row.at_risk_minor, row.currency)
    if row.urgent_at < row.due_at:
        words = {"due": due, "amount": amount, "span": span_words(row.due_at - row.urgent_at)}
        why = format_html(_("due {due}, brought forward {span} by {amount} at risk"), **words)
    else:
        why = format_html(_("as it is due: {amount} at risk brings nothing forward"), amount=amount)
    return format_html('{}<div class="meta">{}</div>', moment(row.urgent_at), why)


@register.simple_tag
def presence(people: Sequence[Any], *, in_list: bool = False) -> SafeString | str:
    """Who else is on an exception, in words; it locks nothing."""
    if not people:
        return ""
    names = ", ".join(person.name for person in people)
    is_edited = any(person.is_editing for person in people)
    if in_list:
        words = _("%(names)s: editing") if is_edited else _("%(names)s: on this")
    elif is_edited:
        words = ngettext("%(names)s is editing", "%(names)s are here, editing", len(people))
    else:
        words = ngettext("%(names)s is looking at this too", "%(names)s are looking at this too", len(people))
    return format_html('<span class="presence">{}{}</span>', icon("eye", "s"), words % {"names": names})


@register.simple_tag(takes_context=True)
def query(context: Mapping[str, Any], **changes: Any) -> str:
    """The page's own address with some parameters changed; None removes one. Paging starts anew unless it is what changes."""
    parameters = context["request"].GET.copy()
    if "after" not in changes:
        parameters.pop("after", None)
    for name, value in changes.items():
        if value is None:
            parameters.pop(name, None)
        else:
            parameters[name] = str(value)
    return f"?{urlencode(list(parameters.lists()), doseq=True)}" if parameters else "?"


SORTS = {
    "due": ("due", "ascending"),
    "risk": ("-risk", "descending"),
    "opened": ("-created", "descending"),
    "urgent": ("urgency", "ascending"),
}


@register.simple_tag
def sorted_by(column: str, current: str) -> SafeString | str:
    """The attribute that says a list is in the order of this column."""
    order, direction = SORTS.get(column, ("", ""))
    return format_html(' aria-sort="{}"', direction) if order and order == current else ""


@register.simple_tag(takes_context=True)
def sort_link(context: Mapping[str, Any], column: str, title: str, current: str) -> SafeString | str:
    """A heading; where the list can be put into the order of this column and is not, a link that does."""
    order, _direction = SORTS.get(column, ("", ""))
    title = in_words(title)
    return (
        format_html('<a href="{}">{}</a>', query(context, sort=order), title) if order not in {"", current} else title
    )


@register.simple_tag
def sorted_in(column: str, current: str, sorts: Mapping[str, str]) -> SafeString | str:
    """The attribute that says that a list is in the order of this column, and which way."""
    name = sorts.get(column)
    if name is None or current.removeprefix("-") != name:
        return ""
    return format_html(' aria-sort="{}"', "descending" if current.startswith("-") else "ascending")


@register.simple_tag(takes_context=True)
def sort_toggle(
    context: Mapping[str, Any], column: str, title: str, current: str, sorts: Mapping[str, str]
) -> SafeString | str:
    """A heading; where a list can be put into the order of its column, a link that does, and that turns it round after that."""
    name, title = sorts.get(column), in_words(title)
    if name is None:
        return title
    arrow = "\N{DOWNWARDS ARROW}" if current == f"-{name}" else "\N{UPWARDS ARROW}" if current == name else ""
    mark = format_html(' <span aria-hidden="true">{}</span>', arrow) if arrow else ""
    link = query(context, sort=f"-{name}" if current == name else name)
    return format_html('<a href="{}">{}{}</a>', link, title, mark)


@register.filter
def label(value: str) -> str:
    """A stored word as people read it: “in_progress” as “In progress”."""
    return in_words(value.replace("_", " ").replace("-", " ").capitalize())


@register.filter
def words(value: Any) -> str:
    """What the domain says, in the language of the page."""
    return in_words(value) if isinstance(value, str) else str(value)


register.filter(as_said)


@register.filter
def linking(sentence: str, key: str) -> str:
    """The sentence, in which the key of an exception, or of a time-limited one, leads to it; as it is where it names none."""
    before, found, after = sentence.partition(key) if key else (sentence, "", "")
    if not found:
        return sentence
    route = "exceptions:waiver" if key.startswith(TIME_LIMITED) else "exceptions:case"
    return format_html('{}<a href="{}">{}</a>{}', before, reverse(route, args=[key]), key, after)


@register.filter
def derivation(value: str) -> str:
    """How a deadline came about, in the language of the page."""
    return derivation_in_words(value)


@register.filter
def cause(value: str) -> str:
    """What exceptions share, in words."""
    return in_words(cause_in_words(value))


register.filter(within)


@register.filter
def get(mapping: Mapping[str, Any], key: str) -> Any:
    """A mapping's value by a key the template holds."""
    return mapping.get(key, "")
