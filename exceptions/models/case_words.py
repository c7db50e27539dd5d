"""The words people find a case by.

They stand beside the case: in an index of the case itself they would be taken apart again with every change of anything else, for each
change that moves a row is told to all its indexes.
"""

from typing import ClassVar

import pgtrigger
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import models

from audit.triggers import StrictTrigger

# What PostgreSQL would read as one word (paths, hosts, signed numbers), and people search by its parts.
WORD_JOINERS = "-/._:@+&?=~#"
FOUND_BY = ("title", "subject_key", "cause")


def words_of(row: str) -> str:
    """SQL: the words of this row of cases."""
    texts = " || ' ' || ".join(f"{row}.{column}" for column in FOUND_BY)
    return f"to_tsvector('simple'::regconfig, translate({texts}, '{WORD_JOINERS}', repeat(' ', {len(WORD_JOINERS)})))"


class CaseWords(models.Model):
    """The words of one case; the database writes them."""

    case = models.OneToOneField(
        "exceptions.ExceptionCase", on_delete=models.PROTECT, primary_key=True, related_name="words"
    )
    words = SearchVectorField()

    class Meta:
        indexes: ClassVar[list[models.Index]] = [GinIndex(fields=["words"], name="casewords_words")]

    def __str__(self) -> str:
        return f"words of {self.case_id}"


class WriteWords(StrictTrigger):
    """Keep the words of new cases, one statement for any number of them."""

    level = pgtrigger.Statement
    when = pgtrigger.After
    operation = pgtrigger.Insert
    name = "write_words"
    referencing = pgtrigger.Referencing(new="opened")  # type: ignore[no-untyped-call]

    def get_func(self, model: models.Model) -> str:
        """All of them are new."""
        del model
        return f"""
            INSERT INTO exceptions_casewords (case_id, words) SELECT opened.id, {words_of("opened")} FROM opened;
            RETURN NULL;
        """  # noqa: S608 -- column names of our own model


class RewriteWords(StrictTrigger):
    """Keep up with a case that is said in other words; it costs nothing where none of them changes."""

    level = pgtrigger.Row
    when = pgtrigger.After
    operation = pgtrigger.UpdateOf(*FOUND_BY)  # type: ignore[no-untyped-call]
    condition = pgtrigger.AnyChange(*FOUND_BY)
    name = "rewrite_words"

    def get_func(self, model: models.Model) -> str:
        """Of this one."""
        del model
        return f"""
            UPDATE exceptions_casewords SET words = {words_of("NEW")} WHERE case_id = NEW.id;
            RETURN NULL;
        """  # noqa: S608 -- column names of our own model


KEEP_WORDS: list[pgtrigger.Trigger] = [WriteWords(), RewriteWords()]
