"""Everything this app plugs into the layers below, in one place."""

from django.utils.translation import gettext_noop as noop

from audit import folds, verbs
from audit.checks import register_check
from exceptions import job_kinds, subjects, timer_kinds
from exceptions.words import register_causes
from orders.sync.models import DEAD_LETTER_PREFIX, LANES
from orders.sync.services import bulk, retrying, runs
from orders.sync.states import InboundState
from rules import runbooks
from rules.states import Route

STATES = ", ".join(f"'{state}'" for state in InboundState.values)

verbs.register(
    {
        "event.refused": noop("{actor} set an event aside: it breaks its contract"),
        "event.outranked": noop("{actor} left an event aside: a system of higher authority has told the same thing"),
        "event.echoed": noop("{actor} left an event aside: it only repeats what was told from here"),
        "event.died": noop("{actor} set an event aside: it could not be applied"),
        "event.replayed": noop("{actor} replayed a dead letter"),
        "event.discarded": noop("{actor} discarded a dead letter"),
        "message.given_up": noop("{actor} gave up delivering a message"),
        "message.redelivered": noop("{actor} sent again what had been given up"),
        "system.edited": noop("{actor} edited a system"),
        "system.paused": noop("{actor} paused what is told to a system"),
        "system.resumed": noop("{actor} let a system be told again"),
        "system.called": noop("{actor} called a system to test the connection"),
        "system.answered": noop("{actor} had an answer to the test of a connection"),
        "connector.edited": noop("{actor} edited a connector"),
        "credential.added": noop("{actor} added a secret"),
        "credential.revoked": noop("{actor} revoked a secret"),
        "run.started": noop("{actor} started a flow run"),
        "run.missed": noop("{actor} noticed that something expected did not come"),
        "run.done": noop("{actor} saw everything expected, and the handoff confirmed downstream"),
        "run.unverified": noop(
            "{actor} has an answer to everything expected, but nobody downstream has confirmed the handoff"
        ),
        "run.verified": noop("{actor} saw the handoff confirmed downstream"),
        "run.cancelled": noop("{actor} cancelled a flow run"),
    }
)

register_causes(
    {
        "/delivery": noop("Cannot be reached: %(what)s"),
        "delivery/": noop("Cannot be reached: %(what)s"),
        "/id-conflict": noop("One event id, two contents: %(what)s"),
    }
)
runbooks.declare_alert("intake", "What systems send is not taken in")
runbooks.declare_alert("delivery", "What systems are to be told is not sent")
runbooks.declare_alert("sync", "A system is told too late")
subjects.register_route_step(Route.RETRY, "sync.stream", retrying.replay_streams)
subjects.register_route_step(Route.RETRY, "sync.system", retrying.redeliver)
for letter_kind in bulk.LETTER_KINDS:
    job_kinds.register(letter_kind)
timer_kinds.register(runs.DEADLINE, runs.on_deadline, lock=runs.lock_subjects)
timer_kinds.register(runs.VERIFICATION, runs.on_unverified, lock=runs.lock_subjects)

register_check(
    "inv-01",
    statement="Every event of a system is kept once",
    sql="""
        SELECT s.slug || ' ' || e.event_id FROM sync_inboundevent e JOIN sync_system s ON s.id = e.system_id
        GROUP BY s.slug, e.event_id HAVING count(*) > 1 LIMIT 100
    """,
    budget_ms=30_000,
)
register_check(
    "inv-02",
    statement="Every event has at most one end: when, which, and why; what was set aside is in the trail",
    sql="""
        SELECT e.event_id FROM sync_inboundevent e
        WHERE (e.state = 'new') <> (e.finished_at IS NULL)
           OR e.state IN ('dead', 'superseded') AND e.cause = ''
           OR e.state IN ('dead', 'discarded') AND NOT EXISTS (
               SELECT 1 FROM audit_event a WHERE a.subject_type = 'sync.inboundevent' AND a.subject_id = e.id::text
                 AND a.type IN ('event.refused', 'event.died', 'event.discarded'))
        LIMIT 100
    """,
    budget_ms=30_000,
)
register_check(
    "inv-03",
    statement="Nothing took effect through an event that did not: what met an expectation was applied",
    sql="""
        SELECT x.met_by FROM sync_expectation x
        WHERE EXISTS (SELECT 1 FROM sync_inboundevent e WHERE e.event_id = x.met_by)
          AND NOT EXISTS (SELECT 1 FROM sync_inboundevent e WHERE e.event_id = x.met_by AND e.state = 'applied')
        LIMIT 100
    """,
    budget_ms=30_000,
)
register_check(
    "inv-04",
    statement="No event waits longer than a minute",
    sql="SELECT event_id FROM sync_inboundevent WHERE state = 'new' AND received_at < now() - interval '1 minute' LIMIT 100",
)
register_check(
    "inv-05",
    statement="What was taken in is never gone: every event the trail tells of is kept",
    sql="""
        SELECT h.subject_id FROM audit_chainhead h
        WHERE h.subject_type = 'sync.inboundevent'
          AND NOT EXISTS (SELECT 1 FROM sync_inboundevent e WHERE e.id::text = h.subject_id)
        LIMIT 100
    """,
    budget_ms=30_000,
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
    "inv-07",
    statement="What is known of a subject never goes back: the newest change applied is remembered, and none was applied twice",
    sql="""
        SELECT s.slug || ' ' || n.subject FROM (
            SELECT system_id, subject, type, max(change_token) AS newest, count(*) AS times, count(DISTINCT change_token) AS changes
            FROM sync_inboundevent WHERE state = 'applied' AND change_token IS NOT NULL GROUP BY 1, 2, 3
        ) n JOIN sync_system s ON s.id = n.system_id
        LEFT JOIN sync_changetoken t ON (t.system_id, t.subject, t.type) = (n.system_id, n.subject, n.type)
        WHERE t.token IS NULL OR t.token < n.newest OR n.times <> n.changes LIMIT 100
    """,
    budget_ms=30_000,
)
register_check(
    "inv-35",
    statement="Every promise is one message, and delivered only when its last attempt was accepted",
    sql="""
        (SELECT key FROM sync_outboundmessage GROUP BY key HAVING count(*) > 1 LIMIT 50)
        UNION ALL
        (SELECT m.key FROM sync_outboundmessage m WHERE m.state = 'sent' AND NOT EXISTS (
            SELECT 1 FROM sync_attempt a
            WHERE a.message_id = m.id AND a.number = m.attempts AND a.status BETWEEN 200 AND 299) LIMIT 50)
    """,
    budget_ms=30_000,
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
    "inv-37",
    statement="Nothing was completed by a claim that was not the newest: every attempt was counted when it was claimed",
    sql="""
        (SELECT m.key || ' attempt ' || a.number FROM sync_attempt a JOIN sync_outboundmessage m ON m.id = a.message_id
         WHERE a.number > m.attempts LIMIT 50)
        UNION ALL
        (SELECT key FROM sync_outboundmessage WHERE attempts > fence LIMIT 50)
    """,
    budget_ms=30_000,
)
register_check(
    "inv-38",
    statement="Nothing is tried more often than its system allows",
    sql="""
        SELECT m.key FROM sync_outboundmessage m JOIN sync_system s ON s.id = m.system_id
        WHERE (m.state = 'pending' AND m.attempts >= s.max_attempts + m.more_attempts
            OR m.state = 'sending' AND m.attempts > s.max_attempts + m.more_attempts) LIMIT 100
    """,
)
register_check(
    "inv-39",
    statement="Every dead letter has what its replay needs",
    sql=f"""
        SELECT '{DEAD_LETTER_PREFIX}' || number FROM sync_inboundevent
        WHERE state = 'dead' AND (sealed = '' OR type = '' OR subject = '' OR length(sha256) <> 64 OR lane >= {LANES})
        LIMIT 100
    """,  # noqa: S608 -- constants
)
register_check(
    "inv-40",
    statement="A replay never repeats an effect: every one is in the trail, and one event starts one run of a subject",
    sql=f"""
        (SELECT '{DEAD_LETTER_PREFIX}' || e.number FROM sync_inboundevent e WHERE e.replays > 0 AND e.replays <> (
            SELECT count(*) FROM audit_event a
            WHERE a.subject_type = 'sync.inboundevent' AND a.subject_id = e.id::text AND a.type = 'event.replayed') LIMIT 50)
        UNION ALL
        (SELECT trigger FROM sync_flowrun GROUP BY trigger, subject_type, subject_id HAVING count(*) > 1 LIMIT 50)
    """,  # noqa: S608 -- constants
    budget_ms=30_000,
)
register_check(
    "inv-41",
    statement="What was taken in is applied, overtaken, left aside by name, dead, discarded or waiting, and nothing else",
    sql=f"""
        (SELECT s.slug FROM sync_inboundevent e JOIN sync_system s ON s.id = e.system_id
         GROUP BY s.slug HAVING count(*) <> count(*) FILTER (WHERE e.state IN ({STATES})) LIMIT 50)
        UNION ALL
        (SELECT e.event_id FROM sync_inboundevent e WHERE e.state = 'superseded' AND NOT EXISTS (
            SELECT 1 FROM sync_changetoken t
            WHERE (t.system_id, t.subject, t.type) = (e.system_id, e.subject, e.type) AND t.token >= e.change_token)
         AND NOT EXISTS (
            SELECT 1 FROM audit_event said
            WHERE said.subject_type = 'sync.inboundevent' AND said.subject_id = e.id::text
              AND said.type IN ('event.outranked', 'event.echoed')) LIMIT 50)
    """,  # noqa: S608 -- constants
    budget_ms=30_000,
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
        WHERE r.state IN ('running', 'missed', 'unverified') AND e.met_at IS NULL AND e.excused_by = '' AND e.missed_at IS NULL
          AND e.due_at < now() - interval '1 minute' LIMIT 100
    """,
)
register_check(
    "run-02",
    statement="A run is done only by what somebody downstream was seen to say; one that is not verified has a clock, or an exception",
    sql="""
        SELECT r.subject_key FROM sync_flowrun r
        WHERE r.state = 'done' AND NOT EXISTS (SELECT 1 FROM sync_expectation x WHERE x.run_id = r.id AND x.met_by = r.verified_by)
          AND r.verified_by <> 'done before handoffs were verified'
        UNION ALL
        SELECT r.subject_key FROM sync_flowrun r
        WHERE r.state = 'unverified' AND NOT EXISTS (
            SELECT 1 FROM exceptions_timer t WHERE t.subject_type = 'sync.flowrun' AND t.subject_id = r.id::text
              AND t.kind = 'run.verification' AND t.fired_at IS NULL AND t.cancelled_at IS NULL)
          AND NOT EXISTS (
            SELECT 1 FROM exceptions_exceptioncase c WHERE c.type = 'handoff-unverified' AND c.evidence ->> 'run' = r.id::text)
        LIMIT 100
    """,
    budget_ms=30_000,
)
folds.register(
    folds.Fold(
        "sync.flowrun",
        "sync_flowrun",
        "state",
        "r.id",
        told={
            "run.started": "running",
            "run.verified": "running",
            "run.missed": "missed",
            "run.unverified": "unverified",
            "run.done": "done",
            "run.cancelled": "cancelled",
        },
    ),
    # That an event was applied, and that a message waits, is told by what it did; the trail tells of those that did nothing.
    folds.SqlFold(
        "sync.inboundevent.state",
        """
        SELECT 'DL-' || r.number, CASE WHEN r.state IN ('dead', 'discarded') THEN r.state ELSE 'taken' END, coalesce(told.value, 'taken')
        FROM sync_inboundevent r
        LEFT JOIN LATERAL (
            SELECT CASE e.type WHEN 'event.discarded' THEN 'discarded' WHEN 'event.replayed' THEN 'taken' ELSE 'dead' END AS value
            FROM audit_event e
            WHERE e.subject_type = 'sync.inboundevent' AND e.subject_id = r.id::text
              AND e.type IN ('event.refused', 'event.died', 'event.discarded', 'event.replayed')
            ORDER BY e.seq DESC LIMIT 1
        ) told ON true
        """,
    ),
    folds.SqlFold(
        "sync.outboundmessage.state",
        """
        SELECT r.key, CASE WHEN r.state IN ('sent', 'dead') THEN r.state ELSE 'waiting' END, CASE
            WHEN EXISTS (SELECT FROM sync_attempt a WHERE a.message_id = r.id AND a.error = '') THEN 'sent'
            WHEN told.type = 'message.given_up' THEN 'dead' ELSE 'waiting' END
        FROM sync_outboundmessage r
        LEFT JOIN LATERAL (
            SELECT e.type FROM audit_event e
            WHERE e.subject_type = 'sync.outboundmessage' AND e.subject_id = r.id::text
              AND e.type IN ('message.given_up', 'message.redelivered')
            ORDER BY e.seq DESC LIMIT 1
        ) told ON true
        """,
    ),
)
