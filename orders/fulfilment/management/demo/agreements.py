"""What the demo's integrations team has written down already: what to do when the daily messages break their contract."""

from datetime import datetime
from typing import Final

from audit.context import Actor
from rules.models import Contract
from rules.services.contracts import write_runbook

# By the noun of the message. What is not here still waits for somebody to write it.
RUNBOOKS: Final = {
    "order": """Open the dead letter: it names the field. Nine times in ten a store's plugin was updated; ask the client which one, and
replay the letter once they have mended it. An order that must leave today is completed by hand in the quarantine.""",
    "payment": """No money is taken twice: a payment is known by its reference. Compare the amount with the payment provider, correct the
store's mapping if it sends another currency's minor units, and replay.""",
    "shipment": """The parcel has moved even though we did not understand the message. Look it up at the carrier or in the warehouse, tell
Logistics, and replay the letter after the sender has been mended.""",
    "task": """The warehouse or vendor has answered something we cannot read. Call them with the task's number: whether it was accepted
decides if the parcel is late. Enter their answer on the order, then replay.""",
    "stock": """Counts are absolute, so the newest replaces what was missed. Ask the warehouse for a fresh count of the named products
instead of replaying old ones.""",
}


def write_runbooks(*, by: Actor, now: datetime) -> None:
    """One for each contract that has none and whose noun has a text."""
    for contract in Contract.objects.filter(runbook="").order_by("name"):
        if text := RUNBOOKS.get(contract.name.partition(".")[0]):
            write_runbook(name=contract.name, runbook=" ".join(text.split()), by=by, now=now)
