"""What systems that begin to follow are told of orders."""

from exceptions import job_kinds
from orders.fulfilment.selectors.exports import unread
from orders.fulfilment.services import following
from orders.sync import followers

job_kinds.register(following.BACKFILL)
followers.register(following.tell_open_orders)
followers.register_feed(unread)
