"""Files on exceptions, for who may see the exception."""

from pathlib import Path
from typing import BinaryIO

from django.conf import settings

from audit.context import Actor
from audit.errors import NotFound
from audit.words import said
from exceptions.models import CaseAttachment
from exceptions.selectors.cases import case_for


def stored_at(sha256: str) -> Path:
    """Where content of this checksum lies."""
    return Path(settings.DATA_DIR) / "attachments" / sha256[:2] / sha256


def attachment_for(*, by: Actor, key: str, number: int) -> CaseAttachment:
    """File `number` of the exception people call `key`. Raises `NotFound`, also for another client's, and for one that was withdrawn."""
    files = CaseAttachment.objects.select_related("withdrawal").filter(case=case_for(by, key), number=number)
    found = files.first()
    if found is None:
        raise NotFound("There is no such file, or it is not yours to see.")
    if found.withdrawn:
        raise NotFound("This file was withdrawn: what is in it is not shown any more.")
    return found


def opened(attachment: CaseAttachment) -> BinaryIO:
    """What is in it. Raises `NotFound` when the disk no longer has it."""
    return opened_file(attachment.sha256, attachment.name)


def opened_file(sha256: str, name: str) -> BinaryIO:
    """What lies under this checksum. Raises `NotFound` when the disk no longer has it."""
    try:
        return stored_at(sha256).open("rb")
    except FileNotFoundError:
        raise NotFound(
            said("“%(name)s” is not where files are kept; it has to be restored from a backup.", name=name)
        ) from None
