"""What has to follow a publication: expected anew for every revision, met only by what somebody else was seen to do."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from audit.context import current_actor
from audit.subject_refs import subject_ref
from audit.words import at, said
from exceptions import services as exceptions
from exceptions.services import CaseOpening
from orders.campaigns.models import Asset
from orders.campaigns.services.doers import STARTED, doers_for, outcomes_of, requests
from orders.campaigns.services.messaging import finish_changes
from orders.campaigns.services.standing import JOINED, end_cases, kind_in_force
from orders.sync import services as sync
from orders.sync.models import Expectation, FlowRun
from orders.sync.services import Expected, Observed, RunStart
from orders.sync.services.runs import LIVE_RUNS
from orders.sync.states import RunState
from rules import selectors as rules
from rules.models import Flow
from rules.shipped.content import STOPPED
from rules.states import Layer

CASE: Final = "content-follow-up"


def follow(published: Sequence[tuple[Asset, str]], *, now: datetime) -> None:
    """From now on everything its kind says is expected of each revision, and nothing any more of the one before.

    `published` are different assets, each with the event that told of it.
    """
    book, by, about = rules.active_book(), current_actor(), [subject_ref(asset) for asset, _ in published]
    specs = {asset.kind.slug: kind_in_force(asset.kind.slug, book) for asset, _ in published}
    flows = {flow.slug: flow for flow in Flow.objects.filter(slug__in={spec.flow for spec in specs.values()})}
    sync.cancel_runs(subjects=about, by=by, now=now)
    end_cases(about, CASE, outcome="resolved", now=now)
    there = doers_for({asset.client_id for asset, _ in published})
    starts, asked = [], []
    for asset, trigger in published:
        spec, calendar = specs[asset.kind.slug], asset.client.calendar.slug
        expected = [
            Expected(one.name, one.event_type, book.due_at(one.sla, now, calendar, in_words=False).due_at)
            for one in outcomes_of(spec, asset.client_id, there)
        ]
        starts.append(RunStart(flows[spec.flow], asset.client_id, subject_ref(asset), asset.key, trigger, expected))
        asked += requests(asset, expected, there)
    sync.start_runs(starts=starts, by=by, now=now)
    sync.promise_many(promises=asked, now=now)


def follow_withdrawal(asset: Asset, *, now: datetime) -> None:
    """Where ads were to lead to what is withdrawn now, they are to stop, and somebody is told if nobody is seen to stop them."""
    book, by = rules.active_book(), current_actor()
    spec = kind_in_force(asset.kind.slug, book)
    started = next((one for one in spec.outcomes if one.event_type == STARTED), None)
    there = doers_for({asset.client_id}) if started and asset.published_revision else {}
    if started is None or (Layer.ADS, asset.client_id) not in there:
        return
    due_at = book.due_at(started.sla, now, asset.client.calendar.slug, in_words=False).due_at
    expected = [Expected(said("Stop of the ads"), STOPPED, due_at)]
    flow = Flow.objects.get(slug=spec.flow)
    start = RunStart(flow, asset.client_id, subject_ref(asset), asset.key, f"{asset.key}/withdrawn", expected)
    sync.start_runs(starts=[start], by=by, now=now)
    sync.promise_many(promises=requests(asset, expected, there), now=now)


def see_outcomes(seen: Sequence[tuple[Asset, str, str]], *, now: datetime) -> None:
    """These events (asset, type, id) prove what they are about; where nothing is missing any more, everything that waited is over."""
    observed = [Observed(subject_ref(asset), event_type, event_id) for asset, event_type, event_id in seen]
    sync.observe(observed=observed, by=current_actor(), now=now)
    by_id = {str(asset.pk): asset for asset, _, _ in seen}
    runs = FlowRun.objects.filter(subject_type="campaigns.asset", subject_id__in=by_id)
    busy = set(runs.filter(state__in=LIVE_RUNS).values_list("subject_id", flat=True))
    through = set(runs.filter(state=RunState.DONE).values_list("subject_id", flat=True)) - busy
    done = [by_id[one] for one in sorted(through)]
    end_cases([subject_ref(asset) for asset in done], CASE, outcome="resolved", now=now)
    finish_changes(done, now=now)


def outcomes_missed(missed: Sequence[Expectation], *, now: datetime) -> None:
    """Something did not come in time: an exception of the asset's owner, with what was expected."""
    by_asset = {one.run.subject_id: one for one in missed}
    assets = Asset.objects.filter(pk__in=by_asset).select_related(*JOINED).order_by("number")
    openings = [
        CaseOpening(
            type=CASE,
            subject=subject_ref(asset),
            subject_key=asset.key,
            client_id=asset.client_id,
            title=said(
                "%(what)s of “%(title)s” did not come, due %(due)s",
                what=said(late.name),
                title=asset.title,
                due=at(late.due_at),
            ),
            cause=f"follow-up:{late.event_type}",
            evidence={
                "revision": asset.published_revision,
                "expected": late.event_type,
                "due_at": late.due_at.isoformat(),
                "run": str(late.run_id),
            },
            owner=asset.owner.slug,
        )
        for asset in assets
        for late in [by_asset[str(asset.pk)]]
    ]
    exceptions.open_cases(openings=openings, by=current_actor(), now=now)
