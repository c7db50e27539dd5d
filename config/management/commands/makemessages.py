"""Collect the words that are marked for translation."""

import re
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandParser
from django.core.management.commands import makemessages

NOISE = re.compile(r'^"(?:POT-Creation-Date|PO-Revision-Date|Report-Msgid-Bugs-To): .*\n', re.MULTILINE)
LANGUAGES = [code for code, _name in settings.LANGUAGES if code != settings.LANGUAGE_CODE]

# What the domain says in sentences of its own: audit.words.
SAYING = (
    "said",
    "noop",
    "Refused",
    "NotFound",
    "Conflict",
    "IllegalTransition",
    "AlreadyGone",
    "OwnRequest",
    "OwnOverride",
    "FieldError:3",
    "Column",
)


class Command(makemessages.Command):
    """As Django's, but the same sources give the same file everywhere: sorted, without places, dates or guesses."""

    help = "Collect the texts that people read for their translation; `make texts` does, and compiles them."

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.xgettext_options = [*self.xgettext_options, *(f"--keyword={name}" for name in SAYING)]
        self.msgmerge_options = [*self.msgmerge_options, "--sort-output", "--no-fuzzy-matching"]
        self.msguniq_options = [*self.msguniq_options, "--sort-output"]
        self.msgattrib_options = [*self.msgattrib_options, "--sort-output"]

    def add_arguments(self, parser: CommandParser) -> None:
        """Whoever changes a text has nothing to remember."""
        super().add_arguments(parser)
        parser.set_defaults(
            locale=LANGUAGES, no_location=True, no_wrap=True, ignore_patterns=[".venv", "var", "tests", "requirements"]
        )

    def write_po_file(self, potfile: str, locale: str) -> None:
        """Write the file, and take out when that was."""
        super().write_po_file(potfile, locale)
        written = Path(potfile).parent / locale / "LC_MESSAGES" / f"{self.domain}.po"
        written.write_text(NOISE.sub("", written.read_text(encoding="utf-8")), encoding="utf-8")
