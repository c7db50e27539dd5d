"""What systems that begin to follow are told of orders, and the acts on many orders."""

from exceptions import job_kinds
from orders.fulfilment.selectors.exports import unread
from orders.fulfilment.services import following
from orders.fulfilment.services.bulk import ORDER_KINDS
from orders.sync import followers

job_kinds.register(following.BACKFILL)
for order_kind in ORDER_KINDS:
    job_kinds.register(order_kind)
followers.register(following.tell_open_orders)
followers.register_feed(unread)
