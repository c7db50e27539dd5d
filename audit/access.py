"""Who may do what: roles, their permissions, and the one question every door asks."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from audit.context import Actor
from audit.errors import NotFound, Refused
from audit.words import said


class Role(StrEnum):
    """The groups a person can be in; a person may hold several."""

    ACCOUNT_MANAGER = "account_manager"
    OPS_LEAD = "ops_lead"
    ADMIN = "admin"
    AUDITOR = "auditor"
    SUPPORT = "support"
    INTEGRATOR = "integrator"
    PACKER = "packer"


READ_WORK: Final = frozenset(
    {"exceptions.view_case", "orders.view_order", "rules.view_rules", "rules.view_runbook"}
) | {"content.view_asset"}
WORK: Final = READ_WORK | {
    "exceptions.work_case",
    "exceptions.reassign_case",
    "exceptions.request_waiver",
    "orders.work_order",
    "orders.export_order",
    "orders.check_parcel",
    "content.work_asset",
    "exceptions.write_postmortem",
    "rules.write_runbook",
    "audit.view_trail",
}
LEAD: Final = WORK | {
    "orders.review_override",
    "exceptions.decide_waiver",
    "exceptions.rebase_case",
    "exceptions.revoke_waiver",
    "exceptions.break_glass",
    "exceptions.change_severity",
    "exceptions.fire_timers",
    "exceptions.manage_cause",
    "exceptions.manage_views",
    "exceptions.publish_postmortem",
    "exceptions.act_on_many",
    "rules.manage_absence",
    "sync.view_system",
    "sync.replay",
    "sync.pause_system",
    "audit.verify",
}

GRANTS: Final[Mapping[Role, frozenset[str]]] = {
    Role.ACCOUNT_MANAGER: WORK,
    Role.OPS_LEAD: LEAD,
    Role.ADMIN: LEAD
    | {
        "rules.edit_rules",
        "rules.freeze_rules",
        "sync.edit_system",
        "orders.view_pii",
        "exceptions.edit_channel",
        "rules.manage_people",
    },
    Role.AUDITOR: READ_WORK | {"audit.view_trail", "audit.verify", "sync.view_system", "orders.export_order"},
    Role.SUPPORT: frozenset({"orders.view_order", "exceptions.view_case", "rules.view_runbook", "audit.view_trail"}),
    Role.INTEGRATOR: READ_WORK | {"sync.ingest", "sync.view_system", "orders.export_order"},
    Role.PACKER: frozenset({"orders.view_order", "orders.check_parcel", "exceptions.view_case", "rules.view_runbook"}),
}
ALL_PERMISSIONS: Final = frozenset().union(*GRANTS.values()) | {"sync.ingest"}


def system_actor(name: str, *, channel: str = "task") -> Actor:
    """The product itself, acting as a named part of it, with every permission and every client."""
    return Actor(
        kind="system", id=f"system:{name}", name=name, permissions=ALL_PERMISSIONS, clients=None, channel=channel
    )


def require(by: Actor, permission: str, record: object | None = None) -> None:
    """Let pass, or refuse.

    Raises `NotFound` when `record` belongs to a client outside the actor's scope (or to the house, for actors of single clients),
    whatever the permission, so that nothing can be learned about it; raises `Refused` when the permission is missing.
    """
    if hasattr(record, "client_id") and not by.reaches(record.client_id):
        raise NotFound("There is no such record, or it is not yours to see.")
    if permission not in by.permissions:
        who_can = [role.value.replace("_", " ") for role, grants in GRANTS.items() if permission in grants]
        raise Refused(
            said(
                "This needs the permission “%(permission)s”. People who have it: %(nobody)s.",
                permission=permission,
                nobody=", ".join(who_can) or "nobody",
            ),
            permission=permission,
            who_can=who_can,
        )
