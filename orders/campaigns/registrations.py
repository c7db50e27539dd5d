"""Everything this app plugs into the layers below, in one place."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from django.utils.translation import gettext_noop as noop

from audit import checks, folds, verbs
from audit.context import Actor
from audit.subject_refs import SubjectRef
from exceptions import ageing, subjects, timer_kinds
from exceptions.models import ExceptionCase, Waiver
from exceptions.subjects import SubjectPage
from exceptions.words import register_causes
from orders.campaigns import selectors
from orders.campaigns.models import Asset
from orders.campaigns.selectors import waiting
from orders.campaigns.services import asking, following, hearing, messaging, questions, standing
from orders.campaigns.services.doers import DOERS, FOLLOW_UP
from orders.campaigns.services.hearing import Causes, ContentNews
from orders.campaigns.services.reviewing import REQUESTED
from orders.campaigns.states import AssetState
from orders.sync import adapters, flow_maps, handlers
from orders.sync import subjects as run_subjects
from orders.sync.errors import Unprocessable
from orders.sync.flow_maps import FlowMap, Step
from orders.sync.models import Expectation, FlowRun, InboundEvent
from rules import asset_kinds
from rules import selectors as rules
from rules.models import Flow
from rules.shipped.content import ASKED_FOR, FOLLOW_UPS, STOPPED
from rules.states import HERE, FlowKind, Layer

ASSET: Final = selectors.ASSET
register_causes(
    {
        "content:": noop("Content that stands still: %(what)s"),
        "follow-up:": noop("Did not follow a publication: %(what)s"),
    }
)


class AssetSubject:
    """How content is shown on a case, and what the end of a case means for it. No gate stops it."""

    def lock(self, ids: Sequence[str]) -> None:
        """Lock them by primary key, before the case."""
        list(Asset.objects.select_for_update().filter(pk__in=ids).order_by("pk").values_list("pk", flat=True))

    def page(self, ref: SubjectRef) -> SubjectPage:
        """The asset in facts, its last events and attempts."""
        return selectors.case_context(UUID(ref.id))

    def on_cases_ended(self, cases: Sequence[ExceptionCase], *, by: Actor, now: datetime) -> None:
        """A wish whose case was withdrawn needs no answer."""
        del by
        messaging.drop_changes(cases=cases, now=now)

    def on_waived(self, waiver: Waiver, *, by: Actor, now: datetime) -> None:
        """Nothing waits at a gate."""

    def on_waiver_ended(self, waiver: Waiver, *, by: Actor, now: datetime) -> None:
        """Nothing waits at a gate."""


class AssetRuns:
    """How the assets of flow runs are locked, and what a follow-up that did not come means for them."""

    def lock(self, ids: Sequence[str]) -> set[str]:
        """Lock them, skipping those somebody holds."""
        return standing.lock_assets(ids)

    def on_missed(self, missed: Sequence[Expectation], *, now: datetime) -> None:
        """Open the cases."""
        following.outcomes_missed(missed, now=now)

    def on_unverified(self, runs: Sequence[FlowRun], *, now: datetime) -> None:
        """Nothing stands in for what follows content: only other systems' events meet it, so none is left unverified."""

    def on_settled(self, runs: Sequence[FlowRun], *, now: datetime) -> None:
        """None was left unverified."""


def _hearing(hear: Callable[..., Causes]) -> handlers.Handler:
    def handler(events: Sequence[InboundEvent], *, by: Actor, now: datetime) -> None:
        causes = hear(news=[_news(event) for event in events], by=by, now=now)
        if causes:
            raise Unprocessable(causes)

    return handler


def _news(event: InboundEvent) -> ContentNews:
    data = event.data
    return ContentNews(event.pk, event.event_id, event.type, event.client_id, data["asset"], data["revision"], data)


ageing.register("content", waiting.waiting_content)
subjects.register(ASSET, AssetSubject())
subjects.register_address(ASSET, selectors.address_of_asset)
subjects.register_criterion("content.messaging_settled", selectors.settled)
subjects.register_criterion("content.gone_on", selectors.gone_on)
subjects.register_criterion("content.followed_up", selectors.followed_up)
run_subjects.register(ASSET, AssetRuns())
timer_kinds.register(questions.LAPSE, asking.on_lapse, lock=asking.lock_questions)
timer_kinds.register(standing.OVERDUE, standing.on_overdue, lock=standing.lock_assets)
handlers.register("content.revised", _hearing(hearing.hear_revisions))
handlers.register("content.published", _hearing(hearing.hear_publications))
for _, event_type, _ in (*FOLLOW_UPS, *ASKED_FOR):
    handlers.register(event_type, _hearing(hearing.hear_outcomes))
    asset_kinds.declare_outcome(event_type)
handlers.register(STOPPED, _hearing(hearing.hear_outcomes))

FOLLOWED: Final = tuple(event_type for _, event_type, _ in FOLLOW_UPS)
adapters.declare(
    Layer.CMS,
    told=[(REQUESTED, "revise"), (REQUESTED, "publish")],
    says=("content.revised", "content.published", *FOLLOWED),
)
adapters.declare(Layer.CRM, says=FOLLOWED)
for layer in sorted({doer.layer for doer in DOERS.values()}):
    done = {event_type: doer.kind for event_type, doer in DOERS.items() if doer.layer == layer}
    adapters.declare(layer, told=[(FOLLOW_UP, kind) for kind in done.values()], says=done)


def _content_steps(flow: Flow) -> list[Step]:
    """From the revision to everything that has to follow its publication, by the kinds of content that go along it."""
    begun = flow_maps.change(Asset, "take_in", AssetState.DRAFT)
    approved = flow_maps.change(Asset, "approve", AssetState.IN_REVIEW)
    published = flow_maps.change(Asset, "publish", AssetState.APPROVED)
    steps = [
        Step(noop("Has a new revision"), Layer.CMS, HERE, "content.revised", noop("Content"), *begun),
        Step(noop("People review and approve it"), HERE, "", "", noop("Content"), *approved),
        Step(noop("Asks for it to be published"), HERE, Layer.CMS, REQUESTED),
        Step(noop("Has published it"), Layer.CMS, HERE, "content.published", noop("Content"), *published),
    ]
    outcomes = {one["event_type"]: one["name"] for kind in rules.leading_to(flow).kinds for one in kind.outcomes}
    asked = {DOERS[event].layer for event in outcomes if event in DOERS}
    steps += [Step(noop("Asks for what follows"), HERE, layer, FOLLOW_UP) for layer in sorted(asked)]
    seen = [
        (DOERS[event].layer if event in DOERS else flow.destination, event, name) for event, name in outcomes.items()
    ]
    return [*steps, *(Step(name, who, HERE, event) for who, event, name in seen)]


flow_maps.register(FlowKind.CONTENT, FlowMap(_content_steps))
verbs.register(
    {
        "asset.added": noop("{actor} began a piece of content"),
        "asset.described": noop("{actor} said anew what it is about, or who answers for it"),
        "asset.submitted": noop("{actor} gave a revision to review"),
        "asset.revised": noop("{actor} heard of a new revision, which waits for its review"),
        "asset.signed": noop("{actor} signed an item of the checklist"),
        "asset.sent_back": noop("{actor} sent the revision back: it is not right yet"),
        "asset.approved": noop("{actor} approved the revision and asked for it to be published"),
        "asset.published": noop("{actor} heard that the revision is live"),
        "asset.revision_requested": noop("{actor} asked for a new revision"),
        "asset.withdrawn": noop("{actor} withdrew it"),
        "asset_approval.sent": noop("{actor} asked the client about a revision"),
        "asset_approval.agreed": noop("{actor} agreed to the revision"),
        "asset_approval.declined": noop("{actor} did not agree to the revision"),
        "asset_approval.revoked": noop("{actor} took the question to the client back"),
        "asset_approval.lapsed": noop("{actor} let the question to the client lapse: not answered in time"),
        "messaging.asked": noop("{actor} said that sales needs different messaging"),
        "messaging.to_change": noop("{actor} decided to have the messaging changed"),
        "messaging.kept": noop("{actor} decided to keep the messaging"),
        "messaging.done": noop("{actor} saw the new messaging live, and everything that follows it"),
        "messaging.withdrawn": noop("{actor} dropped the wish for different messaging"),
    }
)
folds.register(
    folds.Fold(ASSET, "campaigns_asset", "state", key="'AS-' || r.number"),
    folds.Fold("campaigns.assetapproval", "campaigns_assetapproval", "state", key="r.id"),
    folds.Fold("campaigns.messagingchange", "campaigns_messagingchange", "state", key="r.id"),
)
checks.register_check(
    "content-01",
    statement="What is approved or published has every item of its checklist signed",
    sql="""
        SELECT 'AS-' || a.number FROM campaigns_asset a CROSS JOIN LATERAL jsonb_array_elements_text(a.checklist) item
        WHERE a.state IN ('approved', 'published') AND NOT EXISTS (
            SELECT 1 FROM campaigns_signature s WHERE s.asset_id = a.id AND s.revision = a.revision AND s.item = item.value)
        LIMIT 100
    """,
)
checks.register_check(
    "content-02",
    statement="Where somebody has to act on content a clock runs, or its time is up and it has an exception",
    sql="""
        SELECT 'AS-' || a.number FROM campaigns_asset a
        WHERE a.due_at IS NOT NULL AND NOT EXISTS (
            SELECT 1 FROM exceptions_timer t WHERE t.subject_type = 'campaigns.asset' AND t.subject_id = a.id::text
              AND t.kind = 'campaigns.asset_overdue' AND t.fired_at IS NULL AND t.cancelled_at IS NULL)
          AND NOT EXISTS (
            SELECT 1 FROM exceptions_exceptioncase c WHERE c.subject_type = 'campaigns.asset' AND c.subject_id = a.id::text
              AND c.type = 'content-overdue' AND c.opened_at >= a.since)
        LIMIT 100
    """,
)
checks.register_check(
    "content-03",
    statement="What follows a revision that is live was expected from the moment it was",
    sql="""
        SELECT 'AS-' || a.number FROM campaigns_asset a
        WHERE a.state = 'published' AND NOT EXISTS (
            SELECT 1 FROM sync_flowrun r WHERE r.subject_type = 'campaigns.asset' AND r.subject_id = a.id::text
              AND r.started_at = a.published_at)
        LIMIT 100
    """,
)
checks.register_check(
    "content-04",
    statement="Every wish for different messaging that waits for somebody has an open exception, and every change was asked for",
    sql="""
        (SELECT m.case_key FROM campaigns_messagingchange m JOIN exceptions_exceptioncase c ON c.id = m.case_id
         WHERE m.state IN ('asked', 'to_change') AND c.state IN ('resolved', 'closed', 'withdrawn') LIMIT 50)
        UNION ALL
        (SELECT m.case_key FROM campaigns_messagingchange m
         WHERE m.state IN ('to_change', 'done') AND NOT EXISTS (
            SELECT 1 FROM audit_event e WHERE e.subject_type = 'campaigns.asset' AND e.subject_id = m.asset_id::text
              AND e.type = 'asset.revision_requested' AND e.at = m.decided_at) LIMIT 50)
    """,
)
checks.register_check(
    "content-05",
    statement="A client is asked only about the revision in review, and a clock ends every question to one",
    sql="""
        SELECT 'AS-' || a.number FROM campaigns_assetapproval q JOIN campaigns_asset a ON a.id = q.asset_id
        WHERE q.state = 'sent' AND (a.state <> 'in_review' OR a.revision <> q.revision OR NOT EXISTS (
            SELECT 1 FROM exceptions_timer t WHERE t.subject_type = 'campaigns.assetapproval' AND t.subject_id = q.id::text
              AND t.kind = 'campaigns.client_approval_lapse' AND t.fired_at IS NULL AND t.cancelled_at IS NULL))
        LIMIT 100
    """,
)
checks.register_check(
    "content-06",
    statement="A client who did not agree to a revision has it sent back: it is not approved, and not live",
    sql="""
        SELECT 'AS-' || a.number FROM campaigns_assetapproval q JOIN campaigns_asset a ON a.id = q.asset_id
        WHERE q.state = 'declined' AND a.revision = q.revision AND a.state IN ('in_review', 'approved', 'published')
        LIMIT 100
    """,
)
