"""Everything this app plugs into itself and the layers below, in one place."""

from django.utils.translation import gettext_lazy
from django.utils.translation import gettext_noop as noop

from audit import verbs
from audit.checks import register_check
from exceptions import gaps, job_kinds, list_pages, playbooks, subjects, timer_kinds
from exceptions.registrations import causes, folds, knowledge, waivers
from exceptions.selectors.gaps import count_cases, list_cases
from exceptions.selectors.queue_filters import LEAVABLE, LEFT_OUT, RANGES
from exceptions.services import (
    appointing,
    automation,
    breaches,
    bulk,
    closing,
    deadlines,
    escalation,
    holding,
    lending,
    mend_cases,
    notifications,
    openings,
    routes,
    waiting,
)
from exceptions.words import register_causes
from rules import appointments, facts, handlers

register_causes({"ownership/": noop("Nobody is behind an owner: %(what)s")})
verbs.register(
    {
        "person.display_chosen": noop("{actor} chose how pages look"),
        "person.language_chosen": noop("{actor} chose a language"),
        "notification.preferences_set": noop("{actor} chose what to be told outside the product"),
        "notification.read": noop("{actor} read what was told"),
        "notification.tested": noop("{actor} tried out a way to be told"),
        "channel.added": noop("{actor} added a chat or a pager"),
        "channel.ended": noop("{actor} ended a chat or a pager"),
        "page.triggered": noop("{actor} had somebody called"),
        "page.acknowledged": noop("{actor} told the on-call system that somebody has it"),
        "page.resolved": noop("{actor} told the on-call system that it is over"),
        "page.answered": noop("{actor} took an answer of the on-call system"),
        "case.opened": noop("{actor} opened it"),
        "case.occurred_again": noop("{actor} saw it again"),
        "case.assigned": noop("{actor} gave it to one of the team"),
        "case.given_back": noop("{actor} gave it back: a temporary ownership is over"),
        "case.acknowledged": noop("{actor} took it"),
        "case.started": noop("{actor} began to work on it"),
        "case.waiting": noop("{actor} waits for somebody else"),
        "case.resumed": noop("{actor} resumed it"),
        "case.wait_over": noop("{actor} ended the wait"),
        "case.woken": noop("{actor} saw what it waited for"),
        "case.at_risk": noop("{actor} warned that its deadline is at risk"),
        "case.severity_changed": noop("{actor} gave it another severity"),
        "case.deadline_moved": noop("{actor} worked its deadline out anew"),
        "case.reassigned": noop("{actor} gave it to somebody else"),
        "case.owner_away": noop("{actor} moved it to who stands in"),
        "case.taken_back": noop("{actor} took it back after an absence"),
        "case.noted": noop("{actor} wrote a note"),
        "case.file_added": noop("{actor} added a file"),
        "case.file_withdrawn": noop("{actor} withdrew a file"),
        "case.linked": noop("{actor} linked it to another exception"),
        "case.unlinked": noop("{actor} unlinked it from another exception"),
        "case.watched": noop("{actor} watches it"),
        "case.unwatched": noop("{actor} watches it no more"),
        "case.step_done": noop("{actor} did a step"),
        "case.not_acknowledged": noop("{actor} moved it on: nobody took it in time"),
        "case.escalated": noop("{actor} escalated it: not resolved in time"),
        "case.escalated_now": noop("{actor} escalated it before its time"),
        "case.went_quiet": noop("{actor} escalated it: taken, then silence"),
        "case.overrun": noop("{actor} moved it on: long past its deadline"),
        "case.route_taken": noop("{actor} took the step of its route"),
        "case.rerouted": noop("{actor} sent it another way: nobody had taken it"),
        "case.fell_back": noop("{actor} moved it on: the step of its route did not help"),
        "case.cancel_asked": noop("{actor} asked whether to cancel it"),
        "case.breached": noop("{actor} paged the last resort: its deadline has passed"),
        "case.escalation_told": noop("{actor} told somebody: not resolved in time"),
        "case.paged": noop("{actor} paged somebody: not resolved in time"),
        "case.severity_raised": noop("{actor} made it more severe: not resolved in time"),
        "case.hold_asked": noop("{actor} asked to put it on hold: not resolved in time"),
        "case.held": noop("{actor} put what it is about on hold"),
        "case.step_skipped": noop("{actor} skipped a step of the ladder"),
        "case.rebased": noop("{actor} put it on the ladder of the rule book in force"),
        "case.resolved": noop("{actor} resolved it"),
        "case.closed": noop("{actor} closed it"),
        "case.reopened": noop("{actor} reopened it"),
        "timers.escalated": noop("{actor} had everything fired that was overdue"),
        "queue.exported": noop("{actor} exported a queue"),
        "case.withdrawn": noop("{actor} withdrew it: its cause has gone"),
        "view.saved": noop("{actor} saved a view"),
        "view.changed": noop("{actor} changed a view"),
        "view.deleted": noop("{actor} deleted a view"),
        "view.default_set": noop("{actor} chose which view to see first"),
        "escalator.stopped": noop("{actor} found that steps are no longer taken, and wrote to those who can help"),
        "job.queued": noop("{actor} began an act on many"),
        "job.started": noop("{actor} had its first records worked"),
        "job.finished": noop("{actor} had all of it done"),
        "job.cancelled": noop("{actor} cancelled what was left of it"),
        "job.failed": noop("{actor} stopped it: it could not go on"),
    }
)

QUEUE_PARAMETERS = frozenset(
    {*LEAVABLE, *RANGES, "q", "sort", "per", "cols", "group"} | {f"{name}{LEFT_OUT}" for name in LEAVABLE}
)
for slug, title, route in (
    ("mine", gettext_lazy("My queue"), "exceptions:queue"),
    ("team", gettext_lazy("Team queues"), "exceptions:team"),
    ("unowned", gettext_lazy("Ownership gaps"), "exceptions:unowned"),
):
    list_pages.register(list_pages.ListPage(slug, title, route, "exceptions.view_case", QUEUE_PARAMETERS))
for case_kind in bulk.CASE_KINDS:
    job_kinds.register(case_kind)

facts.declare_context(playbooks.SPEC.name, playbooks.CASE_FACTS)

appointments.register(appointing.tell_of_appointments)

gaps.register(gaps.Source("exceptions", "exceptions.view_case", count_cases, list_cases, mend_cases))

timer_kinds.register(openings.ACKNOWLEDGE, escalation.on_not_acknowledged, lock=escalation.lock_cases)
timer_kinds.register(openings.AT_RISK, breaches.on_at_risk, lock=escalation.lock_cases)
timer_kinds.register(openings.ESCALATE, escalation.on_ladder_step, lock=escalation.lock_cases)
timer_kinds.register(openings.PROGRESS, escalation.on_silence, lock=escalation.lock_cases)
timer_kinds.register(openings.BREACH, breaches.on_breach, lock=escalation.lock_cases)
timer_kinds.register(openings.HOLD, holding.on_hold, lock=holding.lock_cases_with_subjects)
timer_kinds.register(openings.ROUTE, routes.on_route, lock=holding.lock_cases_with_subjects)
timer_kinds.register(openings.FALLBACK, routes.on_fallback, lock=escalation.lock_cases)
timer_kinds.register(openings.OVERRUN, escalation.on_overrun, lock=escalation.lock_cases)
timer_kinds.register(openings.WAKE, waiting.on_wait_over, lock=escalation.lock_cases)
timer_kinds.register(openings.CLOSE, closing.on_nobody_came_back, lock=escalation.lock_cases)
timer_kinds.on_failure(automation.timers_failed)
timer_kinds.on_success(automation.timers_ran)
subjects.register(automation.SUBJECT, automation.AutomationSubject())
timer_kinds.register(deadlines.RECALCULATE, deadlines.on_recalculate)
handlers.on_frozen(deadlines.on_new_book)
timer_kinds.register(lending.RETURN, lending.on_return)

HANDED_OVER = ", ".join(
    f"'case.{verb}'"
    for verb in (
        "opened",
        "reassigned",
        "owner_away",
        "taken_back",
        "given_back",
        "not_acknowledged",
        "escalated",
        "escalated_now",
        "went_quiet",
        "overrun",
        "rerouted",
        "fell_back",
    )
)
EMAIL = r"[\w.+-]+@[\w-]+\.[a-z]{2,}"

register_check(
    "inv-09",
    statement="Every open exception has an active owner, a backup and a deadline",
    sql="""
        SELECT 'EX-' || c.number FROM exceptions_exceptioncase c JOIN rules_owner o ON o.id = c.owner_id
        WHERE c.state IN ('open', 'acknowledged', 'in_progress', 'waiting') AND NOT o.is_active
    """,
)
register_check(
    "inv-11",
    statement="There is one live exception per type and subject",
    sql="""
        SELECT type || ' of ' || min(subject_key) FROM exceptions_exceptioncase
        WHERE state IN ('open', 'acknowledged', 'in_progress', 'waiting')
        GROUP BY type, subject_type, subject_id HAVING count(*) > 1
    """,
)
register_check(
    "inv-13",
    statement="The rule book of every exception knows its type, with the same route and the same ladder",
    sql="""
        WITH known AS (
            SELECT b.number, t.key AS type, t.value->>'route' AS route,
                coalesce(r.at - 1 + r.times * (r.at - r.first), jsonb_array_length(t.value->'ladder')) AS steps
            FROM rules_rulebookversion b CROSS JOIN LATERAL jsonb_each(b.document->'exception_types') t
            LEFT JOIN LATERAL (
                SELECT s.at, (s.step->>'times')::int AS times, (s.step->>'from')::int AS first
                FROM jsonb_array_elements(t.value->'ladder') WITH ORDINALITY s(step, at)
                WHERE s.step->>'do' = 'repeat' ORDER BY s.at LIMIT 1
            ) r ON TRUE
        )
        SELECT 'EX-' || c.number FROM exceptions_exceptioncase c
        LEFT JOIN known k ON (k.number, k.type) = (c.book_number, c.type)
        LEFT JOIN known l ON (l.number, l.type) = (coalesce(c.ladder_book, c.book_number), c.type)
        WHERE (k.route, l.steps) IS DISTINCT FROM (c.route, jsonb_array_length(c.ladder)) LIMIT 100
    """,
    budget_ms=15_000,
)
register_check(
    "inv-14",
    statement="No live exception is without somebody who will be called",
    sql="""
        SELECT 'EX-' || c.number FROM exceptions_exceptioncase c
        WHERE c.state IN ('open', 'acknowledged', 'in_progress', 'waiting') AND NOT EXISTS (
            SELECT 1 FROM exceptions_timer t WHERE t.subject_type = 'exceptions.exceptioncase' AND t.subject_id = c.id::text
              AND t.kind = 'case.overrun' AND t.fired_at IS NULL AND t.cancelled_at IS NULL)
    """,
)
register_check(
    "inv-15",
    statement="There is one live timer per subject and kind",
    sql="""
        SELECT kind || ' of ' || subject_id FROM exceptions_timer WHERE fired_at IS NULL AND cancelled_at IS NULL
        GROUP BY subject_type, subject_id, kind HAVING count(*) > 1
    """,
)
register_check(
    "inv-16",
    statement="Every live exception has the timer of its next step, or stands at the top of its ladder",
    sql="""
        SELECT 'EX-' || c.number FROM exceptions_exceptioncase c
        WHERE c.state IN ('open', 'acknowledged', 'in_progress', 'waiting') AND c.ladder_step < jsonb_array_length(c.ladder)
          AND NOT EXISTS (
            SELECT 1 FROM exceptions_timer t WHERE t.subject_type = 'exceptions.exceptioncase' AND t.subject_id = c.id::text
              AND t.kind = 'case.escalate' AND t.fired_at IS NULL AND t.cancelled_at IS NULL)
    """,
)
register_check(
    "inv-16b",
    statement="Before the deadline of any open exception comes at risk there is a timer that says so",
    sql="""
        SELECT 'EX-' || c.number FROM exceptions_exceptioncase c
        WHERE c.state IN ('open', 'acknowledged', 'in_progress', 'waiting') AND c.warn_at > now() AND NOT EXISTS (
            SELECT 1 FROM exceptions_timer t WHERE t.subject_type = 'exceptions.exceptioncase' AND t.subject_id = c.id::text
              AND t.kind = 'case.at_risk' AND t.fired_at IS NULL AND t.cancelled_at IS NULL)
    """,
)
register_check(
    "inv-17",
    statement="Every exception went up its ladder step by step, and not beyond the top",
    sql="""
        SELECT 'EX-' || number FROM (
            SELECT number, ladder_step, jsonb_array_length(ladder) AS top,
                lag(ladder_step, 1, 0) OVER w AS before, ladder_book IS DISTINCT FROM lag(ladder_book) OVER w AS rebased
            FROM exceptions_historicalexceptioncase WINDOW w AS (PARTITION BY id ORDER BY version)
        ) h WHERE ladder_step NOT IN (before, before + 1) AND NOT (rebased AND ladder_step < before) OR ladder_step > top LIMIT 100
    """,
    budget_ms=30_000,
)
register_check(
    "inv-18",
    statement="No timer fired before it was due",
    sql="SELECT id::text FROM exceptions_timer WHERE fired_at < due_at",
)
register_check(
    "inv-19",
    statement="No timer is more than 30 s late",
    sql="""
        SELECT id::text FROM exceptions_timer
        WHERE fired_at IS NULL AND cancelled_at IS NULL AND due_at < now() - interval '30 seconds'
    """,
)
register_check(
    "inv-20",
    statement="No timer of a finished exception is still running",
    sql="""
        SELECT t.id::text FROM exceptions_timer t JOIN exceptions_exceptioncase c ON c.id::text = t.subject_id
        WHERE t.subject_type = 'exceptions.exceptioncase' AND t.fired_at IS NULL AND t.cancelled_at IS NULL
          AND c.state IN ('closed', 'withdrawn')
    """,
)
register_check(
    "inv-21",
    statement="Whoever came to have an exception was told in the same act",
    sql=f"""
        SELECT e.type || ' of ' || e.subject_id FROM audit_event e
        CROSS JOIN LATERAL (SELECT e.body::jsonb AS body) b
        JOIN rules_owner o ON o.slug = coalesce(b.body->'changes'->'owner'->>1, b.body->'data'->>'owner')
        WHERE e.subject_type = '{openings.CASE_TYPE}' AND e.type IN ({HANDED_OVER}) AND NOT EXISTS (
            SELECT 1 FROM exceptions_notification n WHERE (n.owner_id, n.at, n.event) = (o.id, e.at, e.type)) LIMIT 100
    """,  # noqa: S608 -- constants
    budget_ms=30_000,
)
register_check(
    "inv-21b",
    statement="Nobody was told of a step that was not taken",
    sql=f"""
        SELECT n.event || ' of EX-' || c.number FROM exceptions_notification n
        JOIN exceptions_exceptioncase c ON n.url = '/exceptions/EX-' || c.number || '/'
        WHERE n.event IN ({HANDED_OVER}) AND NOT EXISTS (
            SELECT 1 FROM audit_event e WHERE (e.subject_type, e.subject_id) = ('{openings.CASE_TYPE}', c.id::text)
              AND (e.type, e.at) = (n.event, n.at)) LIMIT 100
    """,  # noqa: S608 -- constants
    budget_ms=30_000,
)
register_check(
    "inv-44",
    statement="No exception, notification or failure shows an e-mail address",
    sql=f"""
        SELECT 'EX-' || number FROM exceptions_exceptioncase WHERE title || summary || cause || evidence::text ~* '{EMAIL}'
        UNION ALL SELECT 'notification ' || id FROM exceptions_notification WHERE text ~* '{EMAIL}'
        UNION ALL SELECT 'timer ' || id FROM exceptions_timer WHERE last_error ~* '{EMAIL}'
        UNION ALL SELECT 'delivery ' || id FROM exceptions_notificationdelivery WHERE last_error ~* '{EMAIL}' LIMIT 100
    """,  # noqa: S608 -- constants
    budget_ms=30_000,
)
register_check(
    "job-01",
    statement="Every job counts what its records say, and a finished one has left none out",
    sql="""
        SELECT 'JOB-' || j.number FROM exceptions_job j JOIN exceptions_jobwork w ON w.job_id = j.id
        LEFT JOIN LATERAL (
            SELECT count(*) AS total, count(*) FILTER (WHERE state = 'done') AS done,
                count(*) FILTER (WHERE state = 'skipped') AS skipped, count(*) FILTER (WHERE state = 'refused') AS refused
            FROM exceptions_jobitem i WHERE i.job_id = j.id
        ) i ON true
        WHERE (j.total, w.done, w.skipped, w.refused) <> (i.total, i.done, i.skipped, i.refused)
            OR j.state = 'done' AND w.done + w.skipped + w.refused <> j.total LIMIT 100
    """,
    budget_ms=15_000,
)
register_check(
    "job-02",
    statement="No job that has work left stands still for five minutes",
    sql="""
        SELECT 'JOB-' || j.number FROM exceptions_job j JOIN exceptions_jobwork w ON w.job_id = j.id
        WHERE j.state IN ('queued', 'running') AND coalesce(w.last_batch_at, j.queued_at) < now() - interval '5 minutes'
    """,
)
register_check(
    "inv-48",
    statement="Somebody can decide about every gate",
    sql="""
        SELECT g.slug FROM rules_gate g WHERE g.is_active AND NOT EXISTS (
            SELECT 1 FROM audit_user u LEFT JOIN audit_user_groups ug ON ug.user_id = u.id LEFT JOIN auth_group a ON a.id = ug.group_id
            WHERE u.is_active AND (u.is_superuser OR a.name IN (g.approver_role, 'admin')))
    """,
)
register_check(
    "inv-48b",
    statement="Behind the owner or the backup of every live exception there is somebody who can sign in",
    sql="""
        SELECT 'EX-' || c.number FROM exceptions_exceptioncase c
        WHERE c.state IN ('open', 'acknowledged', 'in_progress', 'waiting') AND NOT EXISTS (
            SELECT 1 FROM rules_owner o LEFT JOIN rules_teammember m ON m.team_id = o.team_id AND m.is_active
            JOIN audit_user u ON u.id IN (o.user_id, m.user_id) AND u.is_active WHERE o.id IN (c.owner_id, c.backup_id))
    """,
)
register_check(
    "inv-71",
    statement="No notice waits past its time without an attempt",
    sql="""
        SELECT 'delivery ' || id FROM exceptions_notificationdelivery
        WHERE state = 'pending' AND due_at < now() - interval '5 minutes'
          AND (lease_until IS NULL OR lease_until < now() - interval '5 minutes') LIMIT 100
    """,
)
register_check(
    "inv-71b",
    statement="What was given up on one channel went by another, or whoever stands behind was told",
    sql=f"""
        SELECT 'delivery ' || d.id FROM exceptions_notificationdelivery d JOIN exceptions_notification n ON n.id = d.notification_id
        WHERE d.state = 'dead' AND NOT EXISTS (
            SELECT 1 FROM exceptions_notificationdelivery o WHERE o.notification_id = n.id AND o.id <> d.id
              AND (o.state IN ('pending', 'sent') OR o.page_id IS NOT NULL))
          AND NOT EXISTS (
            SELECT 1 FROM exceptions_notification told WHERE told.event = '{notifications.UNDELIVERED}' AND told.at >= n.at
              AND told.url = n.url) LIMIT 100
    """,  # noqa: S608 -- constants
)
register_check(
    "inv-71c",
    statement="Nothing is held back or left out without saying why",
    sql="""
        SELECT 'delivery ' || id FROM exceptions_notificationdelivery
        WHERE state = 'skipped' AND why = '' OR state = 'dead' AND last_error = '' LIMIT 100
    """,
)
register_check(
    "inv-71d",
    statement="The on-call system is told within an hour of what is answered or over here, or it is said why not",
    sql="""
        SELECT 'page ' || key FROM exceptions_page
        WHERE ended_at IS NULL AND wanted <> 'triggered' AND state <> wanted AND due_at < now() - interval '1 hour' LIMIT 100
    """,
)

__all__ = ["causes", "folds", "knowledge", "waivers"]
