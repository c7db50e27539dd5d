"""What content systems say of fifty pieces at once costs as many statements as of one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from audit.access import system_actor
from audit.context import Actor, acting
from audit.models import Event
from audit.subject_refs import subject_ref
from exceptions import services as exceptions
from exceptions.models import ExceptionCase, Timer
from exceptions.services import CaseOpening
from orders.campaigns.models import Asset, MessagingChange
from orders.campaigns.services.hearing import (
    Causes,
    ContentNews,
    hear_outcomes,
    hear_publications,
    hear_revisions,
)
from rules.models import AssetKind
from rules.shipped.content import FOLLOW_UPS
from tests.cast import House

pytestmark = pytest.mark.django_db
MANY = 50
LATE = timedelta(days=30)


@pytest.fixture
def pages(house: House, system: Actor, now: datetime) -> Sequence[Asset]:
    """Fifty-one pages of Northwind that are live with their first revision, each to be changed."""
    kind = AssetKind.objects.get(slug="blog-post")
    people = {"owner": house.owners["amal"], "backup": house.owners["bo"], "content_owner": house.owners["lee"]}
    live = {"state": "published", "revision": 1, "published_revision": 1, "published_at": now, "since": now}
    northwind = house.clients["northwind"]
    with acting(system, at=now):
        made = Asset.objects.bulk_create(
            [
                Asset(client=northwind, slug=f"tents-{n}", title=f"Tents {n}", kind=kind, **people, **live)
                for n in range(MANY + 1)
            ]
        )
        assets = list(Asset.objects.filter(pk__in=[one.pk for one in made]).order_by("number"))
        _wish(assets, system, now)
    return assets


def _wish(assets: Sequence[Asset], by: Actor, now: datetime) -> None:
    openings = [
        CaseOpening("messaging-change", subject_ref(one), one.key, one.client_id, "It should say more")
        for one in assets
    ]
    cases = exceptions.open_cases(openings=openings, by=by, now=now)
    asked = {"asked_by": by.id, "asked_by_name": by.name, "asked_at": now, "from_revision": 1}
    decided = {"state": "to_change", "decided_by": by.id, "decided_at": now, "reason": "They ask"}
    MessagingChange.objects.bulk_create(
        [
            MessagingChange(
                asset=one,
                client_id=one.client_id,
                case_key=case.key,
                case_id=case.pk,
                decider=one.content_owner,
                wanted="More",
                **asked,
                **decided,
            )
            for one, case in zip(assets, cases, strict=True)
        ]
    )


def heard(hear: Callable[..., Causes], kind: str, assets: Sequence[Asset], now: datetime, *, revision: int = 2) -> int:
    """How many statements it took to hear this of all of them, each with an address of its own."""
    news = [
        ContentNews(
            one.pk,
            f"{kind}/{one.slug}",
            kind,
            one.client_id,
            one.slug,
            revision,
            {"url": f"https://x.example/{one.slug}"},
        )
        for one in assets
    ]
    with CaptureQueriesContext(connection) as queries:
        assert hear(news=news, by=system_actor("intake"), now=now) == {}
    return len(queries)


def test_fifty_cost_as_many_statements_as_one(pages: Sequence[Asset], system: Actor, now: datetime) -> None:
    late = now + LATE
    counted = []
    for some in (pages[:1], pages[1:]):
        statements = [heard(hear_revisions, "content.revised", some, now)]
        exceptions.sweep_timers(now=late)  # nobody reviews them
        with acting(system, at=late):
            Asset.objects.filter(pk__in=[one.pk for one in some]).update(state="approved")
        statements.append(heard(hear_publications, "content.published", some, late))
        statements += [heard(hear_outcomes, kind, some, late) for _, kind, _ in FOLLOW_UPS]
        counted.append(statements)
    assert counted[0] == counted[1]
    assert set(Asset.objects.values_list("state", "published_revision", "due_at")) == {("published", 2, None)}
    assert Asset.objects.get(slug="tents-7").url == "https://x.example/tents-7"
    assert set(MessagingChange.objects.values_list("state", "to_revision")) == {("done", 2)}
    ended = ExceptionCase.objects.values_list("type", "state", "outcome").order_by("type").distinct()
    assert list(ended) == [("content-overdue", "resolved", "resolved"), ("messaging-change", "resolved", "changed")]
    told = Event.objects.filter(subject_id=str(pages[7].pk)).order_by("seq").values_list("type", flat=True)
    assert list(told) == ["asset.revised", "asset.published"]
    assert not Timer.objects.filter(kind="campaigns.asset_overdue", fired_at=None, cancelled_at=None).exists()


def test_two_revisions_of_one_page_are_both_told_and_the_newer_is_reviewed(
    pages: Sequence[Asset], now: datetime
) -> None:
    page, other = pages[:2]
    news = [
        ContentNews(n, f"e-{n}", "content.revised", one.client_id, one.slug, revision, {})
        for n, (one, revision) in enumerate([(page, 2), (other, 2), (page, 3), (page, 3)])
    ]
    assert hear_revisions(news=news, by=system_actor("intake"), now=now) == {}
    assert [Asset.objects.get(pk=one.pk).revision for one in (page, other)] == [3, 2]
    told = Event.objects.filter(subject_id=str(page.pk)).values_list("type", flat=True)
    assert list(told) == ["asset.revised", "asset.revised"]
