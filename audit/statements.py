"""Statements that are asked all day long with other values: each connection has the server plan them once.

To plan such a statement anew takes the server longer than to answer it. A parameter whose length decides the plan (`= ANY(…)` of what is
known beforehand) keeps the server planning: spell it out.
"""

from collections.abc import Sequence
from typing import Any

from django.db import connection
from psycopg import Cursor


def ask(statement: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
    """The rows it gives."""
    connection.ensure_connection()
    wrapped = connection.make_debug_cursor if connection.queries_logged else connection.make_cursor
    plain: Any = Cursor(connection.connection)  # Django's own puts the values into the text, which is another each time
    with wrapped(plain) as cursor:
        cursor.execute(statement, parameters)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows
