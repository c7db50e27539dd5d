"""Everything this app plugs into the layers below, in one place."""

from audit import verbs
from audit.checks import register_check
from exceptions import timer_kinds
from orders.sync.services import runs

verbs.register(
    {
        "event.refused": "{actor} set an event aside: it breaks its contract",
        "event.died": "{actor} set an event aside: it could not be applied",
        "event.replayed": "{actor} replayed a dead letter",
        "event.discarded": "{actor} discarded a dead letter",
        "message.given_up": "{actor} gave up delivering a message",
        "system.edited": "{actor} edited a system",
        "connector.edited": "{actor} edited a connector",
        "credential.added": "{actor} added a secret",
        "credential.revoked": "{actor} revoked a secret",
        "run.started": "{actor} started a flow run",
        "run.missed": "{actor} noticed that something expected did not come",
        "run.done": "{actor} saw everything expected",
        "run.cancelled": "{actor} cancelled a flow run",
    }
)

timer_kinds.register(runs.EXPECTATION, runs.on_missed)

register_check(
    "inv-04",
    statement="No event waits longer than a minute",
    sql="SELECT event_id FROM sync_inboundevent WHERE state = 'new' AND received_at < now() - interval '1 minute' LIMIT 100",
)
register_check(
    "inv-06",
    statement="Every dead letter has an open exception",
    sql="""
        SELECT 'DL-' || e.number FROM sync_inboundevent e JOIN sync_system s ON s.id = e.system_id
        WHERE e.state = 'dead' AND NOT EXISTS (
            SELECT 1 FROM exceptions_exceptioncase c
            WHERE c.subject_type = 'sync.stream' AND c.subject_id = s.slug || '/' || e.type)
        LIMIT 100
    """,
)
register_check(
    "inv-36",
    statement="No message is held by a worker that is gone: every claim has a lease, and a minute after its end another has it",
    sql="""
        SELECT key FROM sync_outboundmessage
        WHERE state = 'sending' AND (lease_until IS NULL OR lease_until < now() - interval '1 minute') LIMIT 100
    """,
)
register_check(
    "inv-38",
    statement="Nothing is tried more often than its system allows",
    sql="""
        SELECT m.key FROM sync_outboundmessage m JOIN sync_system s ON s.id = m.system_id
        WHERE (m.state = 'pending' AND m.attempts >= s.max_attempts OR m.state = 'sending' AND m.attempts > s.max_attempts) LIMIT 100
    """,
)
register_check(
    "inv-49",
    statement="No system has more than two secrets of a kind in force",
    sql="""
        SELECT s.slug FROM sync_credential c JOIN sync_system s ON s.id = c.system_id
        WHERE c.revoked_at IS NULL AND c.not_before <= now() AND (c.expires_at IS NULL OR c.expires_at > now())
        GROUP BY s.slug, c.kind HAVING count(*) > 2
    """,
)
register_check(
    "run-01",
    statement="Every expectation that was met names its evidence, and none is overdue without a word",
    sql="""
        SELECT e.id::text FROM sync_expectation e JOIN sync_flowrun r ON r.id = e.run_id
        WHERE r.state = 'running' AND e.met_at IS NULL AND e.missed_at IS NULL AND e.due_at < now() - interval '1 minute' LIMIT 100
    """,
)
