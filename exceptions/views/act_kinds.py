"""What can be done with one exception from its page: the form of each act, the door it calls, and what is said afterwards."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy

from audit import clock
from audit.context import Actor
from exceptions import services
from exceptions.forms import (
    ActForm,
    AttachForm,
    LinkForm,
    NoteForm,
    ReasonForm,
    ReassignForm,
    ResolveForm,
    SeverityForm,
    UndoForm,
    WaitForm,
    WithdrawFileForm,
)
from exceptions.models import ExceptionCase

Run = Callable[[ExceptionCase, Any, Actor], object]


@dataclass(frozen=True)
class Act:
    """One act: its form, what it calls, its button and what it says afterwards; `asked` are answers its address may bring along."""

    form: type[ActForm]
    run: Run
    button: Any
    said: Any
    next_in_queue: bool = False
    asked: tuple[str, ...] = ()


def _of(case: ExceptionCase, form: Any, by: Actor) -> dict[str, Any]:
    return {"case_id": case.pk, "by": by, "now": clock.now(), "seen": form.cleaned_data["seen"]}


def _wait(case: ExceptionCase, form: Any, by: Actor) -> object:
    now = clock.now()
    until = form.until(now)
    given = form.cleaned_data
    return services.wait_case(
        case_id=case.pk,
        until=until,
        reason=given["reason"],
        on=given["on"],
        party=given["party"],
        event=given.get("event", ""),
        by=by,
        now=now,
        seen=given["seen"],
    )


ACTS = {
    "acknowledge": Act(
        ActForm,
        lambda c, f, by: services.acknowledge_case(**_of(c, f, by)),
        gettext_lazy("Take it"),
        gettext_lazy("You have it now."),
    ),
    "start": Act(
        ActForm, lambda c, f, by: services.start_case(**_of(c, f, by)), gettext_lazy("Start"), gettext_lazy("Started.")
    ),
    "resume": Act(
        ActForm,
        lambda c, f, by: services.resume_case(**_of(c, f, by)),
        gettext_lazy("Resume"),
        gettext_lazy("It is yours again."),
    ),
    "wait": Act(WaitForm, _wait, gettext_lazy("Wait"), gettext_lazy("Waiting. It comes back by itself.")),
    "reassign": Act(
        ReassignForm,
        lambda c, f, by: services.reassign_case(
            **_of(c, f, by), to=f.cleaned_data["to"].slug, reason=f.cleaned_data["reason"]
        ),
        gettext_lazy("Reassign"),
        gettext_lazy("Reassigned. The clock keeps running."),
    ),
    "escalate": Act(
        ReasonForm,
        lambda c, f, by: services.escalate_case(**_of(c, f, by), reason=f.cleaned_data["reason"]),
        gettext_lazy("Escalate now"),
        gettext_lazy("Escalated. The next step of its ladder was taken before its time."),
    ),
    "severity": Act(
        SeverityForm,
        lambda c, f, by: services.change_severity(
            **_of(c, f, by), severity=f.cleaned_data["severity"], reason=f.cleaned_data["reason"]
        ),
        gettext_lazy("Change severity"),
        gettext_lazy("Changed. The deadline was worked out anew."),
    ),
    "rebase": Act(
        ReasonForm,
        lambda c, f, by: services.rebase_case(**_of(c, f, by), reason=f.cleaned_data["reason"]),
        gettext_lazy("Use the ladder in force"),
        gettext_lazy("It climbs the ladder of the rule book in force now."),
    ),
    "note": Act(
        NoteForm,
        lambda c, f, by: services.note_case(case_id=c.pk, text=f.cleaned_data["text"], by=by, now=clock.now()),
        gettext_lazy("Add note"),
        gettext_lazy("Note added."),
    ),
    "attach": Act(
        AttachForm,
        lambda c, f, by: services.attach_file(
            case_id=c.pk,
            name=f.cleaned_data["file"].name,
            content=f.cleaned_data["file"].read(),
            criterion=f.cleaned_data.get("criterion"),
            by=by,
            now=clock.now(),
        ),
        gettext_lazy("Add file"),
        gettext_lazy("File added."),
    ),
    "withdraw-file": Act(
        WithdrawFileForm,
        lambda c, f, by: services.withdraw_file(
            case_id=c.pk, number=f.cleaned_data["file"], reason=f.cleaned_data["reason"], by=by, now=clock.now()
        ),
        gettext_lazy("Withdraw file"),
        gettext_lazy("Withdrawn. Nobody is shown what is in it any more."),
        asked=("file",),
    ),
    "link": Act(
        LinkForm,
        lambda c, f, by: services.link_cases(
            case_id=c.pk, exception=f.cleaned_data["exception"], by=by, now=clock.now()
        ),
        gettext_lazy("Link exception"),
        gettext_lazy("Linked."),
    ),
    "unlink": Act(
        LinkForm,
        lambda c, f, by: services.unlink_cases(
            case_id=c.pk, exception=f.cleaned_data["exception"], by=by, now=clock.now()
        ),
        gettext_lazy("Unlink exception"),
        gettext_lazy("Unlinked."),
    ),
    "watch": Act(
        ActForm,
        lambda c, _f, by: services.watch_case(case_id=c.pk, by=by, now=clock.now()),
        gettext_lazy("Watch"),
        gettext_lazy("You will be told what happens to it."),
    ),
    "unwatch": Act(
        ActForm,
        lambda c, _f, by: services.unwatch_case(case_id=c.pk, by=by, now=clock.now()),
        gettext_lazy("Stop watching"),
        gettext_lazy("You are told no more, unless it is yours."),
    ),
    "undo": Act(
        UndoForm,
        lambda c, f, by: services.undo_act(case_id=c.pk, entry=f.cleaned_data["entry"], by=by, now=clock.now()),
        gettext_lazy("Take back"),
        gettext_lazy("Taken back."),
        asked=("entry",),
    ),
    "resolve": Act(
        ResolveForm,
        lambda c, f, by: services.resolve_case(
            **_of(c, f, by),
            outcome=f.cleaned_data["outcome"],
            root_cause=f.cleaned_data["root_cause"],
            note=f.cleaned_data["note"],
        ),
        gettext_lazy("Resolve"),
        gettext_lazy("Resolved."),
        next_in_queue=True,
    ),
    "reopen": Act(
        ReasonForm,
        lambda c, f, by: services.reopen_case(**_of(c, f, by), reason=f.cleaned_data["reason"]),
        gettext_lazy("Reopen"),
        gettext_lazy("Reopened."),
    ),
}
