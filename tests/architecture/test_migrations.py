"""Migrating an empty database is what every test run and every first start wait for."""

import pytest
from django.db.migrations import Migration
from django.db.migrations.loader import MigrationLoader

from audit.migration_operations import at_once

OURS = sorted(
    (
        migration
        for migration in MigrationLoader(None).disk_migrations.values()
        if migration.app_label in {"audit", "rules", "exceptions", "fulfilment", "campaigns", "sync"}
    ),
    key=str,
)


@pytest.mark.parametrize("migration", OURS, ids=str)
def test_neighbouring_operations_of_a_migration_are_done_in_one_step(migration: Migration) -> None:
    """A new migration ends with `operations = audit.migration_operations.at_once(operations)`."""
    assert len(at_once(migration.operations)) == len(migration.operations)
