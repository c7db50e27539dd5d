"""What time-limited exceptions plug in: the words of their events, their timers, and what must always hold."""

from django.utils.translation import gettext_noop as noop

from audit import verbs
from audit.checks import register_check
from exceptions import job_kinds, timer_kinds
from exceptions.services import client_approvals, emergencies, waiver_bulk, waiver_ends, waiver_papers

verbs.register(
    {
        "waiver.requested": noop("{actor} asked for a time-limited exception"),
        "waiver.edited": noop("{actor} changed the request"),
        "waiver.sent_back": noop("{actor} sent it back with a question"),
        "waiver.answered": noop("{actor} answered the question"),
        "waiver.voted": noop("{actor} allowed it"),
        "waiver.approved": noop("{actor} approved it"),
        "waiver.glass_broken": noop("{actor} broke the glass"),
        "waiver.held_back": noop("{actor} held back until its end what would have changed the records"),
        "waiver.rolled_back": noop("{actor} rolled it back"),
        "waiver.reviewed": noop("{actor} reviewed the break-glass"),
        "waiver.review_overdue": noop("{actor} called the leads: nobody reviewed it in time"),
        "client_approval.sent": noop("{actor} asked the client"),
        "client_approval.agreed": noop("{actor} agreed"),
        "client_approval.declined": noop("{actor} declined"),
        "client_approval.revoked": noop("{actor} took the question back"),
        "client_approval.lapsed": noop("{actor} let the question lapse: not answered in time"),
        "delegation.begun": noop("{actor} named a delegate for approvals"),
        "delegation.ended": noop("{actor} ended a delegation"),
        "waiver.undecided": noop("{actor} reminded the approvers: half of the time is over"),
        "waiver.narrowed": noop("{actor} left out what has changed since it was allowed"),
        "waiver.outdated": noop("{actor} let it lapse: what it was allowed for has changed"),
        "waiver.rejected": noop("{actor} denied it"),
        "waiver.withdrawn": noop("{actor} withdrew the request"),
        "waiver.lapsed": noop("{actor} let it lapse: nobody decided in time"),
        "waiver.expired": noop("{actor} noted its end"),
        "waiver.revoked": noop("{actor} revoked it"),
        "waiver.watched": noop("{actor} watches it"),
        "waiver.unwatched": noop("{actor} watches it no more"),
        "waiver.begun": noop("{actor} noted its beginning"),
        "waiver.shortened": noop("{actor} let it end earlier"),
        "waiver.exported": noop("{actor} exported what a time-limited exception lets through"),
    }
)

for decision_kind in waiver_bulk.DECISION_KINDS:
    job_kinds.register(decision_kind)
timer_kinds.register(waiver_papers.LAPSE, waiver_ends.on_lapse, lock=waiver_ends.lock_waivers)
timer_kinds.register(waiver_papers.UNDECIDED, waiver_ends.on_undecided, lock=waiver_ends.lock_waivers)
timer_kinds.register(waiver_papers.EXPIRE, waiver_ends.on_expire, lock=waiver_ends.lock_waivers_with_subjects)
timer_kinds.register(waiver_papers.BEGIN, waiver_ends.on_begin, lock=waiver_ends.lock_waivers_with_subjects)
timer_kinds.register(waiver_papers.HEADS_UP, waiver_ends.on_heads_up, lock=waiver_ends.lock_waivers)
timer_kinds.register(waiver_papers.REVIEW, emergencies.on_review_due, lock=waiver_ends.lock_waivers)
timer_kinds.register(client_approvals.LAPSE, client_approvals.on_lapse, lock=client_approvals.lock_questions)
timer_kinds.register(waiver_papers.OUTDATED, waiver_ends.on_outdated, lock=waiver_ends.lock_waivers_with_subjects)

# As `waivers.content_hash` computes it: PostgreSQL escapes JSON text the way canonical JSON does.
CONTENT_HASH = """encode(sha256(convert_to(
    '{' || coalesce('"begins":"' || to_char(w.begin_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') || '",', '')
    || CASE WHEN w.reason_code = '' THEN '' ELSE '"code":"' || w.reason_code || '",' END
    || coalesce('"ends":"' || to_char(w.end_by AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') || '",', '')
    || CASE WHEN w.evidence = '[]' THEN '' ELSE '"evidence":[' || (SELECT string_agg(f.number, ',' ORDER BY f.nth)
        FROM jsonb_array_elements_text(w.evidence) WITH ORDINALITY AS f(number, nth)) || '],' END
    || coalesce('"extends":"' || w.extends_id || '",', '') || '"gate":' || to_json(w.gate::text)
    || CASE WHEN w.plan_url = '' THEN '' ELSE ',"link":' || to_json(w.plan_url::text) END || ',"minutes":'
    || w.effective_minutes || CASE WHEN w.others = '{}' THEN '' ELSE ',"others":[' || (
        SELECT string_agg(to_json(o.id)::text, ',' ORDER BY o.id COLLATE "C") FROM jsonb_object_keys(w.others) AS o(id)) || ']' END
    || ',"owner":"' || w.owner_id || '","plan":' || to_json(w.plan) || ',"reason":' || to_json(w.reason)
    || CASE WHEN w.scope = '[]' THEN '' ELSE ',"scope":[' || (SELECT string_agg(to_json(s.key)::text, ',' ORDER BY s.nth)
        FROM jsonb_array_elements_text(w.scope) WITH ORDINALITY AS s(key, nth)) || ']' END
    || ',"subject":[' || to_json(w.subject_type::text) || ',' || to_json(w.subject_id::text) || '],"version":'
    || w.content_version || '}', 'UTF8')), 'hex')"""

register_check(
    "inv-22",
    statement="No time-limited exception is marked as approved long after its end",
    sql="""
        SELECT 'TLX-' || number FROM exceptions_waiver
        WHERE state = 'approved' AND expires_at < now() - interval '30 seconds'
    """,
)
register_check(
    "inv-23",
    statement="No time-limited exception holds from before its approval or for longer than was asked",
    sql="""
        SELECT 'TLX-' || number FROM exceptions_waiver WHERE starts_at IS NOT NULL
          AND (starts_at < decided_at OR expires_at > starts_at + effective_minutes * interval '1 minute')
    """,
)
register_check(
    "inv-23b",
    statement="Whatever a time-limited exception let through passed while it was in force",
    sql="""
        SELECT 'TLX-' || w.number || ' ' || u.what FROM exceptions_waiveruse u JOIN exceptions_waiver w ON w.id = u.waiver_id
        WHERE w.starts_at IS NULL OR u.at < w.starts_at OR u.at >= w.expires_at OR u.at > w.ended_at LIMIT 100
    """,
)
register_check(
    "inv-23c",
    statement="What is allowed from a later moment has a clock that lets it begin, unless it goes on from another one",
    sql="""
        SELECT 'TLX-' || w.number FROM exceptions_waiver w
        WHERE w.state = 'approved' AND w.starts_at > now() AND w.starts_at > w.decided_at AND w.extends_id IS NULL AND NOT EXISTS (
            SELECT 1 FROM exceptions_timer t WHERE t.subject_type = 'exceptions.waiver' AND t.subject_id = w.id::text
              AND t.kind = 'waiver.begin' AND t.fired_at IS NULL AND t.cancelled_at IS NULL AND t.due_at = w.starts_at)
    """,
)
register_check(
    "inv-24",
    statement="Nobody decided about a request of their own or about what they own",
    sql="""
        SELECT 'TLX-' || w.number FROM exceptions_waiver w JOIN rules_owner o ON o.id = w.owner_id
        WHERE w.decided_by <> '' AND (w.decided_by = w.requested_by OR w.decided_by = 'user:' || o.user_id)
    """,
)
register_check(
    "inv-24b",
    statement="Every time-limited exception that was approved has the approvals its gate asked for, none by who asked",
    sql="""
        SELECT 'TLX-' || w.number FROM exceptions_waiver w
        WHERE w.kind = 'asked' AND w.starts_at IS NOT NULL AND (
            (SELECT count(DISTINCT v.voter) FROM exceptions_waivervote v
             WHERE v.waiver_id = w.id AND v.kind = 'person' AND v.voter <> w.requested_by) < w.approvals_needed
            OR w.client_agrees AND NOT EXISTS (
                SELECT 1 FROM exceptions_waivervote v WHERE v.waiver_id = w.id AND v.kind = 'client'))
    """,
)
register_check(
    "inv-24c",
    statement="Every break-glass is reviewed, or the leads are still called about it",
    sql="""
        SELECT 'TLX-' || w.number FROM exceptions_waiver w
        WHERE w.kind = 'emergency' AND w.reviewed_at IS NULL AND NOT EXISTS (
            SELECT 1 FROM exceptions_timer t WHERE t.subject_type = 'exceptions.waiver' AND t.subject_id = w.id::text
              AND t.kind = 'waiver.review' AND t.fired_at IS NULL AND t.cancelled_at IS NULL)
    """,
)
register_check(
    "inv-24d",
    statement="What waits for the end of a break-glass waits for one that is in force, and no longer than until its end",
    sql="""
        SELECT t.kind || ' ' || t.subject_id FROM exceptions_timer t
        LEFT JOIN exceptions_waiver w ON t.payload->>'paused_by' = 'TLX-' || w.number
        WHERE t.payload ? 'paused_by' AND t.fired_at IS NULL AND t.cancelled_at IS NULL AND t.attempts = 0
          AND t.due_at > now() AND (w.id IS NULL OR w.state <> 'approved' OR t.due_at > w.expires_at)
    """,
)
register_check(
    "inv-25",
    statement="Every time-limited exception says what was asked, and an approved one what was approved",
    sql=f"""
        SELECT 'TLX-' || w.number FROM exceptions_waiver w
        LEFT JOIN audit_event e ON (e.subject_type, e.subject_id, e.type) = ('exceptions.waiver', w.id::text, 'waiver.approved')
        WHERE w.content_hash <> {CONTENT_HASH} OR w.content_hash <> e.body::jsonb->'data'->>'hash' LIMIT 100
    """,  # noqa: S608 -- constants
)
register_check(
    "inv-25b",
    statement="Of several orders a time-limited exception lets through only what was asked for and allowed",
    sql="""
        SELECT 'TLX-' || w.number FROM exceptions_waiver w WHERE w.passing <> '[]' AND EXISTS (
            SELECT 1 FROM jsonb_array_elements_text(w.passing) p(id)
            WHERE NOT w.granted_scope ? CASE WHEN p.id = w.subject_id THEN w.subject_key ELSE coalesce(w.others->>p.id, '') END)
    """,
)
register_check(
    "inv-26",
    statement="Every time-limited exception that is over ended once, at a time and for a reason",
    sql="""
        SELECT 'TLX-' || number FROM exceptions_waiver
        WHERE (state IN ('requested', 'returned', 'approved')) <> (ended_at IS NULL AND end_reason = '')
    """,
)
