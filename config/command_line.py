"""The way in of every command: what keeps it from even asking ends with a sentence and 3, never with the 1 that means “findings”."""

import gc
import sys
from collections.abc import Sequence
from typing import Final

from django.core.exceptions import ImproperlyConfigured
from django.core.management import BaseCommand, ManagementUtility
from django.db import Error, InterfaceError, OperationalError
from psycopg.errors import InsufficientPrivilege, UndefinedColumn, UndefinedTable

USAGE: Final = 2
NOT_READY: Final = 3
PARTIAL: Final = 4
OLD: Final = (UndefinedTable, UndefinedColumn)


class CommandLine(ManagementUtility):
    """Django's own, but that a command there is none of is wrong use and no finding."""

    def fetch_command(self, subcommand: str) -> BaseCommand:
        """The command of this name; Django has said it already where there is none."""
        try:
            command = super().fetch_command(subcommand)
        except SystemExit:
            raise SystemExit(USAGE) from None
        gc.freeze()  # as in the worker: what is loaded stays, and need not be looked through whenever memory is collected
        return command


def run(argv: Sequence[str]) -> None:
    """Run `argv`'s command. Exits with 3 where settings are wrong or the database is away or older than the code, with 4 after Ctrl-C."""
    try:
        CommandLine(list(argv)).execute()
    except (ImproperlyConfigured, Error) as error:
        sentence = why_not_ready(error)
        if not sentence or "--traceback" in argv:
            raise
        sys.stderr.write(f"{sentence}\n")
        raise SystemExit(NOT_READY) from None
    except KeyboardInterrupt:
        sys.stderr.write("Stopped. What was done until then stays; the same command does the rest.\n")
        raise SystemExit(PARTIAL) from None


def why_not_ready(error: Exception) -> str:
    """What of the environment kept a command from its work, and what to do; "" where it was something else."""
    if isinstance(error, ImproperlyConfigured):
        return str(error)
    if isinstance(error.__cause__, OLD):
        return "The database is older than the code. Run `manage.py migrate` as the owner of the tables."
    if isinstance(error.__cause__, InsufficientPrivilege):
        return f"The database refuses: {_first_line(error)}. Run `manage.py grant_roles`, or connect as the right role."
    if isinstance(error, OperationalError | InterfaceError):
        return f"The database cannot be asked: {_first_line(error)}. See that it runs and that DATABASE_URL is right."
    return ""


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__).rstrip(".:")
