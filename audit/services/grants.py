"""What the application's and the verifier's database roles may do: on the trail insert and read, on history read, nowhere delete."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.apps import apps
from django.db import connection, models, transaction
from psycopg import sql

from audit.models import Accountable, HistoryRow

READ, GROW, WORK, ALL = (
    ("SELECT",),
    ("SELECT", "INSERT"),
    ("SELECT", "INSERT", "UPDATE"),
    (
        "SELECT",
        "INSERT",
        "UPDATE",
        "DELETE",
    ),
)
READ_ONLY_TABLES = frozenset({"django_migrations"})


@dataclass(frozen=True)
class Grant:
    """What the application may do to one table."""

    table: str
    rights: tuple[str, ...]


def rights_on(model: type[models.Model]) -> tuple[str, ...]:
    """The application's rights follow from what the table promises."""
    refused = {trigger.name for trigger in getattr(model._meta, "triggers", ())}
    if issubclass(model, HistoryRow):
        return READ
    if "append_only" in refused:
        return GROW
    if issubclass(model, Accountable) or "refuse_delete" in refused:
        return WORK
    return ALL


def expected_grants() -> Iterator[Grant]:
    """For every table of every installed app."""
    for model in apps.get_models(include_auto_created=True):
        if model._meta.managed and not model._meta.proxy:
            yield Grant(model._meta.db_table, rights_on(model))
    for table in sorted(READ_ONLY_TABLES):
        yield Grant(table, READ)


def grant_roles(*, app: str, verifier: str) -> list[str]:
    """Give both roles exactly their rights, taking away what they had; run as the owner. The roles that exist and were set up.

    A role that does not exist, or that is the owner itself, is left alone: then the database alone refuses changes through its triggers.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT rolname FROM pg_roles WHERE rolname = ANY(%s) AND rolname <> current_user", [[app, verifier]]
        )
        present = {name for (name,) in cursor.fetchall()}
        cursor.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
        for role in sorted(present):
            name = sql.Identifier(role)
            cursor.execute(sql.SQL("GRANT USAGE ON SCHEMA public TO {}").format(name))
            cursor.execute(sql.SQL("REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {}").format(name))
        if verifier in present:
            cursor.execute(
                sql.SQL("GRANT SELECT ON ALL TABLES IN SCHEMA public TO {}").format(sql.Identifier(verifier))
            )
        if app in present:
            name = sql.Identifier(app)
            cursor.execute(sql.SQL("GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {}").format(name))
            for grant in expected_grants():
                rights = sql.SQL(", ").join(map(sql.SQL, grant.rights))
                cursor.execute(sql.SQL("GRANT {} ON {} TO {}").format(rights, sql.Identifier(grant.table), name))
    return sorted(present)
