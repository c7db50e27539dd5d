"""Statements that the server plans once."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from audit import statements

STATEMENT = "SELECT %s::int + 1 AS planned_once"


@pytest.mark.django_db
def test_it_is_planned_once_and_counted_each_time() -> None:
    assert [statements.ask(STATEMENT, [number]) for number in (1, 2, 3)] == [[(2,)], [(3,)], [(4,)]]
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%planned_once%'")
        assert cursor.fetchone() == (1,)
    with CaptureQueriesContext(connection) as asked:
        statements.ask(STATEMENT, [4])
    assert [query["sql"] for query in asked] == ["SELECT 4::int + 1 AS planned_once"]
