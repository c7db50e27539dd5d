"""What must always be so of quality checks."""

from audit import checks

checks.register_check(
    "quality-01",
    statement="Nothing went on before its quality checks, unless a time-limited exception let it or somebody was told",
    sql="""
        SELECT f.key FROM fulfilment_parcelcheck c JOIN fulfilment_fulfilment f ON f.id = c.fulfilment_id
        WHERE (
            c.state IN ('open', 'failed') AND c.point = 'pick' AND f.tasked_at IS NOT NULL
            OR c.state IN ('open', 'failed') AND c.point IN ('pick', 'booking') AND EXISTS (
                SELECT 1 FROM sync_outboundmessage m WHERE m.key = f.key || '/ship/' || f.round)
            OR c.state IN ('open', 'failed', 'over') AND f.handed_over_at IS NOT NULL)
          AND NOT EXISTS (
            SELECT 1 FROM audit_event e WHERE e.subject_type = 'fulfilment.parcelcheck' AND e.subject_id = c.id::text
              AND e.type = 'check.skipped')
          AND NOT EXISTS (
            SELECT 1 FROM exceptions_exceptioncase x WHERE x.type = 'moved-while-held'
              AND x.subject_type = 'fulfilment.order' AND x.subject_id = c.order_id::text)
        LIMIT 100
    """,
)
checks.register_check(
    "quality-02",
    statement="A quality check that is passed or failed says what its last result says",
    sql="""
        SELECT f.key || '/' || c.slug FROM fulfilment_parcelcheck c JOIN fulfilment_fulfilment f ON f.id = c.fulfilment_id
        LEFT JOIN LATERAL (
            SELECT r.verdict FROM fulfilment_checkresult r WHERE r.check_of_id = c.id AND r.verdict <> 'right_so_far'
            ORDER BY r.number DESC LIMIT 1
        ) last ON true
        WHERE c.state IN ('passed', 'failed') AND last.verdict IS DISTINCT FROM c.state LIMIT 100
    """,
)
checks.register_check(
    "quality-03",
    statement="A parcel that failed a quality check is held, unless a time-limited exception covers it",
    sql="""
        SELECT f.key || '/' || c.slug FROM fulfilment_parcelcheck c JOIN fulfilment_fulfilment f ON f.id = c.fulfilment_id
        WHERE c.state = 'failed' AND f.state IN ('planned', 'tasked', 'acknowledged', 'confirmed', 'picked', 'packed')
          AND NOT EXISTS (
            SELECT 1 FROM fulfilment_hold h WHERE h.fulfilment_id = f.id AND h.state = 'active'
              AND h.release_when ->> 'id' = c.id::text)
          AND NOT EXISTS (
            SELECT 1 FROM exceptions_waiver w WHERE w.gate = 'skip-quality-check' AND w.state = 'approved'
              AND (w.subject_id = c.order_id::text OR w.others ? c.order_id::text))
        LIMIT 100
    """,
)
checks.register_check(
    "quality-04",
    statement="A quality check that somebody can do has a clock, or an exception once nobody looked; no other check has a clock",
    sql="""
        SELECT f.key || '/' || c.slug FROM fulfilment_parcelcheck c JOIN fulfilment_fulfilment f ON f.id = c.fulfilment_id
        WHERE c.due_at IS NOT NULL
          AND NOT EXISTS (
            SELECT 1 FROM exceptions_timer t WHERE t.subject_type = 'fulfilment.parcelcheck' AND t.subject_id = c.id::text
              AND t.kind = 'fulfilment.check_due' AND t.fired_at IS NULL AND t.cancelled_at IS NULL AND t.due_at >= c.due_at)
          AND NOT EXISTS (
            SELECT 1 FROM exceptions_exceptioncase x WHERE c.passed_on_at IS NOT NULL AND x.type = 'quality-check-late'
              AND x.subject_type = 'fulfilment.order' AND x.subject_id = c.order_id::text)
        UNION ALL
        SELECT f.key || '/' || c.slug FROM exceptions_timer t JOIN fulfilment_parcelcheck c ON c.id::text = t.subject_id
        JOIN fulfilment_fulfilment f ON f.id = c.fulfilment_id
        WHERE t.subject_type = 'fulfilment.parcelcheck' AND t.fired_at IS NULL AND t.cancelled_at IS NULL AND c.due_at IS NULL
        LIMIT 100
    """,
)
