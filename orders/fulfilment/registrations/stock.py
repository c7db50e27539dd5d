"""What must always be so of stock."""

from audit import checks

checks.register_check(
    "stock-01",
    statement="What is set aside is what the lines hold",
    sql="""
        SELECT i.id::text FROM fulfilment_stockitem i
        LEFT JOIN (
            SELECT stock_item_id, sum(quantity) AS held FROM fulfilment_reservation WHERE state = 'held' GROUP BY 1
        ) r ON r.stock_item_id = i.id
        WHERE i.reserved <> coalesce(r.held, 0) LIMIT 100
    """,
)
checks.register_check(
    "stock-02",
    statement="Nothing is promised that is not there",
    sql="SELECT id::text FROM fulfilment_stockitem WHERE reserved > on_hand OR reserved < 0 LIMIT 100",
)
checks.register_check(
    "stock-03",
    statement="What a product has is what its lots have, and what is set aside of a lot is what the lines hold of it",
    sql="""
        SELECT i.id::text FROM fulfilment_stockitem i
        LEFT JOIN (
            SELECT item_id, sum(on_hand) AS on_hand, sum(reserved) AS reserved FROM fulfilment_stocklot GROUP BY 1
        ) l ON l.item_id = i.id
        WHERE i.on_hand <> coalesce(l.on_hand, 0) OR i.reserved <> coalesce(l.reserved, 0)
        UNION ALL
        SELECT l.id::text FROM fulfilment_stocklot l
        LEFT JOIN (
            SELECT lot_id, sum(quantity) AS held FROM fulfilment_reservation WHERE state = 'held' GROUP BY 1
        ) r ON r.lot_id = l.id
        WHERE l.reserved <> coalesce(r.held, 0)
        LIMIT 100
    """,
)
checks.register_check(
    "stock-04",
    statement="Nothing is set aside for a line that is not being sent, and a line has exactly its units or none",
    sql="""
        SELECT l.id::text FROM fulfilment_reservation r JOIN fulfilment_orderline l ON l.id = r.line_id
        JOIN fulfilment_order o ON o.id = l.order_id
        WHERE r.state = 'held'
        GROUP BY l.id, o.state
        HAVING l.state NOT IN ('reserved', 'in_fulfilment', 'refused', 'cancel_undecided')
            OR o.state IN ('cancelled', 'merged', 'delivered', 'returned', 'partly_returned', 'shipped')
            OR sum(r.quantity) <> l.quantity
        LIMIT 100
    """,
)
checks.register_check(
    "stock-05",
    statement="Nobody got units past somebody who waited longer for them and could have had them",
    sql="""
        SELECT served.id::text FROM fulfilment_reservation r
        JOIN fulfilment_orderline served ON served.id = r.line_id
        JOIN fulfilment_orderline waits ON waits.sku_id = served.sku_id AND waits.state = 'back_ordered'
            AND waits.order_id <> served.order_id
        JOIN fulfilment_order o ON o.id = waits.order_id
        JOIN fulfilment_hold h ON h.line_id = waits.id AND h.state = 'active' AND h.reason = 'stock' AND h.placed_at < r.held_at
        WHERE r.state = 'held' AND (served.queued_at IS NULL OR (served.queued_at, served.id) > (waits.queued_at, waits.id))
          AND NOT EXISTS (
            SELECT 1 FROM fulfilment_hold whole WHERE whole.order_id = o.id AND whole.line_id IS NULL
              AND whole.fulfilment_id IS NULL AND coalesce(whole.released_at, 'infinity') > h.placed_at)
          AND NOT EXISTS (
            SELECT 1 FROM jsonb_each_text(o.stamps) stamp
            WHERE stamp.key IN ('quarantined', 'address_invalid', 'manual_review', 'on_hold', 'partly_paid', 'cancelled', 'merged',
                'returning')
              AND stamp.value::timestamptz >= h.placed_at)
        LIMIT 100
    """,
)
checks.register_check(
    "stock-06",
    statement="Units that nobody works on are watched by a clock",
    sql="""
        SELECT r.id::text FROM fulfilment_reservation r JOIN fulfilment_orderline l ON l.id = r.line_id
        WHERE r.state = 'held' AND r.expires_at IS NOT NULL AND NOT EXISTS (
            SELECT 1 FROM exceptions_timer t WHERE t.subject_type = 'fulfilment.order' AND t.subject_id = l.order_id::text
              AND t.kind = 'fulfilment.reservation_expiry' AND t.fired_at IS NULL AND t.cancelled_at IS NULL)
        UNION ALL
        SELECT r.id::text FROM fulfilment_reservation r JOIN fulfilment_orderline l ON l.id = r.line_id
        JOIN fulfilment_order o ON o.id = l.order_id
        JOIN fulfilment_fulfilmentline c ON c.line_id = l.id
        JOIN fulfilment_fulfilment f ON f.id = c.fulfilment_id AND f.state <> 'cancelled'
        WHERE r.state = 'held' AND r.expires_at IS NULL
        GROUP BY r.id, o.state
        HAVING bool_and(f.state = 'planned')
            OR o.state = 'on_hold' AND bool_and(f.state IN ('planned', 'tasked', 'acknowledged', 'confirmed'))
        LIMIT 100
    """,
)
checks.register_check(
    "stock-07",
    statement="Nothing of a recalled lot is set aside but what is picked or packed, and that has an exception",
    sql="""
        SELECT r.id::text FROM fulfilment_reservation r JOIN fulfilment_stocklot lot ON lot.id = r.lot_id
        JOIN fulfilment_orderline l ON l.id = r.line_id
        WHERE r.state = 'held' AND lot.state = 'recalled' AND NOT EXISTS (
            SELECT 1 FROM exceptions_exceptioncase c WHERE c.type = 'lot-recalled'
              AND c.subject_type = 'fulfilment.order' AND c.subject_id = l.order_id::text)
        LIMIT 100
    """,
)
checks.register_check(
    "stock-08",
    statement="Where too few units are free it is known since when, and what was asked for is waited for",
    sql="""
        SELECT s.id::text FROM fulfilment_safetystock s
        LEFT JOIN fulfilment_stocklot lot ON lot.item_id = s.item_id AND lot.location_id = s.location_id
        GROUP BY s.id
        HAVING count(lot.expires_on) = 0
           AND (coalesce(sum(lot.on_hand - lot.reserved) FILTER (WHERE lot.state = 'usable'), 0) < coalesce(s.reorder_at, s.units))
               <> (s.low_since IS NOT NULL)
        UNION ALL
        SELECT r.id::text FROM fulfilment_replenishment r
        WHERE r.state = 'asked' AND NOT EXISTS (
            SELECT 1 FROM sync_flowrun run WHERE run.subject_type = 'fulfilment.replenishment' AND run.subject_id = r.id::text
              AND run.state IN ('running', 'missed'))
        LIMIT 100
    """,
)
