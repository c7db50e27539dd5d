"""Content for programs: what there is, reviewing it, and different messaging."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import Q, QuerySet
from django.urls import reverse

from audit import filtering
from audit.filtering import Filter, FilterSet
from audit.rest.parsing import ReasonInput
from audit.rest.views import ActResource, CreateMixin, DeedResource, ListResource, RecordResource, Resource
from audit.texts import whole_number
from exceptions.serializers import approvals as shapes
from orders.campaigns import selectors, serializers
from orders.campaigns.models import ASSET_PREFIX
from orders.campaigns.services import asking, assets, messaging, reviewing
from orders.campaigns.services.standing import PERMISSION
from orders.campaigns.states import AssetState
from rules import selectors as rules
from rules.selectors import registry


class _Assets(Resource):
    permission = selectors.VIEW
    noun = "content"
    serializer_class = serializers.AssetSerializer

    def records(self) -> QuerySet[Any]:
        """Of the asker's clients."""
        return selectors.whole_assets_for(self.by)

    def lookup(self, key: Any) -> Mapping[str, Any]:
        """By the number in the key."""
        number = whole_number(str(key).removeprefix(ASSET_PREFIX)) if str(key).startswith(ASSET_PREFIX) else None
        return {"number": -1 if number is None else number}


class AssetList(_Assets, CreateMixin, ListResource):
    """Content, newest first; posting begins a new piece."""

    input_class = serializers.AssetInput
    filters = FilterSet(
        filters=(
            filtering.search("title", "slug"),
            filtering.choice("state", "state", AssetState.values),
            filtering.record_of("client", "client", rules.clients_of),
            filtering.record_kind("kind", "kind__slug", registry.asset_kinds),
            filtering.record_of("owner", "owner", registry.owners_for),
            filtering.record_of("content_owner", "content_owner", registry.owners_for),
            filtering.exact("slug", "slug"),
            Filter("sku", "Product", lambda value, _: Q(skus__contains=[value]), "code of a product it is about"),
            filtering.moment("due", "due_at", ahead=True),
            filtering.moment("published", "published_at"),
        ),
        sorts={"-number": ("-number",), "number": ("number",), "due": ("due_at", "number")},
    )

    def create(self, given: Mapping[str, Any], *, now: datetime) -> Any:
        """Begin it."""
        added = assets.add_asset(**given, by=self.by, now=now)
        return self.find(added.key)


class AssetRecord(_Assets, RecordResource):
    """One piece of content with its signatures and wishes for different messaging."""

    is_whole = False


class _AssetAct(_Assets, ActResource):
    permission = PERMISSION


class EditAsset(_AssetAct):
    """Say anew what a piece of content is about and who answers for it."""

    input_class = serializers.EditAssetInput

    def act(self, record: Any, given: Mapping[str, Any], *, now: datetime) -> None:
        """Keep it."""
        assets.describe_asset(asset_id=record.pk, **given, by=self.by, now=now, seen=self.seen)


class SubmitAsset(_AssetAct):
    """Give a draft to review: it gets a new revision number."""

    def act(self, record: Any, given: Mapping[str, Any], *, now: datetime) -> None:
        """Give it."""
        del given
        reviewing.submit_asset(asset_id=record.pk, by=self.by, now=now, seen=self.seen)


class SignItem(_AssetAct):
    """Stand for one item of the checklist of the revision in review."""

    input_class = serializers.SignInput
    is_versioned = False

    def act(self, record: Any, given: Mapping[str, Any], *, now: datetime) -> None:
        """Sign it."""
        reviewing.sign_item(asset_id=record.pk, **given, by=self.by, now=now)


class ApproveAsset(_AssetAct):
    """Approve the revision in review; refused while an item of the checklist is unsigned. For the content owner alone."""

    def act(self, record: Any, given: Mapping[str, Any], *, now: datetime) -> None:
        """Approve it."""
        del given
        reviewing.approve_asset(asset_id=record.pk, by=self.by, now=now, seen=self.seen)


class SendBack(_AssetAct):
    """Give a revision back to its owner: it is not right yet. For the content owner alone."""

    input_class = ReasonInput

    def act(self, record: Any, given: Mapping[str, Any], *, now: datetime) -> None:
        """Give it back."""
        reviewing.send_back(asset_id=record.pk, **given, by=self.by, now=now, seen=self.seen)


class WithdrawAsset(_AssetAct):
    """End a piece of content: nothing is expected of it any more."""

    input_class = ReasonInput

    def act(self, record: Any, given: Mapping[str, Any], *, now: datetime) -> None:
        """End it."""
        assets.withdraw_asset(asset_id=record.pk, **given, by=self.by, now=now, seen=self.seen)


class AskForChange(_AssetAct):
    """Raise that sales needs different messaging: an exception of whoever decides."""

    input_class = serializers.WishInput
    is_versioned = False

    def act(self, record: Any, given: Mapping[str, Any], *, now: datetime) -> None:
        """Raise it."""
        messaging.ask_for_change(asset_id=record.pk, **given, by=self.by, now=now)


class DecideChange(_AssetAct):
    """Have the messaging changed, which asks for a revision, or keep it. For the decider alone."""

    input_class = serializers.DecisionInput
    is_versioned = False

    def act(self, record: Any, given: Mapping[str, Any], *, now: datetime) -> None:
        """Decide."""
        messaging.decide_change(asset_id=record.pk, **given, by=self.by, now=now)


class AskClient(DeedResource):
    """Make a signed link by which the client's own people answer about the revision in review; it is told once."""

    permission = PERMISSION
    noun = "content"
    input_class = serializers.AssetQuestionInput
    serializer_class = shapes.ClientQuestionSerializer
    shown_once = ("link",)

    def do(self, given: Mapping[str, Any], *, now: datetime) -> Any:
        """Make it."""
        asked = dict(given)
        found = selectors.asset_named(self.by, asked.pop("key"))
        question, token = asking.ask_client(asset_id=found.pk, **asked, by=self.by, now=now)
        path = reverse("campaigns:client-answer", args=[token])
        return {"question": question, "link": f"{settings.PUBLIC_URL}{path}"}


class TakeLinkBack(DeedResource):
    """Take the open link back: it opens nothing from this moment."""

    permission = PERMISSION
    noun = "content"
    serializer_class = shapes.ClientQuestionSerializer

    def do(self, given: Mapping[str, Any], *, now: datetime) -> Any:
        """Take it back."""
        found = selectors.asset_named(self.by, given["key"])
        return {"question": asking.revoke_link(asset_id=found.pk, by=self.by, now=now), "link": None}
