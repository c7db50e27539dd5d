"""What the trail alone has to tell of exceptions and of all that is done about them: where each stands, and who has it."""

from audit import folds

folds.register(
    folds.Fold(
        "exceptions.exceptioncase",
        "exceptions_exceptioncase",
        "state",
        "'EX-' || r.number",
        told={"case.opened": "open"},
    ),
    folds.Fold(
        "exceptions.waiver",
        "exceptions_waiver",
        "state",
        "'TLX-' || r.number",
        told={"waiver.requested": "requested", "waiver.glass_broken": "approved"},
    ),
    folds.Fold(
        "exceptions.clientapproval",
        "exceptions_clientapproval",
        "state",
        "r.id",
        told={"client_approval.sent": "sent"},
    ),
    folds.Fold("exceptions.job", "exceptions_job", "state", "'JOB-' || r.number", told={"job.queued": "queued"}),
    folds.Fold(
        "exceptions.postmortem",
        "exceptions_postmortem",
        "state",
        "'PM-' || r.number",
        told={"postmortem.drafted": "draft"},
        of_others=("postmortem.action_ended",),
    ),
    folds.SqlFold(
        "exceptions.postmortemaction.state",
        """
        SELECT 'PM-' || p.number || ' action ' || r.number, r.state, told.value
        FROM exceptions_postmortemaction r JOIN exceptions_postmortem p ON p.id = r.postmortem_id
        LEFT JOIN LATERAL (
            SELECT coalesce(e.body::jsonb -> 'changes' -> 'state' ->> 1, 'open') AS value FROM audit_event e
            WHERE e.subject_type = 'exceptions.postmortem' AND e.subject_id = p.id::text
              AND e.type IN ('postmortem.action_added', 'postmortem.action_ended')
              AND e.body::jsonb -> 'data' ->> 'number' = r.number::text
            ORDER BY e.seq DESC LIMIT 1
        ) told ON true
        """,
    ),
    folds.SqlFold(
        "exceptions.exceptioncase.owner",
        """
        SELECT 'EX-' || r.number, o.slug, told.value
        FROM exceptions_exceptioncase r JOIN rules_owner o ON o.id = r.owner_id
        LEFT JOIN LATERAL (
            SELECT coalesce(
                e.body::jsonb -> 'changes' -> 'owner' ->> 1,
                (SELECT taker.slug FROM rules_owner taker WHERE taker.id::text = e.body::jsonb -> 'changes' -> 'owner_id' ->> 1),
                e.body::jsonb -> 'data' ->> 'owner'
            ) AS value FROM audit_event e
            WHERE e.subject_type = 'exceptions.exceptioncase' AND e.subject_id = r.id::text
              AND (e.type = 'case.opened' OR jsonb_exists_any(e.body::jsonb -> 'changes', ARRAY['owner', 'owner_id']))
            ORDER BY e.seq DESC LIMIT 1
        ) told ON true
        """,
    ),
    folds.SqlFold(
        "exceptions.page.state",
        """
        SELECT r.key, r.state, told.value FROM exceptions_page r
        LEFT JOIN LATERAL (
            SELECT CASE WHEN e.type <> 'page.answered' THEN substr(e.type, 6)
                WHEN e.body::jsonb -> 'data' ->> 'said' = 'incident.resolved' THEN 'resolved' ELSE 'acknowledged' END AS value
            FROM audit_event e
            WHERE (e.subject_type, e.subject_id) = (
                CASE WHEN r.case_id IS NULL THEN 'exceptions.page' ELSE 'exceptions.exceptioncase' END, coalesce(r.case_id, r.id)::text)
              AND e.type IN ('page.triggered', 'page.acknowledged', 'page.resolved', 'page.answered')
              AND e.body::jsonb -> 'data' ->> 'key' = r.key
              AND coalesce(e.body::jsonb -> 'data' ->> 'channel', r.channel_id::text) = r.channel_id::text
              AND e.at >= r.opened_at AND (r.ended_at IS NULL OR e.at <= r.ended_at)
            ORDER BY e.seq DESC LIMIT 1
        ) told ON true
        """,
    ),
    folds.SqlFold(
        "exceptions.jobitem.state",
        """
        SELECT 'JOB-' || j.number,
            concat_ws(' ', count(*) FILTER (WHERE i.state = 'done'), count(*) FILTER (WHERE i.state = 'skipped'),
                count(*) FILTER (WHERE i.state = 'refused')),
            concat_ws(' ', told.body -> 'done', told.body -> 'skipped', told.body -> 'refused')
        FROM exceptions_job j JOIN exceptions_jobitem i ON i.job_id = j.id JOIN LATERAL (
            SELECT e.body::jsonb -> 'data' AS body FROM audit_event e
            WHERE e.subject_type = 'exceptions.job' AND e.subject_id = j.id::text AND e.type = 'job.finished'
        ) told ON true
        GROUP BY j.number, told.body
        """,
    ),
)
