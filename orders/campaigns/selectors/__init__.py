"""Reads of content, each within what the actor may see."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from django.db.models import Prefetch, Q, QuerySet

from audit import verbs
from audit.access import require
from audit.context import Actor
from audit.errors import NotFound
from audit.models import Event
from audit.selectors.pages import names_of
from audit.subject_refs import SubjectRef, subject_ref
from audit.texts import page_mark, whole_number
from audit.words import said
from exceptions.models import ExceptionCase
from exceptions.states import ClientAnswer
from exceptions.subjects import SubjectPage
from orders.campaigns.models import ASSET_PREFIX, Asset, AssetApproval, MessagingChange, Signature
from orders.campaigns.states import CHANGE_LIVE, AssetState, ChangeState
from orders.sync.models import Expectation, FlowRun
from orders.sync.selectors import runs_about
from orders.sync.selectors.attempts import attempts_shown
from orders.sync.states import RunState
from rules import selectors as rules
from rules.asset_kinds import asset_kinds_of

VIEW: Final = "content.view_asset"
ASSET: Final = "campaigns.asset"
PER_PAGE: Final = 50
EVENTS_SHOWN: Final = 5
MOST_TOLD: Final = 20
MOST_QUESTIONS: Final = 20
NAMED: Final = ("client__calendar", "kind", "owner", "backup", "content_owner")
TABS: Final = ("all", "waiting", "withdrawn")


@dataclass(frozen=True)
class OutcomeRow:
    """One thing that has to follow a publication, and what was seen of it: waiting, met, late, missed, excused or over."""

    name: str
    event_type: str
    due_at: datetime
    state: str
    met_at: datetime | None
    met_by: str
    excused_by: str


@dataclass(frozen=True)
class AssetRow:
    """An asset in a list: who has it until when, and how many of the outcomes of its newest publication were seen."""

    asset: Asset
    outcomes: Sequence[OutcomeRow]

    @property
    def met(self) -> int:
        """How many were seen."""
        return sum(one.state in {"met", "late"} for one in self.outcomes)

    @property
    def missed(self) -> int:
        """How many did not come in time, and have not come since."""
        return sum(one.state == "missed" for one in self.outcomes)

    @property
    def next_due(self) -> datetime | None:
        """The next moment somebody is waited for: the step of the asset itself, or an outcome."""
        waiting = [one.due_at for one in self.outcomes if one.state in {"waiting", "missed"}]
        return min([*([self.asset.due_at] if self.asset.due_at else []), *waiting], default=None)


@dataclass(frozen=True)
class AssetList:
    """A page of the list, the newest first."""

    rows: Sequence[AssetRow]
    next_after: str


@dataclass(frozen=True)
class SignedItem:
    """One item of the checklist, and who stands for it."""

    item: str
    signature: Signature | None


@dataclass(frozen=True)
class Told:
    """One entry of the trail, as a sentence."""

    at: datetime
    sentence: str
    id: UUID


@dataclass(frozen=True)
class AssetPage:
    """One asset: what it waits for, its checklist, what follows it, what sales asked for, and what happened."""

    row: AssetRow
    checklist: Sequence[SignedItem]
    changes: Sequence[MessagingChange]
    questions: Sequence[AssetApproval]
    client_agrees: bool
    decider: str
    cases: Sequence[ExceptionCase]
    story: Sequence[Told]
    is_content_owner: bool
    is_decider: bool

    @property
    def asset(self) -> Asset:
        """The record."""
        return self.row.asset

    @property
    def unsigned(self) -> int:
        """How many items nobody stands for."""
        return sum(one.signature is None for one in self.checklist)

    @property
    def asked(self) -> AssetApproval | None:
        """The question to the client that is open."""
        return next((one for one in self.questions if one.state == ClientAnswer.SENT), None)

    @property
    def undecided(self) -> MessagingChange | None:
        """The wish that waits for its decider."""
        return next((one for one in self.changes if one.state == ChangeState.ASKED), None)

    @property
    def can_be_asked(self) -> bool:
        """Whether different messaging may be asked for now."""
        live = any(one.state in CHANGE_LIVE for one in self.changes)
        return self.asset.published_revision is not None and self.asset.state != AssetState.WITHDRAWN and not live

    @property
    def can_be_submitted(self) -> bool:
        """Whether it may be given to review now."""
        return self.asset.state in {AssetState.DRAFT, AssetState.REVISION_REQUESTED}

    @property
    def in_review(self) -> bool:
        """Whether the content owner has it."""
        return bool(self.asset.state == AssetState.IN_REVIEW)


def assets_for(by: Actor) -> QuerySet[Asset]:
    """Content of the actor's clients. Raises `Refused` without the permission."""
    require(by, VIEW)
    assets = Asset.objects.select_related(*NAMED)
    return assets if by.clients is None else assets.filter(client__in=by.clients)


def whole_assets_for(by: Actor) -> QuerySet[Asset]:
    """As `assets_for`, with signatures, what the client was asked, and wishes for different messaging."""
    signatures = Prefetch("signatures", Signature.objects.order_by("at", "pk"))
    changes = Prefetch("changes", MessagingChange.objects.select_related("decider").order_by("-asked_at", "-pk"))
    questions = Prefetch("approvals", AssetApproval.objects.order_by("-sent_at", "-pk"))
    return assets_for(by).prefetch_related(signatures, changes, questions)


def asset_named(by: Actor, key: str) -> Asset:
    """The one of this key. Raises `NotFound` for none and for another client's alike."""
    number = whole_number(key.removeprefix(ASSET_PREFIX)) if key.startswith(ASSET_PREFIX) else None
    found = assets_for(by).filter(number=number).first() if number is not None else None
    if found is None:
        raise NotFound(said("There is no content %(key)s, or it is not yours to see.", key=key[:40]))
    return found


def waiting_for(by: Actor) -> QuerySet[Asset]:
    """Those whose next step is the actor's, in person or in a team: a review, or anything before and after it."""
    assets = assets_for(by).filter(due_at__isnull=False).order_by()
    in_review = Q(state=AssetState.IN_REVIEW)
    return assets.filter(in_review & Q(content_owner__in=by.owners) | ~in_review & Q(owner__in=by.owners))


def asset_list(*, by: Actor, tab: str, after: str, now: datetime) -> AssetList:
    """Those in use, those somebody has to act on (the soonest due first), or those withdrawn. Raises `Invalid` for an odd page mark."""
    matching = assets_for(by).exclude(state=AssetState.WITHDRAWN)
    if tab == "waiting":
        found = list(matching.filter(due_at__isnull=False).order_by("due_at", "number")[:PER_PAGE])
        return AssetList(rows_of(found, now), "")
    if tab == "withdrawn":
        matching = assets_for(by).filter(state=AssetState.WITHDRAWN)
    if after:
        matching = matching.filter(number__lt=page_mark(after))
    found = list(matching.order_by("-number")[: PER_PAGE + 1])
    following = str(found[PER_PAGE - 1].number) if len(found) > PER_PAGE else ""
    return AssetList(rows_of(found[:PER_PAGE], now), following)


def rows_of(assets: Sequence[Asset], now: datetime) -> list[AssetRow]:
    """As people read them, with what follows the newest publication of each, in two queries for all."""
    newest = newest_runs({str(asset.pk) for asset in assets})
    return [AssetRow(asset, _outcomes(newest.get(str(asset.pk)), now)) for asset in assets]


def newest_runs(ids: Collection[str]) -> dict[str, FlowRun]:
    """The last run of each of these assets, by the asset's id."""
    return {run.subject_id: run for run in runs_about([SubjectRef(ASSET, one) for one in ids])} if ids else {}


def _outcomes(run: FlowRun | None, now: datetime) -> list[OutcomeRow]:
    if run is None:
        return []
    return [
        OutcomeRow(one.name, one.event_type, one.due_at, _state(one, run, now), one.met_at, one.met_by, one.excused_by)
        for one in run.expectations.all()
    ]


def _state(one: Expectation, run: FlowRun, now: datetime) -> str:
    if one.met_at is not None:
        return "late" if one.met_at > one.due_at else "met"
    if one.excused_by:
        return "excused"
    if run.state == RunState.CANCELLED:
        return "over"
    return "missed" if one.due_at <= now else "waiting"


def asset_page(*, by: Actor, key: str, now: datetime) -> AssetPage:
    """Everything about one. Raises `NotFound`."""
    asset = asset_named(by, key)
    (row,) = rows_of([asset], now)
    signed = {one.item: one for one in asset.signatures.filter(revision=asset.revision)}
    changes = list(asset.changes.select_related("decider").order_by("-asked_at", "-pk"))
    questions = list(asset.approvals.order_by("-sent_at", "-pk")[:MOST_QUESTIONS])
    spec, decider = asset_kinds_of(rules.active_book()).get(asset.kind.slug), decider_named(asset)
    there = rules.roster(now)
    undecided = next((one for one in changes if one.state == ChangeState.ASKED), None)
    return AssetPage(
        row=row,
        checklist=[SignedItem(item, signed.get(item)) for item in asset.checklist],
        changes=changes,
        questions=questions,
        client_agrees=spec is not None and spec.client_agrees,
        decider=decider,
        cases=_cases(asset, by),
        story=_story(asset, changes, questions),
        is_content_owner=bool(by.owners & {asset.content_owner_id, there.on_duty(asset.content_owner.slug).pk}),
        is_decider=undecided is not None
        and bool(by.owners & {undecided.decider_id, there.on_duty(undecided.decider.slug).pk}),
    )


def kinds() -> list[tuple[str, str]]:
    """The kinds of content the rule book in force knows: slug and name."""
    known = asset_kinds_of(rules.active_book())
    return sorted(((one.slug, one.name) for one in known.values()), key=lambda one: one[1])


def decider_named(asset: Asset) -> str:
    """The name of whoever would decide about different messaging now."""
    book = rules.active_book()
    spec = asset_kinds_of(book).get(asset.kind.slug)
    return book.owner(spec.decider).name if spec is not None and spec.decider else asset.content_owner.name


def _cases(asset: Asset, by: Actor) -> list[ExceptionCase]:
    if not by.may("exceptions.view_case"):
        return []
    live = ExceptionCase.objects.live().filter(subject_type=ASSET, subject_id=str(asset.pk))
    return list(live.select_related("owner").order_by("number"))


def _story(asset: Asset, changes: Sequence[MessagingChange], questions: Sequence[AssetApproval]) -> list[Told]:
    about: Mapping[str, list[str]] = {
        ASSET: [str(asset.pk)],
        "campaigns.messagingchange": [str(one.pk) for one in changes],
        "campaigns.assetapproval": [str(one.pk) for one in questions],
    }
    ids = [one for some in about.values() for one in some]
    events = list(Event.objects.filter(subject_type__in=about, subject_id__in=ids).order_by("-at", "-id")[:MOST_TOLD])
    names = names_of({one.actor for one in events})
    return [Told(one.at, verbs.sentence(one.type, actor=names[one.actor]), one.id) for one in events]


def address_of_asset(key: str) -> str:
    """Where the page of the asset people call `key` is."""
    return f"/content/{key}/"


def case_context(asset_id: UUID) -> SubjectPage:
    """The asset for the page and the payload of a case. Raises `Asset.DoesNotExist`."""
    asset = Asset.objects.select_related(*NAMED).get(pk=asset_id)
    url = address_of_asset(asset.key)
    wish = asset.changes.filter(state__in=CHANGE_LIVE).select_related("decider").first()
    events = list(Event.objects.filter(subject_type=ASSET, subject_id=str(asset.pk)).order_by("-seq")[:EVENTS_SHOWN])
    names = names_of({one.actor for one in events})
    return SubjectPage(
        title=f"{asset.key} {asset.title}",
        url=url,
        facts={
            "State": AssetState(asset.state).label,
            "Client": asset.client.name,
            "Kind": asset.kind.name,
            "Revision": f"{asset.revision}, live {asset.published_revision or 'none'}",
            "Owner": asset.owner.name,
            "Content owner": asset.content_owner.name,
            **({"Decides": wish.decider.name, "Wanted": wish.wanted} if wish else {}),
        },
        last_events=[
            {
                "at": one.at.isoformat(),
                "system": "handrail",
                "event": one.type,
                "result": verbs.sentence(one.type, actor=names[one.actor]),
            }
            for one in events
        ],
        attempts=attempts_shown([subject_ref(asset)]),
        links={"Content": url},
    )


def settled(cases: Sequence[ExceptionCase]) -> set[UUID]:
    """Cases whose wish for different messaging is kept, or done."""
    ids = [case.pk for case in cases]
    over = MessagingChange.objects.filter(case_id__in=ids, state__in=[ChangeState.KEPT, ChangeState.DONE])
    return set(over.values_list("case_id", flat=True))


def gone_on(cases: Sequence[ExceptionCase]) -> set[UUID]:
    """Cases whose asset came into its state after they were opened, or waits for nobody."""
    assets = Asset.objects.in_bulk([UUID(case.subject_id) for case in cases if case.subject_type == ASSET])
    return {
        case.pk
        for case in cases
        if case.subject_type == ASSET
        for asset in [assets.get(UUID(case.subject_id))]
        if asset is not None and (asset.due_at is None or asset.since >= case.opened_at)
    }


def followed_up(cases: Sequence[ExceptionCase]) -> set[UUID]:
    """Cases of whose asset nothing that should have come by now is missing."""
    ids = {case.subject_id for case in cases if case.subject_type == ASSET}
    missing = set(
        FlowRun.objects.filter(subject_type=ASSET, subject_id__in=ids, state=RunState.MISSED).values_list(
            "subject_id", flat=True
        )
    )
    return {case.pk for case in cases if case.subject_id in ids - missing}
