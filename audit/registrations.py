"""Everything this app plugs into its own registries, in one place."""

from django.apps import apps
from django.utils.translation import gettext_noop as noop

from audit import verbs
from audit.checks import register_check
from audit.models import Accountable, HistoryRow
from audit.triggers import published_edges

verbs.register(
    {
        "access.refused": noop("{actor} was refused"),
        "list.exported": noop("{actor} exported a list"),
        "trail.verified": noop("{actor} checked the trail: it is whole"),
        "trail.found_broken": noop("{actor} checked the trail: it is broken"),
    }
)

OWNED_BY = "client"
ACCOUNTABLE = [model for model in apps.get_models() if issubclass(model, Accountable)]
HISTORIES = [(model._meta.label_lower, model.history.model._meta.db_table) for model in ACCOUNTABLE]
GUARDED = [model._meta.db_table for model in apps.get_models() if getattr(model._meta, "triggers", ())]
APPEND_ONLY = [
    model._meta.db_table
    for model in apps.get_models()
    if any(trigger.name == "append_only" for trigger in getattr(model._meta, "triggers", ()))
]
# (label, history table, state column, its published edges) of every record with states.
STATES = [
    (model._meta.label_lower, model.history.model._meta.db_table, field, edges)
    for model in ACCOUNTABLE
    for field, edges in published_edges(model).items()
]
# (child, its table, the column that points to a parent, the parent's table) wherever both say whose they are.
TENANTS = [
    (model._meta.label_lower, model._meta.db_table, field.column, parent._meta.db_table)
    for model in apps.get_models()
    if not issubclass(model, HistoryRow) and OWNED_BY in {field.name for field in model._meta.concrete_fields}
    for field in model._meta.concrete_fields
    if (parent := field.related_model) is not None
    and OWNED_BY in {column.name for column in parent._meta.concrete_fields}
]
# The 48 bits of milliseconds in a UUIDv7 say when the row was really made, whatever time the act was told to happen at.
MADE_MS = "('x' || substr(replace(id::text, '-', ''), 1, 12))::bit(48)::bigint"


def _quoted(names: list[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)


def _pairs(edges: list[tuple[str, str]]) -> str:
    return ", ".join(f"('{source}', '{target}')" for source, target in edges)


register_check(
    "inv-12",
    statement="Every change of state in every history is a published one",
    sql=" UNION ALL ".join(
        f"""(SELECT '{label} ' || id FROM (
                SELECT id, "{field}" AS state, lag("{field}") OVER (PARTITION BY id ORDER BY version) AS before FROM "{table}"
            ) h WHERE before <> state AND (before, state) NOT IN ({_pairs(edges)}) LIMIT 20)"""  # noqa: S608 -- our own tables
        for label, table, field, edges in STATES
    ),
    budget_ms=30_000,
)
register_check(
    "inv-28",
    statement="Every change of a record has an event of the same transaction",
    sql=" UNION ALL ".join(
        f"""(SELECT '{label} ' || h.id FROM "{table}" h WHERE NOT EXISTS (
            SELECT 1 FROM audit_event e WHERE e.transaction = h.history_transaction) LIMIT 20)"""  # noqa: S608 -- our own tables
        for label, table in HISTORIES
    ),
    budget_ms=30_000,
)
register_check(
    "inv-29",
    statement="The history of every record is gapless: one row for every version from the first on",
    sql=" UNION ALL ".join(
        f"""(SELECT '{label} ' || h.id FROM "{table}" h GROUP BY h.id
            HAVING count(*) <> max(h.version) OR count(DISTINCT h.version) <> count(*) LIMIT 20)"""  # noqa: S608 -- our own tables
        for label, table in HISTORIES
    ),
    budget_ms=30_000,
)
register_check(
    "inv-30",
    statement="Every event names who acted and through which door",
    sql=r"SELECT id FROM audit_event WHERE actor !~ '^[a-z]+:.' OR channel = '' LIMIT 100",
    budget_ms=15_000,
)
register_check(
    "inv-31",
    statement="Every chain ends at its last event (verify_audit checks every link)",
    sql="""
        SELECT h.subject_type || ' ' || h.subject_id FROM audit_chainhead h
        LEFT JOIN audit_event e ON (e.subject_type, e.subject_id, e.seq) = (h.subject_type, h.subject_id, h.seq)
        WHERE e.hash IS DISTINCT FROM h.hash LIMIT 100
    """,
    budget_ms=30_000,
)
register_check(
    "inv-32",
    statement="No event of a finished transaction waits longer than two minutes for its seal",
    sql=f"""
        SELECT e.id FROM audit_event e
        WHERE (e.transaction, e.id) > (
            SELECT coalesce(max(last_transaction), 0), coalesce((array_agg(last_event ORDER BY number DESC))[1], '{"0" * 32}'::uuid)
            FROM audit_seal
        ) AND {MADE_MS} < extract(epoch FROM clock_timestamp() - interval '2 minutes') * 1000 LIMIT 100
    """,  # noqa: S608 -- constants
)
register_check(
    "inv-33",
    statement="No role but the owner may change what is only ever added to",
    sql=f"""
        SELECT g.grantee || ' may ' || g.privilege_type || ' on ' || g.table_name
        FROM information_schema.role_table_grants g JOIN pg_tables t ON (t.schemaname, t.tablename) = (g.table_schema, g.table_name)
        WHERE g.table_name IN ({_quoted([*APPEND_ONLY, *(table for _, table in HISTORIES)])}) AND g.grantee <> t.tableowner
          AND g.privilege_type IN ('UPDATE', 'DELETE', 'TRUNCATE', 'TRIGGER')
    """,  # noqa: S608 -- our own tables
)
register_check(
    "inv-34",
    statement="What strangers were refused is in the trail five minutes later",
    sql="""
        SELECT source || ' ' || code || ' at ' || minute FROM audit_refusaltally
        WHERE minute < clock_timestamp() - interval '5 minutes' LIMIT 100
    """,
)
register_check(
    "inv-33b",
    statement="Every guard is there and awake",
    sql=f"""
        SELECT tgrelid::regclass || ' ' || tgname FROM pg_trigger
        WHERE tgrelid::regclass::text IN ({_quoted(GUARDED)}) AND tgname LIKE 'pgtrigger%' AND tgenabled <> 'A'
    """,  # noqa: S608 -- our own tables
)
register_check(
    "inv-47",
    statement="Nothing points to a record of another client",
    sql=" UNION ALL ".join(
        f"""(SELECT '{label} ' || child.id FROM "{table}" child JOIN "{parent}" parent ON parent.id = child."{column}"
            WHERE child.client_id <> parent.client_id LIMIT 20)"""  # noqa: S608 -- our own tables
        for label, table, column, parent in TENANTS
    ),
    budget_ms=30_000,
)
