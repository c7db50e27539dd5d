"""What the trail alone has to tell of orders: where each record stands, and how many units a shelf has."""

from audit import folds

folds.register(
    folds.Fold("fulfilment.order", "fulfilment_order", "state"),
    folds.Fold("fulfilment.fulfilment", "fulfilment_fulfilment", "state"),
    folds.Fold("fulfilment.hold", "fulfilment_hold", "state", key="r.id"),
    folds.Fold("fulfilment.orderrequest", "fulfilment_orderrequest", "state", key="r.id"),
    folds.Fold("fulfilment.parcelcheck", "fulfilment_parcelcheck", "state", key="r.id"),
    folds.Fold("fulfilment.unwind", "fulfilment_unwind", "state", key="r.id"),
    folds.Fold("fulfilment.override", "fulfilment_override", "state", key="r.number"),
    folds.Fold("fulfilment.refund", "fulfilment_refund", "state", key="r.id"),
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
)
