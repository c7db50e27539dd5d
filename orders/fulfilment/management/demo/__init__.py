"""The demo: one day of an agency that works for three clients, made with the same services as everything else."""

from orders.fulfilment.management.demo.people import DEMO_ACCOUNTS, DEMO_PASSWORD, DemoAccount
from orders.fulfilment.management.demo.seeding import prepare, seed

__all__ = ["DEMO_ACCOUNTS", "DEMO_PASSWORD", "DemoAccount", "prepare", "seed"]
