"""What must always be so of orders, stock and parcels."""

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
        WHERE o.state NOT IN ('delivered', 'cancelled') AND NOT w.is_active LIMIT 100
    """,
)
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
    "orders-01",
    statement="Nothing leaves the house while a hold stops the whole order",
    sql="""
        SELECT o.key FROM fulfilment_order o JOIN fulfilment_hold h ON h.order_id = o.id
        JOIN fulfilment_fulfilment f ON f.order_id = o.id
        WHERE h.state = 'active' AND h.reason <> 'stock' AND f.tasked_at > h.placed_at LIMIT 100
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
