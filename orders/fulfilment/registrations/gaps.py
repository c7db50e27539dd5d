"""Orders as what can be left without anybody."""

from exceptions import gaps
from orders.fulfilment.selectors.gaps import count_orders, list_orders
from orders.fulfilment.services.rehoming import mend_orders

gaps.register(gaps.Source("orders", "orders.view_order", count_orders, list_orders, mend_orders))
