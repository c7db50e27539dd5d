"""The kinds of content, their messages and their exceptions a new installation knows."""

from __future__ import annotations

from typing import Any, Final

from django.utils.translation import gettext_noop as noop

from rules.shipped.contract import ShippedContract
from rules.shipped.people import CONTENT_OWNER
from rules.shipped.steps import ladder, step
from rules.shipped.vocabulary import KEY, MOMENT, OPTIONAL_TEXT, QUANTITY, a_schema

# What has to follow a publication: name, the event that proves it, its service level.
FOLLOW_UPS: Final = (
    ("Brief", "brief.written", "content-follow-up"),
    ("Promo copy", "promo_copy.written", "content-follow-up"),
    ("E-mail sequence", "email_sequence.scheduled", "content-follow-up"),
    ("CRM tags", "crm.tagged", "crm-tag"),
    ("Sales enablement", "enablement.delivered", "sales-enablement-deck"),
)
# The same of what a connected system is asked to do, where one serves the client.
PURGED: Final = ("Visitors see the new revision", "content.purged", "sync-delay")
ASKED_FOR: Final = (
    PURGED,
    ("Translations", "content.translated", "content-follow-up"),
    ("Images in every size", "content.rendered", "content-follow-up"),
    ("Ads lead to it", "ads.started", "crm-tag"),
)
STOPPED: Final = "ads.stopped"
STEPS: Final = {
    "draft_sla": "content-draft",
    "review_sla": "content-review",
    "publish_sla": "content-publish",
    "revise_sla": "content-review",
}


def _outcomes(*asked: tuple[str, str, str]) -> list[dict[str, str]]:
    return [{"name": name, "event_type": event_type, "sla": sla} for name, event_type, sla in (*FOLLOW_UPS, *asked)]


ASSET_KINDS: Final[dict[str, dict[str, Any]]] = {
    "blog-post": {
        "name": noop("Blog post"),
        "flow": "content-follow-up",
        **STEPS,
        "checklist": ["Facts and prices are right", "Images may be used", "Every follow-up has somebody who does it"],
        "outcomes": _outcomes(PURGED),
    },
    "campaign-page": {
        "name": noop("Campaign page"),
        "flow": "content-follow-up",
        **STEPS,
        "checklist": [
            "Facts and prices are right",
            "Products can be bought where it is shown",
            "Translations are complete",
            "Every follow-up has somebody who does it",
        ],
        "outcomes": _outcomes(*ASKED_FOR),
    },
}


def _about_a_revision(required: tuple[str, ...] = (), **more: Any) -> dict[str, Any]:
    return a_schema(
        ["client", "asset", "revision", "at", *required], client=KEY, asset=KEY, revision=QUANTITY, at=MOMENT, **more
    )


CONTENT_CONTRACTS: Final[tuple[ShippedContract, ...]] = (
    ShippedContract(
        "content.revised",
        "inbound",
        "A new revision of an asset is written and waits for its review. Once per revision; numbers grow.",
        _about_a_revision(title=OPTIONAL_TEXT),
        business_owner=CONTENT_OWNER,
    ),
    ShippedContract(
        "content.published",
        "inbound",
        "A revision of an asset that was approved is live. Once per revision.",
        _about_a_revision(url={"type": ["string", "null"], "pattern": "^https?://[!-~]+$", "maxLength": 200}),
        business_owner=CONTENT_OWNER,
    ),
    *(
        ShippedContract(
            event_type,
            "inbound",
            f"{name} for a published revision of an asset: it is there. Once per revision.",
            _about_a_revision(record=OPTIONAL_TEXT),
            business_owner=CONTENT_OWNER,
        )
        for name, event_type, _ in FOLLOW_UPS
    ),
    *(
        ShippedContract(
            event_type,
            "inbound",
            f"{what} Once per revision.",
            _about_a_revision(record=OPTIONAL_TEXT),
            business_owner=CONTENT_OWNER,
        )
        for event_type, what in (
            (
                "content.purged",
                "The CDN keeps no older revision: whoever looks gets the published one.",
            ),
            ("content.translated", "A published revision is there in every language it is wanted in."),
            (
                "content.rendered",
                "The images and files of a published revision are there in every size they are wanted in.",
            ),
            ("ads.started", "Ads lead to a published revision."),
            (STOPPED, "No ad leads to an asset any more; its revision is the last that was published."),
        )
    ),
    ShippedContract(
        "content.follow_up_requested",
        "outbound",
        "We ask a system to do what follows a publication: to purge, translate, render or advertise a revision; or to stop the ads of one "
        "that is withdrawn. The request is the idempotency key.",
        a_schema(
            ["request", "kind", "client", "asset", "revision", "due_at"],
            **dict.fromkeys(("request", "client", "asset"), KEY),
            kind={"enum": ["purge", "translate", "render", "advertise", "stop_ads"]},
            revision=QUANTITY,
            url=OPTIONAL_TEXT,
            locale=OPTIONAL_TEXT,
            region=OPTIONAL_TEXT,
            skus={"type": "array", "items": KEY},
            due_at=MOMENT,
        ),
        business_owner=CONTENT_OWNER,
    ),
    ShippedContract(
        "content.requested",
        "outbound",
        "We ask the content system to revise an asset, or to publish a revision that is approved. The request is the idempotency key.",
        a_schema(
            ["request", "kind", "client", "asset", "revision"],
            **dict.fromkeys(("request", "client", "asset"), KEY),
            kind={"enum": ["revise", "publish"]},
            revision=QUANTITY,
            due_at=MOMENT,
            wanted={"type": "string", "maxLength": 1000},
            reason=OPTIONAL_TEXT,
        ),
        business_owner=CONTENT_OWNER,
    ),
)

CONTENT_TYPES: Final[dict[str, dict[str, Any]]] = {
    "messaging-change": {
        "name": noop("Sales needs different messaging"),
        "owner": CONTENT_OWNER,
        "severity": "P3",
        "sla": "exception-remediation",
        "acknowledge_within_minutes": 240,
        "route": "escalate",
        "route_after_minutes": 240,
        "fallback": "revenue-ops-review",
        "fallback_after_minutes": 240,
        "ladder": ladder((240, "backup"), (480, "owner:revenue-ops-review")),
        "playbook": [
            step(
                "check",
                "Compare what sales needs with what is live",
                how="The asset's page shows the revision that is live, who decides, and what was asked for.",
            ),
            step("record", "Ask whoever raised it what customers say, and note the answer", fields=["answer"]),
            step("decide", "On the asset's page: have it changed, or keep it, and say why"),
        ],
        "acceptance": [
            {
                "label": "It is kept; or the new revision is live and everything that follows it was seen",
                "check": "content.messaging_settled",
            }
        ],
        "outcomes": [
            {"slug": "changed", "label": "Changed, and everything that follows was seen"},
            {"slug": "kept", "label": "Kept as it is"},
        ],
        "weight_eur": 100,
    },
    "content-overdue": {
        "name": noop("Content waits too long"),
        "owner": CONTENT_OWNER,
        "severity": "P3",
        "sla": "exception-remediation",
        "acknowledge_within_minutes": 240,
        "route": "escalate",
        "route_after_minutes": 240,
        "fallback": "revenue-ops-review",
        "fallback_after_minutes": 240,
        "ladder": ladder((240, "backup"), (480, "owner:revenue-ops-review")),
        "playbook": [
            step("check", "See on the asset's page what it waits for, and what nobody has signed yet"),
            step("record", "Ask whoever it waits for and note the answer", fields=["spoke_to", "answer"]),
            step("decide", "Take the step, give it to somebody else, or withdraw the asset"),
        ],
        "acceptance": [{"label": "The asset has gone on", "check": "content.gone_on"}],
        "outcomes": [{"slug": "resolved", "label": "Gone on"}],
        "weight_eur": 60,
    },
    "content-follow-up": {
        "name": noop("Something that follows content did not come"),
        "owner": CONTENT_OWNER,
        "severity": "P2",
        "sla": "exception-remediation",
        "acknowledge_within_minutes": 120,
        "route": "escalate",
        "route_after_minutes": 120,
        "fallback": "revenue-ops-review",
        "fallback_after_minutes": 120,
        "ladder": ladder((120, "backup"), (480, "owner:revenue-ops-review")),
        "playbook": [
            step("check", "See on the asset's page what was expected, until when, and what was seen"),
            step("record", "Ask whoever does it and note the answer", fields=["spoke_to", "answer"]),
            step("decide", "Wait for it, or have it done by hand; whoever did it says so with its event"),
        ],
        "acceptance": [{"label": "Everything that follows was seen", "check": "content.followed_up"}],
        "outcomes": [{"slug": "resolved", "label": "It is there"}],
        "weight_eur": 100,
    },
}
