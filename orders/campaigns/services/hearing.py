"""What content systems, and those that follow them, are heard to say."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from audit.context import Actor, acting
from audit.words import said, within
from orders.campaigns.models import Asset
from orders.campaigns.services.following import follow, see_outcomes
from orders.campaigns.services.reviewing import to_review
from orders.campaigns.services.standing import JOINED, Onward, go_on_many
from orders.campaigns.states import AssetState


@dataclass(frozen=True)
class ContentNews:
    """One thing that was said about a revision of a client's asset; `asset` is its slug, `key` the caller's own."""

    key: object
    event_id: str
    type: str
    client_id: UUID | None
    asset: str
    revision: int
    data: Mapping[str, Any]


Causes = dict[object, str]


def hear_revisions(*, news: Sequence[ContentNews], by: Actor, now: datetime) -> Causes:
    """New revisions are written: each waits for its review, and what was approved of the one before counts no more.

    What cannot be so changes nothing of any: its causes by the news' keys.
    """
    return _hear(news, _not_revised, _revise, by, now)


def hear_publications(*, news: Sequence[ContentNews], by: Actor, now: datetime) -> Causes:
    """Approved revisions are live: from now on everything that has to follow is expected. Causes as `hear_revisions`."""
    return _hear(news, _not_published, _publish, by, now)


def hear_outcomes(*, news: Sequence[ContentNews], by: Actor, now: datetime) -> Causes:
    """What follows publications was seen; of a revision that is not the newest that is live it proves nothing. Causes as above."""
    return _hear(news, _ahead, _see, by, now)


Found = Sequence[tuple[ContentNews, Asset]]


def _hear(
    news: Sequence[ContentNews],
    wrong: Callable[[ContentNews, Asset], str],
    apply: Callable[[Found, datetime], None],
    by: Actor,
    now: datetime,
) -> Causes:
    with acting(by, at=now):
        slugs = {one.asset for one in news}
        ids = Asset.objects.select_for_update().filter(slug__in=slugs).order_by("pk").values_list("pk", flat=True)
        assets: dict[tuple[UUID | None, str], Asset] = {
            (one.client_id, one.slug): one for one in Asset.objects.select_related(*JOINED).filter(pk__in=list(ids))
        }
        found = [(one, assets[one.client_id, one.asset]) for one in news if (one.client_id, one.asset) in assets]
        causes: Causes = {
            one.key: said("There is no content “%(slug)s” of this client.", slug=one.asset)
            for one in news
            if (one.client_id, one.asset) not in assets
        }
        causes |= {one.key: cause for one, asset in found if (cause := wrong(one, asset))}
        if not causes:
            apply(found, now)
    return causes


def _once_each(found: Found) -> Iterable[Found]:
    """What was said, in its order, as often as the one of which most was said: each time once of every asset at most."""
    rounds: dict[int, list[tuple[ContentNews, Asset]]] = defaultdict(list)
    heard: dict[UUID, int] = defaultdict(int)
    for one, asset in found:
        rounds[heard[asset.pk]].append((one, asset))
        heard[asset.pk] += 1
    return rounds.values()


def _not_revised(one: ContentNews, asset: Asset) -> str:
    if asset.state == AssetState.WITHDRAWN:
        return said("%(key)s is withdrawn.", key=asset.key)
    if asset.state == AssetState.REVISION_REQUESTED and one.revision <= asset.revision:
        return said("%(key)s has had revision %(n)s already: number the new one higher.", key=asset.key, n=one.revision)
    return ""


def _revise(found: Found, now: datetime) -> None:
    for together in _once_each(found):
        fresh = [(one, asset) for one, asset in together if one.revision > asset.revision]
        to_review(
            [(Onward(asset, "asset.revised", {"event": one.event_id}), one.revision) for one, asset in fresh], now=now
        )


def _not_published(one: ContentNews, asset: Asset) -> str:
    known = asset.published_revision or 0
    if (asset.state == AssetState.APPROVED and one.revision == asset.revision) or one.revision <= known:
        return ""
    label = within(AssetState(asset.state).label)
    return said(
        "Revision %(n)s is live, and nobody approved it: %(key)s is “%(label)s” with revision %(newest)s.",
        n=one.revision,
        key=asset.key,
        label=label,
        newest=asset.revision,
    )


def _publish(found: Found, now: datetime) -> None:
    for together in _once_each(found):
        fresh = [(one, asset) for one, asset in together if one.revision > (asset.published_revision or 0)]
        for one, asset in fresh:
            asset.publish(at=now, url=one.data.get("url") or "")
        go_on_many([Onward(asset, "asset.published", {"event": one.event_id}) for one, asset in fresh], now=now)
        follow([(asset, one.event_id) for one, asset in fresh], now=now)


def _ahead(one: ContentNews, asset: Asset) -> str:
    if one.revision <= (asset.published_revision or 0):
        return ""
    return said("Revision %(n)s of %(key)s is not live yet.", n=one.revision, key=asset.key)


def _see(found: Found, now: datetime) -> None:
    seen = [(asset, one.type, one.event_id) for one, asset in found if one.revision == asset.published_revision]
    if seen:
        see_outcomes(seen, now=now)
