"""Statements that are asked all day long with other values: each connection has the server plan them once.

To plan such a statement anew takes the server longer than to answer it. A parameter whose length decides the plan (`= ANY(…)` of what is
known beforehand) keeps the server planning: spell it out.
"""

from collections.abc import Sequence
from typing import Any

from django.db import connection
from psycopg import Cursor


def ask(statement: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
    """The rows it gives. Where statements are written down, by Django's own cursor, which can spell them with their values."""
    with connection.cursor() if connection.queries_logged else _planning_once() as cursor:
        cursor.execute(statement, parameters)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


def _planning_once() -> Any:
    connection.ensure_connection()
    plain: Any = Cursor(connection.connection)  # Django's own puts the values into the text, which is another each time
    return connection.make_cursor(plain)
