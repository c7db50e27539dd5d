"""Writing runbooks: anybody who works proposes, the owner accepts or rejects, nobody decides about an own proposal."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.utils.text import slugify

from audit.access import require
from audit.context import Actor, acting
from audit.errors import Conflict, FieldError, IllegalTransition, Invalid, NotFound, Refused, StaleVersion
from audit.services.events import record
from audit.texts import reason_given
from audit.words import said
from rules import runbooks, selectors
from rules.models import Owner, Runbook, RunbookReading, RunbookVersion
from rules.runbooks import News
from rules.selectors.runbooks import NO_SUCH, SEE, WRITE
from rules.states import RunbookState

LONGEST_SLUG = 50


def begin_runbook(
    *, title: str, owner: str, body: str, covers: Sequence[str], note: str, case_key: str = "", by: Actor, now: datetime
) -> RunbookVersion:
    """Propose a runbook there was none of; it says nothing to anybody before its owner (a slug) has accepted it.

    Raises `Invalid` naming every field that is wrong, `Refused`.
    """
    with acting(by, at=now):
        require(by, WRITE)
        slug = slugify(title)[:LONGEST_SLUG].strip("-")
        found = Owner.objects.filter(slug=owner, is_active=True).first()
        errors = [*runbooks.mistakes(title=title, body=body, note=note, covers=covers), *_unknown(covers)]
        if found is None:
            errors.append(FieldError("/owner", "unknown", said("There is no owner “%(owner)s”.", owner=owner)))
        if slug in {"", "new"} or Runbook.objects.filter(slug=slug).exists():
            errors.append(
                FieldError("/title", "taken", "There is a runbook of this name: propose a change of that one.")
            )
        if errors or found is None:
            raise _invalid(errors)
        runbook = Runbook.objects.create(slug=slug, title=title.strip(), owner=found)
        record("runbook.added", subject=runbook, slug=slug)
        return _propose(
            runbook, number=1, base=0, body=body, covers=covers, note=note, case_key=case_key, by=by, now=now
        )


def propose_revision(
    *,
    runbook_id: UUID,
    base: int,
    body: str,
    covers: Sequence[str],
    note: str,
    case_key: str = "",
    by: Actor,
    now: datetime,
) -> RunbookVersion:
    """Propose what a runbook should say instead of version `base` (0: nothing is in force); its owner is told.

    Raises `StaleVersion` when another is in force by now, `Invalid`, `NotFound`, `Refused`.
    """
    with acting(by, at=now):
        require(by, WRITE)
        runbook = _locked(runbook_id)
        versions = list(RunbookVersion.objects.filter(runbook=runbook).order_by("number"))
        current = next((one for one in versions if one.state == RunbookState.CURRENT), None)
        _refuse_if_stale(runbook, current, base)
        errors = [*runbooks.mistakes(title=runbook.title, body=body, note=note, covers=covers), *_unknown(covers)]
        if current is not None and (current.body, sorted(current.covers)) == (_clean(body), sorted(covers)):
            errors.append(
                FieldError("/body", "unchanged", said("This is what version %(base)s says already.", base=base))
            )
        if errors:
            raise _invalid(errors)
        number = versions[-1].number + 1 if versions else 1
        return _propose(
            runbook, number=number, base=base, body=body, covers=covers, note=note, case_key=case_key, by=by, now=now
        )


def accept_revision(*, version_id: UUID, by: Actor, now: datetime) -> RunbookVersion:
    """Put a proposal in force; the version before it is kept as replaced. Who proposed it is told.

    Raises `Refused` for who wrote it or is not its owner, `StaleVersion` when it was written from another version than the one in force.
    """
    with acting(by, at=now):
        version = _to_decide(version_id, by)
        previous = RunbookVersion.objects.filter(runbook=version.runbook_id, state=RunbookState.CURRENT).first()
        _refuse_if_stale(version.runbook, previous, version.base_number)
        if previous is not None:
            previous.supersede()
            previous.save()
            record("runbook.replaced", subject=previous, number=previous.number, by_number=version.number)
        version.accept()
        _decided(version, by, now)
        record("runbook.accepted", subject=version, runbook=version.runbook.slug, number=version.number)
        _tell_proposer(version, f"accepted by {by.name}: it is in force.", now)
    return version


def reject_revision(*, version_id: UUID, comment: str, by: Actor, now: datetime) -> RunbookVersion:
    """Leave the runbook as it is, and say why; who proposed it reads that. Raises as `accept_revision`, and `Invalid`."""
    with acting(by, at=now, reason=comment.strip()):
        version = _to_decide(version_id, by)
        version.comment = reason_given(comment, field="comment")
        version.reject()
        _decided(version, by, now)
        record("runbook.rejected", subject=version, runbook=version.runbook.slug, number=version.number)
        _tell_proposer(version, f"not taken by {by.name}: {version.comment}", now)
    return version


def withdraw_revision(*, version_id: UUID, by: Actor, now: datetime) -> RunbookVersion:
    """Take an own proposal back. Raises `Refused` for somebody else's, `IllegalTransition` when it is decided."""
    with acting(by, at=now):
        require(by, WRITE)
        version = _locked_version(version_id)
        if version.proposed_by != by.id:
            raise Refused(
                said(
                    "%(proposed_by_name)s proposed it; only they take it back.",
                    proposed_by_name=version.proposed_by_name,
                )
            )
        if version.state != RunbookState.PROPOSED:
            raise IllegalTransition(said("%(version)s is decided already.", version=version), at=version.decided_at)
        version.withdraw()
        _decided(version, by, now)
        record("runbook.withdrawn", subject=version, runbook=version.runbook.slug, number=version.number)
    return version


def confirm_reading(*, version_id: UUID, by: Actor, now: datetime) -> RunbookReading:
    """Say “I have read it” of the version in force; a second time changes nothing.

    Raises `Refused` for a program, `IllegalTransition` for a version that is not in force.
    """
    with acting(by, at=now):
        require(by, SEE)
        version = _locked_version(version_id)
        if by.user_id is None:
            raise Refused("Only people read runbooks.")
        if version.state != RunbookState.CURRENT:
            raise IllegalTransition(said("%(version)s is not in force: read the version that is.", version=version))
        reading, is_new = RunbookReading.objects.get_or_create(
            version=version, user_id=by.user_id, defaults={"at": now}
        )
        if is_new:
            record("runbook.read", subject=version, changes={}, runbook=version.runbook.slug, number=version.number)
    return reading


def _propose(
    runbook: Runbook,
    *,
    number: int,
    base: int,
    body: str,
    covers: Sequence[str],
    note: str,
    case_key: str,
    by: Actor,
    now: datetime,
) -> RunbookVersion:
    version = RunbookVersion.objects.create(
        runbook=runbook,
        number=number,
        base_number=base,
        body=_clean(body),
        covers=sorted(set(covers)),
        note=note.strip(),
        case_key=case_key,
        proposed_by=by.id,
        proposed_by_name=by.name,
        proposed_at=now,
    )
    record("runbook.proposed", subject=version, runbook=runbook.slug, number=number, exception=case_key)
    text = said(
        "%(name)s proposes version %(number)s of the runbook “%(title)s”: %(note)s You accept or reject it.",
        name=by.name,
        number=number,
        title=runbook.title,
        note=version.note,
    )
    runbooks.tell([News(runbook.owner, "runbook.proposed", text, _url_part(version))], now=now)
    return version


def _url_part(version: RunbookVersion) -> str:
    return f"{version.runbook.slug}/{version.number}"


def _tell_proposer(version: RunbookVersion, what: str, now: datetime) -> None:
    kind, _, user = version.proposed_by.partition(":")
    owner = Owner.objects.filter(user_id=user, is_active=True).first() if kind == "user" else None
    if owner is not None:
        text = said(
            "Your version %(number)s of the runbook “%(title)s” was %(what)s",
            number=version.number,
            title=version.runbook.title,
            what=what,
        )
        runbooks.tell([News(owner, "runbook.decided", text, _url_part(version))], now=now)


def _to_decide(version_id: UUID, by: Actor) -> RunbookVersion:
    version = _locked_version(version_id)
    require(by, SEE)
    if version.state != RunbookState.PROPOSED:
        raise Conflict(
            said(
                "%(version)s is decided already, by %(decided_by_name)s.",
                version=version,
                decided_by_name=version.decided_by_name,
            ),
            code="decided",
            who=version.decided_by_name,
            at=version.decided_at,
        )
    if why := selectors.why_not_decide(version, version.runbook.owner, by):
        raise Refused(why, who_can=[version.runbook.owner.name, "admin"])
    return version


def _decided(version: RunbookVersion, by: Actor, now: datetime) -> None:
    version.decided_by, version.decided_by_name, version.decided_at = by.id, by.name, now
    version.save()


def _locked(runbook_id: UUID) -> Runbook:
    """The runbook: whoever writes a version of it holds it, so that numbers and the one in force are decided one after the other."""
    found = Runbook.objects.select_for_update(of=("self",)).select_related("owner").filter(pk=runbook_id).first()
    if found is None:
        raise NotFound(NO_SUCH)
    return found


def _locked_version(version_id: UUID) -> RunbookVersion:
    known = RunbookVersion.objects.filter(pk=version_id).values_list("runbook_id", flat=True).first()
    if known is None:
        raise NotFound(NO_SUCH)
    runbook = _locked(known)
    version = RunbookVersion.objects.get(pk=version_id)
    version.runbook = runbook
    return version


def _refuse_if_stale(runbook: Runbook, current: RunbookVersion | None, base: int) -> None:
    in_force = current.number if current else 0
    if base != in_force:
        was, now_is = (f"version {number}" if number else "none" for number in (base, in_force))
        raise StaleVersion(
            said(
                "“%(title)s” has changed: this was written from %(was)s, and %(now_is)s is in force now. Compare, and propose it anew.",
                title=runbook.title,
                was=was,
                now_is=now_is,
            ),
            at=current.decided_at if current else None,
        )


def _unknown(covers: Sequence[str]) -> list[FieldError]:
    known = selectors.things()
    return [
        FieldError("/covers", "unknown", said("There is no “%(one)s”.", one=one))
        for one in sorted(set(covers) - known.keys())
    ]


def _invalid(errors: Sequence[FieldError]) -> Invalid:
    return Invalid(" ".join(error.detail for error in errors), errors=errors)


def _clean(body: str) -> str:
    """Line ends as everywhere, and none at the end."""
    return "\n".join(line.rstrip() for line in body.strip().splitlines())
