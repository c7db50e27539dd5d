"""Putting files on exceptions. What is in a file decides what it is; what cannot be told is not kept."""

import hashlib
import os
import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath, PureWindowsPath
from tempfile import NamedTemporaryFile
from typing import Final
from uuid import UUID

from audit.access import require
from audit.context import Actor
from audit.errors import Conflict, FieldError, IllegalTransition, Invalid, NotFound
from audit.services.events import record
from audit.texts import reason_given
from audit.words import said
from exceptions.models import CaseAttachment, ExceptionCase, WithdrawnFile
from exceptions.models.evidence import LARGEST_FILE
from exceptions.selectors.attachments import stored_at
from exceptions.services.working import running, working
from exceptions.states import CASE_DONE, CaseState

MOST_FILES: Final = 10
LONGEST_NAME: Final = 120
SIGNATURES: Final = (
    (re.compile(rb"%PDF-"), "application/pdf"),
    (re.compile(rb"\x89PNG\r\n\x1a\n"), "image/png"),
    (re.compile(rb"\xff\xd8\xff"), "image/jpeg"),
    (re.compile(rb"GIF8[79]a"), "image/gif"),
    (re.compile(rb"RIFF....WEBP", re.DOTALL), "image/webp"),
)
NAMES: Final = {
    "application/pdf": (".pdf",),
    "image/png": (".png",),
    "image/jpeg": (".jpg", ".jpeg"),
    "image/gif": (".gif",),
    "image/webp": (".webp",),
    "text/plain": (".txt", ".csv", ".json", ".eml", ".log", ".md"),
}
NOT_TEXT: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
MARKUP: Final = re.compile(r"\s*<(!doctype|html|svg|script|\?xml)", re.IGNORECASE)
UNFIT_FOR_NAMES: Final = re.compile(r"[\x00-\x1f\x7f\u202a-\u202e\u2066-\u2069\"\\/]")


@dataclass(frozen=True)
class KeptFile:
    """A file that is kept: its plain name, its media type, its size in bytes and the checksum it lies under."""

    name: str
    content_type: str
    size: int
    sha256: str


def attach_file(
    *, case_id: UUID, name: str, content: bytes, criterion: int | None = None, by: Actor, now: datetime
) -> CaseAttachment:
    """Keep a file with an exception, as evidence of one of its acceptance criteria (counted from one) or of none in particular.

    Raises `Invalid` for one that is empty, too large, of a kind that is not kept or named as another kind, when there are enough, and for a
    criterion there is not.
    """
    with working(case_id, by, now, None) as case:
        count = CaseAttachment.objects.filter(case=case).count()
        if count >= MOST_FILES:
            raise _unfit(
                "too-many",
                said("There are %(count)s files already; %(most)s is the limit.", count=count, most=MOST_FILES),
            )
        if criterion is not None and not 1 <= criterion <= len(case.acceptance):
            detail = said("%(key)s has no criterion %(number)s.", key=case.key, number=criterion)
            raise _unfit("unknown", detail, "criterion")
        kept = keep_file(name=name, content=content)
        attachment = CaseAttachment.objects.create(
            case=case,
            number=count + 1,
            at=now,
            by=by.id,
            by_name=by.name,
            name=kept.name,
            content_type=kept.content_type,
            size=kept.size,
            sha256=kept.sha256,
            criterion=criterion,
        )
        record("case.file_added", subject=case, changes={}, file=attachment.number, sha256=kept.sha256, size=kept.size)
        if case.state in {CaseState.ACKNOWLEDGED, CaseState.IN_PROGRESS}:
            running(case, now)
    return attachment


def withdraw_file(*, case_id: UUID, number: int, reason: str, by: Actor, now: datetime) -> CaseAttachment:
    """Show nobody any more what is in a file, for it was the wrong one; who put it there, its checksum and who said so stay.

    Raises `NotFound`, `Refused` for somebody else's file unless a lead says so, `Conflict` for one that is withdrawn already, and
    `IllegalTransition` for the evidence of a criterion its exception was resolved by.
    """
    with working(case_id, by, now, None) as case:
        attachment = CaseAttachment.objects.select_related("withdrawal").filter(case=case, number=number).first()
        if attachment is None:
            raise NotFound("There is no such file, or it is not yours to see.")
        if attachment.by != by.id:
            require(by, "exceptions.change_severity", case)
        _refuse_unless_withdrawable(case, attachment)
        words = reason_given(reason)
        WithdrawnFile.objects.create(attachment=attachment, at=now, by=by.id, by_name=by.name, reason=words)
        record(
            "case.file_withdrawn",
            subject=case,
            changes={},
            reason=words,
            file=attachment.number,
            sha256=attachment.sha256,
        )
    return attachment


def _refuse_unless_withdrawable(case: ExceptionCase, attachment: CaseAttachment) -> None:
    if attachment.withdrawn:
        raise Conflict("This file was withdrawn already.", code="withdrawn-already")
    if attachment.criterion is not None and case.state in CASE_DONE:
        raise IllegalTransition(
            said("%(key)s was resolved on the strength of this file, so it stays. Reopen it first.", key=case.key)
        )


def keep_file(*, name: str, content: bytes, only: str = "", field: str = "file") -> KeptFile:
    """Keep what is in a file under its checksum, and say what it is; `only` is the beginning of the media types that are taken.

    Raises `Invalid` at `field` for one that is empty, too large, of a kind that is not kept or named as another kind.
    """
    plain = _plain_name(name)
    content_type = _checked(plain, content, only, field)
    digest = hashlib.sha256(content).hexdigest()
    _store(content, digest)
    return KeptFile(plain, content_type, len(content), digest)


def kind_of(content: bytes) -> str:
    """The media type of what is in a file, by its first bytes; empty for what is not kept."""
    for signature, content_type in SIGNATURES:
        if signature.match(content):
            return content_type
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return ""
    return "" if NOT_TEXT.search(text) or MARKUP.match(text) else "text/plain"


def _plain_name(name: str) -> str:
    """The last part of a path of any system, without what could mislead."""
    last = PureWindowsPath(PurePosixPath(name).name).name
    plain = UNFIT_FOR_NAMES.sub("", last).strip(" .")
    stem, suffix = PurePosixPath(plain).stem, PurePosixPath(plain).suffix
    return f"{stem[: LONGEST_NAME - len(suffix)]}{suffix}"[:LONGEST_NAME]


def _checked(name: str, content: bytes, only: str, field: str) -> str:
    if not content:
        raise _unfit("empty", said("“%(name)s” is empty.", name=name), field)
    if len(content) > LARGEST_FILE:
        raise _unfit(
            "too-large", said("“%(name)s” is larger than %(most)s MB.", name=name, most=LARGEST_FILE // 1024**2), field
        )
    content_type = kind_of(content)
    if not content_type:
        raise _unfit(
            "unknown-kind",
            said("“%(name)s” is no PDF, picture (PNG, JPEG, GIF, WebP) or plain text in UTF-8.", name=name),
            field,
        )
    if not content_type.startswith(only):
        raise _unfit("unknown-kind", said("“%(name)s” is no picture (PNG, JPEG, GIF, WebP).", name=name), field)
    if PurePosixPath(name).suffix.lower() not in NAMES[content_type]:
        expected = ", ".join(NAMES[content_type])
        detail = said(
            "What is in “%(name)s” is %(kind)s; its name has to end with %(expected)s.",
            name=name,
            kind=content_type,
            expected=expected,
        )
        raise _unfit("misnamed", detail, field)
    return content_type


def _unfit(code: str, detail: str, field: str = "file") -> Invalid:
    return Invalid(detail, errors=[FieldError(f"/{field}", code, detail)])


def _store(content: bytes, digest: str) -> None:
    """Written under another name first, so that a file is there whole or not at all; left behind it does no harm."""
    path = stored_at(digest)
    if path.exists():
        return
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with NamedTemporaryFile(dir=path.parent, delete=False) as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    Path(file.name).replace(path)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
