"""What tests of the wiring share."""

import pytest
from django.db import OperationalError


@pytest.fixture
def away(monkeypatch: pytest.MonkeyPatch) -> None:
    """A database that does not answer."""

    def refuse(_: object) -> None:
        raise OperationalError(
            'connection to server at "db", port 5432 failed: Connection refused\n\tIs the server running on that host?\n'
        )

    monkeypatch.setattr("django.db.backends.base.base.BaseDatabaseWrapper.ensure_connection", refuse)
