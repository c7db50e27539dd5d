"""What the demo learned last night: a P1 that is solved, its postmortem in draft, and a change of a runbook that waits for its owner."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from audit.access import system_actor
from audit.models import User
from audit.subject_refs import subject_ref
from audit.words import said
from exceptions import services as exceptions
from exceptions.selectors.postmortems import postmortem_of
from orders.sync.models import System
from rules.models import Client, RunbookVersion
from rules.selectors import actor_for
from rules.states import RunbookState

RUNBOOK: Final = "system-not-reached"
LEARNED: Final = """
## The warehouse at night

From 01:00 to 04:00 UTC the warehouse's system restarts for its backup and answers 503. Nothing has to be sent by hand: wait until
04:15, then look whether the part *delivery* is green again.
"""


def learn_from_an_outage(client: Client, people: Mapping[str, User], now: datetime) -> None:
    """Opened five hours ago, solved three hours ago; inside no act of its own."""
    opened, solved = now - timedelta(hours=5), now - timedelta(hours=3)
    lee, jonas = (actor_for(people[name], channel="command") for name in ("lee", "jonas"))
    system = System.objects.order_by("slug")[0]
    case = exceptions.open_case(
        type="delivery-failure",
        subject=subject_ref(system),
        subject_key=system.slug,
        client_id=client.pk,
        title=said("%(system)s answered 503 for two hours", system=system.name),
        cause=f"delivery/{system.slug}",
        by=system_actor("demo", channel="command"),
        now=opened,
    )
    exceptions.acknowledge_case(case_id=case.pk, by=lee, now=opened + timedelta(minutes=12))
    exceptions.resolve_case(case_id=case.pk, outcome="replayed", root_cause="system", by=lee, now=solved)
    draft = postmortem_of(case)
    if draft is not None:
        exceptions.edit_postmortem(
            postmortem_id=draft.pk,
            summary="The system restarted for its backup. Every message waited in line and went out after it; **no order was late**.",
            causes="",
            by=lee,
            now=solved + timedelta(minutes=20),
        )
        exceptions.add_action(
            postmortem_id=draft.pk,
            text="Ask the warehouse to announce its restarts a week ahead",
            owner="logistics",
            due_on=(now + timedelta(days=7)).date(),
            by=lee,
            now=solved + timedelta(minutes=25),
        )
    current = RunbookVersion.objects.get(runbook__slug=RUNBOOK, state=RunbookState.CURRENT)
    exceptions.propose_from_case(
        case_id=case.pk,
        runbook=RUNBOOK,
        base=current.number,
        body=f"{current.body}\n{LEARNED}",
        covers=current.covers,
        note="The warehouse restarts at night; wait instead of calling",
        by=jonas,
        now=solved + timedelta(hours=1),
    )
