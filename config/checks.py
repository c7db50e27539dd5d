"""What must be true of the database before the product serves anyone: promises it cannot keep otherwise.

Run with `manage.py check --database default`; `up` and the processes it starts do so first.
"""

from collections.abc import Iterable
from typing import Any

from django.apps import apps
from django.core.checks import CheckMessage, Error, Tags, register, run_checks
from django.core.checks import Warning as Caution
from django.core.exceptions import ImproperlyConfigured
from django.db import connections
from django.db.migrations.executor import MigrationExecutor


@register(Tags.database)
def database_keeps_promises(databases: Iterable[str] | None = None, **_: Any) -> list[CheckMessage]:
    """Refuse a superuser, an unsafe server and missing or disabled triggers."""
    found: list[CheckMessage] = []
    for alias in databases or ():
        with connections[alias].cursor() as cursor:
            found += _unsafe_role(cursor) + _unsafe_server(cursor)
            found += _unapplied_migrations(alias) or _silent_triggers(cursor)
    return found


def refuse_to_start_without_promises() -> None:
    """For the processes that serve: raise `ImproperlyConfigured` with the reasons when the database cannot keep its promises."""
    if found := run_checks(tags=[Tags.database], databases=["default"]):
        raise ImproperlyConfigured("Handrail does not start. " + " ".join(f"{one.msg} {one.hint}" for one in found))


def _unsafe_role(cursor: Any) -> list[CheckMessage]:
    cursor.execute("SELECT rolname FROM pg_roles WHERE rolname = current_user AND rolsuper")
    if role := cursor.fetchone():
        hint = "Connect as a role that is no superuser; docs/operations.md shows how to make one."
        return [
            Error(
                f"Connected as the superuser {role[0]}, who could change the audit trail.",
                hint=hint,
                id="handrail.E001",
            )
        ]
    return []


def _unsafe_server(cursor: Any) -> list[CheckMessage]:
    cursor.execute(
        "SELECT name FROM pg_settings WHERE name IN ('fsync', 'full_page_writes') AND setting = 'off' ORDER BY name"
    )
    return [
        Error(
            f"{name} is off: what was answered with success may be lost in a crash.",
            hint=f"Set {name} = on.",
            id="handrail.E002",
        )
        for (name,) in cursor.fetchall()
    ]


def _unapplied_migrations(alias: str) -> list[CheckMessage]:
    """Only a warning: `migrate` itself runs these checks first, and has to be let through."""
    executor = MigrationExecutor(connections[alias])
    if not executor.migration_plan(executor.loader.graph.leaf_nodes()):
        return []
    return [Caution("The database is older than the code.", hint="Run `manage.py migrate`.", id="handrail.W001")]


def _silent_triggers(cursor: Any) -> list[CheckMessage]:
    cursor.execute("SELECT tgname FROM pg_trigger WHERE tgenabled = 'A' AND NOT tgisinternal")
    awake = {name for (name,) in cursor.fetchall()}
    expected = {
        (trigger.get_pgid(model), model._meta.label)
        for config in apps.get_app_configs()
        for model in config.get_models()
        for trigger in getattr(model._meta, "triggers", [])
    }
    return [
        Error(
            f"A guard of {label} is missing or disabled ({name}).", hint="Run `manage.py migrate`.", id="handrail.E003"
        )
        for name, label in sorted(expected)
        if name not in awake
    ]
