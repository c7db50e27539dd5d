"""Files that show why something should be allowed: those of the exception it is asked for, or a new one, which becomes a file of it."""

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple

from audit.context import Actor
from audit.errors import FieldError, Invalid
from audit.words import said
from exceptions.models import Waiver
from exceptions.selectors.waiver_files import files_to_choose
from exceptions.services.attachments import attach_file


class NewFile(NamedTuple):
    """A file that is handed in with a request."""

    name: str
    content: bytes


def set_evidence(waiver: Waiver, numbers: Collection[int], new: NewFile | None, *, by: Actor, now: datetime) -> None:
    """Refer to these files of its exception, and to a new one that is put there.

    Raises `Invalid` for a file there is not (any more), what `attach_file` raises, and for a new one where there is no exception.
    """
    chosen = set(numbers)
    unknown = chosen - {file.number for file in files_to_choose(waiver.case)} if chosen else set()
    if unknown:
        detail = said("Its exception has no such file: %(unknown)s.", unknown=", ".join(map(str, sorted(unknown))))
        raise Invalid(detail, errors=[FieldError("/evidence", "unknown", detail)])
    if new is not None:
        if waiver.case_id is None:
            detail = said("A file needs an exception it is kept with.")
            raise Invalid(detail, errors=[FieldError("/file", "no-exception", detail)])
        kept = attach_file(case_id=waiver.case_id, name=new.name, content=new.content, by=by, now=now)
        chosen.add(kept.number)
    waiver.evidence = sorted(chosen)
