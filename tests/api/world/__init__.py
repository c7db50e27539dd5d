"""Every address of the API, who may do what there, and one record of Northwind behind each."""

from typing import Final

from tests.api.world.content import CONTENT
from tests.api.world.exceptions import EXCEPTIONS
from tests.api.world.orders import ORDERS
from tests.api.world.people import PEOPLE
from tests.api.world.records import NOBODYS, build, family
from tests.api.world.rule import Rule
from tests.api.world.rules import RULES
from tests.api.world.sync import SYNC
from tests.api.world.waivers import WAIVERS

__all__ = ["ELSEWHERE", "MATRIX", "NOBODYS", "Rule", "build", "family"]

# An address that is neither here nor elsewhere fails the test of the inventory.
MATRIX: Final[dict[str, dict[str, Rule]]] = {**RULES, **PEOPLE, **ORDERS, **EXCEPTIONS, **WAIVERS, **CONTENT, **SYNC}
OWN: Final = {"plan", "plan-run", "job", "job-items", "job-cancel", "job-undo"}  # who began it: tests/api/test_jobs.py
# One's own, of those one looks after, or what one answers for: test_people, test_jobs, test_views, test_contracts,
# test_content beside this; tests/orders/fulfilment/test_waivers_of_several.py.
PERSONAL: Final = {
    "asset-approve",
    "asset-messaging-decide",
    "asset-send-back",
    "contract-accept-risk",
    "contract-describe",
    "contract-draft",
    "contract-publish",
    "contract-retire",
    "contract-runbook",
    "gate-describe",
    "absence",
    "absence-end",
    "absences",
    "delegation",
    "delegation-end",
    "cause",
    "cause-merge",
    "cause-mute",
    "cause-part",
    "cause-rename",
    "cause-split",
    "exception-file",
    "exception-file-withdraw",
    "notification-test",
    "postmortem-action-end",
    "runbook-accept",
    "runbook-reject",
    "runbook-withdraw",
    "person",
    "person-hand-over",
    "person-take-back",
    "team-people",
    "temporary-ownership",
    "temporary-ownership-give-back",
    "view",
    "view-change",
    "view-delete",
    "view-query",
    "waiver-client-take-back",
    "waiver-shorten",
    "asset-client-take-back",
}
ELSEWHERE: Final = OWN | PERSONAL | {"hooks", "page-answers", "schema", "docs", "unknown"}
