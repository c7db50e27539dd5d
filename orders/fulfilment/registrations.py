"""Everything this app plugs into the layers below, in one place."""

from audit import checks, verbs
from orders.fulfilment.facts import ORDER_FACTS
from orders.fulfilment.states import FulfilmentState, OrderState
from rules.facts import declare_context

declare_context("order", ORDER_FACTS)

verbs.register({f"order.{state.value}": f"{{actor}} moved the order to “{state.label}”" for state in OrderState})
verbs.register(
    {f"fulfilment.{state.value}": f"{{actor}} moved the fulfilment to “{state.label}”" for state in FulfilmentState}
)
verbs.register(
    {
        "order.received": "{actor} took in the order",
        "order.identified": "{actor} learned what another system calls the order",
        "order.payment_captured": "{actor} heard that the payment was captured",
        "order.cancellation_received": "{actor} heard that the order is cancelled",
        "order.address_standardised": "{actor} standardised the address",
        "order.address_refused": "{actor} found that the address cannot be shipped to",
        "order.address_corrected": "{actor} corrected the address",
        "order.reviewed": "{actor} looked at the order and let it go on",
        "order.routed": "{actor} decided owner, flow and SLA by rule",
        "order.rerouted": "{actor} sent it another way",
        "order.exported": "{actor} exported the order with its audit token",
        "fulfilment.heard_late": "{actor} heard of a step that was already behind",
        "fulfilment.confirmation_missed": "{actor} noticed that nobody confirmed in time",
        "fulfilment.confirmation_waived": "{actor} went on without the vendor's confirmation, as a time-limited exception allows",
        "sku.added": "{actor} learned of a product",
        "stock.reserved": "{actor} set units aside",
        "stock.put_back": "{actor} put units back",
        "stock.left": "{actor} saw units leave",
        "stock.missing": "{actor} heard that units are not on the shelf",
        "stock.changed": "{actor} took over a stock count",
        "hold.placed": "{actor} put the order on hold",
        "hold.released": "{actor} released a hold",
        "notice.kept": "{actor} kept news about an order that has not arrived yet",
    }
)

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
