"""What the trail alone has to tell of orders: where each record stands, and how many units a shelf has."""

from audit import folds

folds.register(
    folds.Fold("fulfilment.order", "fulfilment_order", "state"),
    folds.Fold("fulfilment.fulfilment", "fulfilment_fulfilment", "state"),
    folds.Fold("fulfilment.customer", "fulfilment_customer", "state", at_first="own"),
    folds.Fold("fulfilment.likeness", "fulfilment_likeness", "state", key="r.id"),
    folds.Fold("fulfilment.hold", "fulfilment_hold", "state", key="r.id"),
    folds.Fold("fulfilment.orderrequest", "fulfilment_orderrequest", "state", key="r.id"),
    folds.Fold("fulfilment.parcelcheck", "fulfilment_parcelcheck", "state", key="r.id"),
    folds.Fold("fulfilment.unwind", "fulfilment_unwind", "state", key="r.id"),
    folds.Fold("fulfilment.override", "fulfilment_override", "state", key="r.number"),
    folds.Fold("fulfilment.shipment", "fulfilment_shipment", "state", key="r.number"),
    folds.Fold("fulfilment.refund", "fulfilment_refund", "state", key="r.id"),
    folds.Fold("fulfilment.replenishment", "fulfilment_replenishment", "state", key="r.id"),
    folds.SqlFold(
        "fulfilment.safetystock.low",
        """
        SELECT s.id::text, CASE WHEN s.low_since IS NULL THEN 'enough' ELSE 'low' END, coalesce(told.value, 'enough')
        FROM fulfilment_safetystock s JOIN fulfilment_location p ON p.id = s.location_id
        LEFT JOIN LATERAL (
            SELECT CASE e.type WHEN 'stock.low' THEN 'low' ELSE 'enough' END AS value FROM audit_event e
            WHERE e.subject_type = 'fulfilment.stockitem' AND e.subject_id = s.item_id::text
              AND e.type IN ('stock.low', 'stock.level_back')
              AND e.body::jsonb -> 'data' ->> 'location' = p.slug
            ORDER BY e.seq DESC LIMIT 1
        ) told ON true
        """,
    ),
    folds.Fold("fulfilment.stockitem", "fulfilment_stockitem", "reserved", key="r.id", at_first="0"),
    folds.Fold("fulfilment.stockitem", "fulfilment_stockitem", "on_hand", key="r.id", at_first="0"),
    folds.Fold("fulfilment.stocklot", "fulfilment_stocklot", "state", key="r.id", at_first="usable"),
    folds.SqlFold(
        "fulfilment.orderline.state",
        """
        SELECT o.key || '/' || l.position, l.state, coalesce(told.value, 'open')
        FROM fulfilment_orderline l JOIN fulfilment_order o ON o.id = l.order_id
        LEFT JOIN LATERAL (
            SELECT e.body::jsonb -> 'data' -> 'moved' -> l.position::text ->> 1 AS value FROM audit_event e
            WHERE e.subject_type = 'fulfilment.order' AND e.subject_id = o.id::text
              AND e.body::jsonb -> 'data' -> 'moved' -> l.position::text IS NOT NULL
            ORDER BY e.seq DESC LIMIT 1
        ) told ON true
        """,
    ),
    folds.SqlFold(
        "fulfilment.ordergift",
        """
        SELECT o.key || '/' || g.position, g.is_active || ' ' || g.wrap, told.value
        FROM fulfilment_ordergift g JOIN fulfilment_order o ON o.id = g.order_id
        LEFT JOIN LATERAL (
            SELECT (e.body::jsonb -> 'data' ->> 'wanted') || ' ' || (e.body::jsonb -> 'data' ->> 'wrap') AS value FROM audit_event e
            WHERE e.subject_type = 'fulfilment.order' AND e.subject_id = o.id::text AND e.type = 'order.gift_said'
              AND e.body::jsonb -> 'data' ->> 'line' = g.position::text
            ORDER BY e.seq DESC LIMIT 1
        ) told ON true
        """,
    ),
    folds.SqlFold(
        "fulfilment.reservation.state",
        """
        SELECT r.id::text, r.state || ' ' || r.quantity, told.value
        FROM fulfilment_reservation r
        LEFT JOIN (
            SELECT DISTINCT ON (one.key) one.key, one.value
            FROM audit_event e CROSS JOIN LATERAL jsonb_each_text(e.body::jsonb -> 'data' -> 'reservations') one
            WHERE e.subject_type = 'fulfilment.stockitem' AND e.body LIKE '%"reservations":%'
            ORDER BY one.key, e.seq DESC
        ) told ON told.key = r.id::text
        """,
    ),
    folds.SqlFold(
        "fulfilment.orderamounts",
        """
        SELECT o.key, concat_ws(' ', a.lines, a.discount, a.shipping, a.tax, a.total), told.value
        FROM fulfilment_orderamounts a JOIN fulfilment_order o ON o.id = a.order_id
        LEFT JOIN LATERAL (
            SELECT concat_ws(' ', one ->> 'lines', one ->> 'discount', one ->> 'shipping', one ->> 'tax', one ->> 'total') AS value
            FROM audit_event e CROSS JOIN LATERAL (SELECT e.body::jsonb -> 'data' -> 'amounts') AS told(one)
            WHERE e.subject_type = 'fulfilment.order' AND e.subject_id = o.id::text AND e.type = 'order.received'
            ORDER BY e.seq LIMIT 1
        ) told ON true
        """,
    ),
    folds.SqlFold(
        "fulfilment.payment.state",
        """
        SELECT o.key || '/' || p.reference, p.state, CASE WHEN EXISTS (
            SELECT 1 FROM audit_event e WHERE e.subject_type = 'fulfilment.order' AND e.subject_id = o.id::text
              AND e.type = 'order.payment_captured' AND e.body::jsonb -> 'data' ->> 'payment' = p.reference
        ) THEN 'captured' ELSE 'authorised' END
        FROM fulfilment_payment p JOIN fulfilment_order o ON o.id = p.order_id
        """,
    ),
    folds.SqlFold(
        "fulfilment.unwindstep.state",
        """
        SELECT s.unwind_id || '/' || s.position, s.state, coalesce(told.value, 'stands')
        FROM fulfilment_unwindstep s
        LEFT JOIN LATERAL (
            SELECT CASE e.type WHEN 'unwind.asked' THEN 'asked' ELSE 'undone' END AS value FROM audit_event e
            WHERE e.subject_type = 'fulfilment.unwind' AND e.subject_id = s.unwind_id::text
              AND e.type IN ('unwind.asked', 'unwind.step_undone') AND e.body::jsonb -> 'data' ->> 'step' = s.kind
            ORDER BY e.seq DESC LIMIT 1
        ) told ON true
        """,
    ),
)
for about in ("order", "fulfilment"):
    folds.register(
        folds.SqlFold(
            f"fulfilment.{about}.owner",
            f"""
            SELECT r.key, r.owner_id::text, coalesce(told.value, r.owner_id::text) FROM fulfilment_{about} r
            LEFT JOIN LATERAL (
                SELECT e.body::jsonb -> 'changes' -> 'owner_id' ->> 1 AS value FROM audit_event e
                WHERE e.subject_type = 'fulfilment.{about}' AND e.subject_id = r.id::text AND e.body LIKE '%"owner_id":%'
                ORDER BY e.seq DESC LIMIT 1
            ) told ON true
            """,  # noqa: S608 -- the two above
        )
    )
