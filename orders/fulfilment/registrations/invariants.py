"""What must always be so of orders and parcels."""

from audit import checks

checks.register_check(
    "inv-08",
    statement="Every order stands where the last entry about its state says",
    sql="""
        SELECT o.key FROM fulfilment_order o
        JOIN LATERAL (
            SELECT e.type FROM audit_event e
            WHERE e.subject_type = 'fulfilment.order' AND e.subject_id = o.id::text
              AND substr(e.type, 7) IN (SELECT DISTINCT state FROM fulfilment_order)
            ORDER BY e.seq DESC LIMIT 1
        ) last ON true
        WHERE last.type <> 'order.' || o.state
        LIMIT 100
    """,
)
checks.register_check(
    "inv-10",
    statement="Every order that is not finished has one active owner",
    sql="""
        SELECT o.key FROM fulfilment_order o JOIN rules_owner w ON w.id = o.owner_id
        WHERE o.state NOT IN ('delivered', 'cancelled', 'merged', 'returned', 'partly_returned') AND NOT w.is_active LIMIT 100
    """,
)
checks.register_check(
    "orders-packed",
    statement="What a person packs by itself shares a parcel with nothing else",
    sql="""
        SELECT f.key FROM fulfilment_fulfilment f
        JOIN fulfilment_fulfilmentline c ON c.fulfilment_id = f.id JOIN fulfilment_orderline l ON l.id = c.line_id
        WHERE f.state <> 'cancelled' AND l.state <> 'cancelled'
        GROUP BY f.key HAVING count(DISTINCT l.packed_as) > 1 LIMIT 100
    """,
)
checks.register_check(
    "orders-01",
    statement="Nothing was handed out while a hold kept it here",
    sql="""
        SELECT f.key FROM fulfilment_fulfilment f JOIN fulfilment_hold h ON h.order_id = f.order_id
        WHERE h.line_id IS NULL AND coalesce(h.fulfilment_id, f.id) = f.id
          AND f.tasked_at > h.placed_at AND f.tasked_at < coalesce(h.released_at, 'infinity') LIMIT 100
    """,
)
checks.register_check(
    "orders-customers",
    statement="A customer stands for itself or leads to one that does, and its orders are of its client",
    sql="""
        SELECT c.key FROM fulfilment_customer c JOIN fulfilment_customer h ON h.id = c.head_id
        LEFT JOIN fulfilment_customer m ON m.id = c.merged_into_id
        WHERE h.state <> 'own' OR h.client_id <> c.client_id OR m.head_id <> c.head_id
        UNION ALL
        SELECT o.key FROM fulfilment_order o JOIN fulfilment_customer c ON c.id = o.customer_id
        WHERE c.client_id <> o.client_id
        LIMIT 100
    """,
)
checks.register_check(
    "orders-merged",
    statement="An order that was merged leads to one of its client that was not, and has no name and no money of its own any more",
    sql="""
        SELECT o.key FROM fulfilment_order o LEFT JOIN fulfilment_order s ON s.id = o.merged_into_id
        WHERE (o.state = 'merged') <> (o.merged_into_id IS NOT NULL) OR s.client_id <> o.client_id OR s.state = 'merged'
        UNION ALL
        SELECT o.key FROM fulfilment_order o WHERE o.state = 'merged' AND (
            EXISTS (SELECT 1 FROM fulfilment_orderidentifier i WHERE i.order_id = o.id)
            OR EXISTS (SELECT 1 FROM fulfilment_payment p WHERE p.order_id = o.id))
        LIMIT 100
    """,
)
checks.register_check(
    "orders-together",
    statement="Parcels that go together are of one client, from one place, and of a shipment that was not undone",
    sql="""
        SELECT f.key FROM fulfilment_fulfilment f JOIN fulfilment_shipment s ON s.id = f.shipment_id
        WHERE s.state <> 'together' OR f.client_id <> s.client_id OR f.location_id IS DISTINCT FROM s.location_id
           OR f.state IN ('cancelled', 'unwinding', 'refused', 'rejected')
        UNION ALL
        SELECT min(f.key) FROM fulfilment_fulfilment f WHERE f.shipment_id IS NOT NULL AND f.tracking_number <> ''
        GROUP BY f.shipment_id HAVING count(DISTINCT f.tracking_number) > 1
        LIMIT 100
    """,
)
checks.register_check(
    "orders-04",
    statement="What was seen to be picked or to leave while a hold kept it here has an exception",
    sql="""
        SELECT f.key FROM fulfilment_historicalfulfilment f JOIN fulfilment_hold h ON h.order_id = f.order_id
        JOIN LATERAL (
            SELECT b.state FROM fulfilment_historicalfulfilment b WHERE b.id = f.id AND b.version = f.version - 1
        ) before ON before.state <> f.state
        WHERE f.state IN ('picked', 'packed', 'handed_over') AND h.line_id IS NULL AND coalesce(h.fulfilment_id, f.id) = f.id
          AND f.history_date > h.placed_at AND f.history_date < coalesce(h.released_at, 'infinity')
          AND NOT EXISTS (
            SELECT 1 FROM exceptions_exceptioncase c WHERE c.type = 'moved-while-held'
              AND c.subject_type = 'fulfilment.order' AND c.subject_id = f.order_id::text)
        LIMIT 100
    """,
    budget_ms=15_000,
)
checks.register_check(
    "orders-05",
    statement="An order that is not finished stands on hold exactly while a hold of the whole order is in force",
    sql="""
        SELECT o.key FROM fulfilment_order o WHERE o.state NOT IN ('delivered', 'cancelled', 'merged', 'shipped', 'returning',
            'quarantined', 'rerouting', 'change_undecided', 'cancel_undecided', 'return_announced', 'partly_returned', 'returned')
          AND (o.state = 'on_hold') <> EXISTS (
            SELECT 1 FROM fulfilment_hold h WHERE h.order_id = o.id AND h.state = 'active'
              AND h.line_id IS NULL AND h.fulfilment_id IS NULL)
        LIMIT 100
    """,
)
checks.register_check(
    "orders-02",
    statement="A parcel and its order belong to the same client",
    sql="""
        SELECT f.key FROM fulfilment_fulfilment f JOIN fulfilment_order o ON o.id = f.order_id
        WHERE f.client_id <> o.client_id LIMIT 100
    """,
)
checks.register_check(
    "orders-03",
    statement="An order in fulfilment was decided about by a rule",
    sql="""
        SELECT key FROM fulfilment_order
        WHERE state IN ('in_fulfilment', 'partly_fulfilled', 'paid_no_stock') AND decision_id IS NULL LIMIT 100
    """,
)
checks.register_check(
    "orders-06",
    statement="What waits for a decision about an order has an exception, and the order or the request says so",
    sql="""
        SELECT o.key FROM fulfilment_orderrequest r JOIN fulfilment_order o ON o.id = r.order_id
        WHERE r.state = 'undecided' AND (
            NOT EXISTS (
                SELECT 1 FROM exceptions_exceptioncase c
                WHERE c.subject_type = 'fulfilment.order' AND c.subject_id = o.id::text
                  AND c.type IN ('late-cancellation', 'late-change', 'return-request')
                  AND c.state NOT IN ('resolved', 'closed', 'withdrawn'))
            OR r.kind = 'cancel' AND o.state <> 'cancel_undecided')
        UNION ALL
        SELECT o.key FROM fulfilment_order o WHERE o.state IN ('cancel_undecided', 'change_undecided') AND NOT EXISTS (
            SELECT 1 FROM fulfilment_orderrequest r WHERE r.order_id = o.id AND r.state = 'undecided')
        LIMIT 100
    """,
)
checks.register_check(
    "money-01",
    statement="No more goes back by our own decision than has arrived",
    sql="""
        SELECT o.key FROM fulfilment_order o
        JOIN (
            SELECT order_id, sum(amount) AS back FROM fulfilment_refund
            WHERE state <> 'declined' AND rule <> 'refund-by-finance' GROUP BY 1
        ) r ON r.order_id = o.id
        JOIN (
            SELECT p.order_id, coalesce(sum(p.amount) FILTER (WHERE p.state = 'captured' AND p.currency = w.currency), 0) AS arrived
            FROM fulfilment_payment p JOIN fulfilment_order w ON w.id = p.order_id GROUP BY 1
        ) p ON p.order_id = o.id
        WHERE r.back > p.arrived LIMIT 100
    """,
)
checks.register_check(
    "money-02",
    statement="Money that a person has to decide about has an exception",
    sql="""
        SELECT o.key FROM fulfilment_refund r JOIN fulfilment_order o ON o.id = r.order_id
        WHERE r.state = 'undecided' AND NOT EXISTS (
            SELECT 1 FROM exceptions_exceptioncase c
            WHERE c.subject_type = 'fulfilment.order' AND c.subject_id = o.id::text AND c.type = 'refund-decision'
              AND c.state NOT IN ('resolved', 'closed', 'withdrawn'))
        LIMIT 100
    """,
)
checks.register_check(
    "money-03",
    statement="Lines, shipping and tax are the total where a store states all of them, or it has had an exception",
    sql="""
        SELECT o.key FROM fulfilment_orderamounts a JOIN fulfilment_order o ON o.id = a.order_id
        WHERE a.shipping IS NOT NULL AND a.tax IS NOT NULL
          AND a.total <> a.lines - coalesce(a.discount, 0) + a.shipping + CASE WHEN a.tax_included THEN 0 ELSE a.tax END
          AND NOT EXISTS (
            SELECT 1 FROM exceptions_exceptioncase c WHERE c.subject_type = 'fulfilment.order' AND c.subject_id = o.id::text
              AND c.type = 'payment-mismatch')
        LIMIT 100
    """,
)
checks.register_check(
    "money-04",
    statement="No more was seen to go back than had arrived, or it has had an exception",
    sql="""
        SELECT o.key FROM fulfilment_order o
        JOIN (
            SELECT r.order_id, sum(r.amount) AS back FROM fulfilment_refund r JOIN fulfilment_order w ON w.id = r.order_id
            WHERE r.state = 'issued' AND r.currency = w.currency GROUP BY 1
        ) r ON r.order_id = o.id
        LEFT JOIN (
            SELECT p.order_id, sum(p.amount) AS arrived FROM fulfilment_payment p JOIN fulfilment_order w ON w.id = p.order_id
            WHERE p.state = 'captured' AND p.currency = w.currency GROUP BY 1
        ) p ON p.order_id = o.id
        WHERE r.back > CASE WHEN p.order_id IS NULL AND o.paid_at IS NOT NULL
              THEN o.total_minor / 10 ^ CASE o.currency WHEN 'JPY' THEN 0 ELSE 2 END ELSE coalesce(p.arrived, 0) END
          AND NOT EXISTS (
            SELECT 1 FROM exceptions_exceptioncase c WHERE c.subject_type = 'fulfilment.order' AND c.subject_id = o.id::text
              AND c.type = 'payment-mismatch')
        LIMIT 100
    """,
)
checks.register_check(
    "orders-unpaid",
    statement="Every order that waits for its money has a deadline",
    sql="""
        SELECT key FROM fulfilment_order
        WHERE state IN ('awaiting_payment', 'payment_authorised', 'partly_paid') AND sla_due_at IS NULL LIMIT 100
    """,
)
checks.register_check(
    "orders-08",
    statement="What happened in an order that cannot be has had an exception",
    sql="""
        SELECT f.key FROM fulfilment_fulfilment f JOIN fulfilment_order o ON o.id = f.order_id
        WHERE f.state IN ('handed_over', 'delivered') AND (
            f.delivered_at < f.handed_over_at
            OR coalesce(f.handed_over_at, f.delivered_at) < greatest(o.placed_at, o.paid_at)
            OR o.paid_at IS NULL AND NOT EXISTS (
                SELECT 1 FROM fulfilment_payment p WHERE p.order_id = o.id AND p.state = 'captured'))
          AND NOT EXISTS (
            SELECT 1 FROM exceptions_exceptioncase c WHERE c.type = 'impossible-sequence'
              AND c.subject_type = 'fulfilment.order' AND c.subject_id = o.id::text)
        LIMIT 100
    """,
)
checks.register_check(
    "orders-07",
    statement="What is taken back is taken back from the last step down, by a timer's watch or with an exception",
    sql="""
        SELECT f.key FROM fulfilment_unwind u JOIN fulfilment_fulfilment f ON f.id = u.fulfilment_id
        WHERE u.state IN ('running', 'stalled') AND (
            f.state <> 'unwinding'
            OR u.state = 'running' AND NOT EXISTS (
                SELECT 1 FROM exceptions_timer t WHERE t.subject_type = 'fulfilment.unwind' AND t.subject_id = u.id::text
                  AND t.fired_at IS NULL AND t.cancelled_at IS NULL)
            OR u.state = 'stalled' AND NOT EXISTS (
                SELECT 1 FROM exceptions_exceptioncase c WHERE c.type = 'unwind-stalled'
                  AND c.subject_id = u.order_id::text AND c.state NOT IN ('resolved', 'closed', 'withdrawn')))
        UNION ALL
        SELECT f.key FROM fulfilment_fulfilment f WHERE f.state = 'unwinding' AND NOT EXISTS (
            SELECT 1 FROM fulfilment_unwind u WHERE u.fulfilment_id = f.id AND u.state IN ('running', 'stalled'))
        UNION ALL
        SELECT u.id::text FROM fulfilment_unwindstep later JOIN fulfilment_unwindstep earlier USING (unwind_id)
        JOIN fulfilment_unwind u ON u.id = unwind_id
        WHERE earlier.position < later.position AND earlier.state <> 'stands' AND later.state <> 'undone'
        LIMIT 100
    """,
)
checks.register_check(
    "inv-27",
    statement="What a time-limited exception let go on and nobody was given yet is stopped again once that is over",
    sql="""
        SELECT 'TLX-' || w.number || ' ' || o.key FROM exceptions_waiver w
        CROSS JOIN LATERAL (SELECT w.subject_id UNION ALL SELECT jsonb_object_keys(w.others)) s(id)
        JOIN fulfilment_order o ON o.id = CASE WHEN w.subject_type = 'fulfilment.order' THEN s.id::uuid END
        JOIN fulfilment_orderaddress a ON a.order_id = o.id AND a.verdict = 'invalid'
        WHERE w.gate = 'ship-despite-open-case' AND w.starts_at IS NOT NULL
          AND w.state <> 'approved' AND w.ended_at < now() - interval '30 seconds'
          AND o.state IN ('paid', 'paid_no_stock', 'partly_fulfilled', 'in_fulfilment')
          AND NOT EXISTS (SELECT 1 FROM fulfilment_fulfilment f WHERE f.order_id = o.id AND f.state <> 'cancelled')
          AND NOT EXISTS (
              SELECT 1 FROM exceptions_waiver v
              WHERE v.gate = w.gate AND v.subject_type = w.subject_type AND v.state = 'approved'
                AND now() >= v.starts_at AND now() < v.expires_at
                AND (v.subject_id = s.id AND v.others = '{}' OR v.passing ? s.id))
        LIMIT 100
    """,
)
checks.register_check(
    "orders-bundles",
    statement="What is in a bundle is in the same order, and costs what the bundle costs",
    sql="""
        SELECT o.key || '/' || b.position FROM fulfilment_orderbundle b
        JOIN fulfilment_order o ON o.id = b.order_id
        LEFT JOIN fulfilment_orderline l ON l.bundle_id = b.id
        GROUP BY o.key, b.id
        HAVING count(l.id) = 0 OR bool_or(l.order_id <> b.order_id) OR sum(l.per_bundle * l.unit_minor) <> b.unit_minor
        LIMIT 100
    """,
)
checks.register_check(
    "orders-at-risk",
    statement="Before the deadline of a parcel that is still here comes at risk there is a timer that says so",
    sql="""
        SELECT f.key FROM fulfilment_fulfilment f
        WHERE f.state IN ('planned', 'tasked', 'acknowledged', 'confirmed', 'picked', 'packed') AND f.warn_at > now()
          AND NOT EXISTS (
            SELECT 1 FROM exceptions_timer t WHERE t.subject_type = 'fulfilment.fulfilment' AND t.subject_id = f.id::text
              AND t.kind = 'fulfilment.at_risk' AND t.fired_at IS NULL AND t.cancelled_at IS NULL)
        LIMIT 100
    """,
)
checks.register_check(
    "orders-fallback",
    statement="Before a rule's fallback takes over an order there is a timer that gives it, and who took over is in the trail",
    sql="""
        SELECT o.key FROM fulfilment_order o
        WHERE o.falls_back_at > now() AND NOT EXISTS (
            SELECT 1 FROM exceptions_timer t WHERE t.subject_type = 'fulfilment.order' AND t.subject_id = o.id::text
              AND t.kind = 'fulfilment.fallback' AND t.fired_at IS NULL AND t.cancelled_at IS NULL)
        UNION ALL
        SELECT o.key FROM fulfilment_order o
        WHERE o.fell_back_at IS NOT NULL AND NOT EXISTS (
            SELECT 1 FROM audit_event e WHERE e.subject_type = 'fulfilment.order' AND e.subject_id = o.id::text
              AND e.type = 'order.fell_back')
        LIMIT 100
    """,
)
checks.register_check(
    "orders-gifts-apart",
    statement="A gift with an address of its own shares no parcel with anything else",
    sql="""
        SELECT f.key FROM fulfilment_fulfilment f
        JOIN fulfilment_fulfilmentline c ON c.fulfilment_id = f.id
        JOIN fulfilment_orderline l ON l.id = c.line_id
        LEFT JOIN fulfilment_orderbundle b ON b.id = l.bundle_id
        LEFT JOIN (
            SELECT g.order_id, g.position FROM fulfilment_ordergift g
            JOIN fulfilment_giftcard k ON k.gift_id = g.id WHERE g.is_active AND k.raw <> ''
        ) own ON own.order_id = f.order_id AND own.position = coalesce(b.position, l.position)
        WHERE f.state <> 'cancelled' AND f.order_id IN (SELECT order_id FROM fulfilment_ordergift)
        GROUP BY f.key HAVING count(DISTINCT coalesce(own.position, 0)) > 1
        LIMIT 100
    """,
)
checks.register_check(
    "orders-gifts-unpriced",
    statement="What is asked about a parcel with a gift in it says so, and names no price",
    sql="""
        SELECT DISTINCT m.key FROM fulfilment_ordergift g
        JOIN fulfilment_fulfilment f ON f.order_id = g.order_id
        JOIN sync_outboundmessage m
          ON m.subject_type = 'fulfilment.fulfilment' AND m.subject_id = f.id::text AND m.type = 'task.requested'
        WHERE jsonb_path_exists(m.preview, '$.lines[*].gift') AND NOT m.preview ? 'no_prices'
           OR m.preview ? 'no_prices' AND (m.preview - 'no_prices')::text ~ '"[a-z_]*(minor|price|amount|total)[a-z_]*":'
        LIMIT 100
    """,
)
for about in ("order", "fulfilment"):
    checks.register_check(
        f"state-{about}-time",
        statement=f"Every {about} says since when it is in the state it is in",
        sql=f"SELECT key FROM fulfilment_{about} WHERE NOT stamps ? state LIMIT 100",  # noqa: S608 -- the two above
    )
