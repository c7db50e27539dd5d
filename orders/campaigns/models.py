"""Content: who answers for each piece, which revision stands where, who signed what, and what sales asked for.

A revision gets its number when it is given to review, so signatures and the approval are for exactly what was read: whatever comes into
review anew has a new number, and nothing is signed of it. Signatures are only added; the database refuses to change or remove one.
"""

from datetime import datetime
from typing import ClassVar

from django.db import models
from django.db.models import F, Func, Q
from django_fsm import FSMModelMixin, transition

from audit.identifiers import uuid7
from audit.models import Accountable
from audit.models.fields import StateField
from audit.triggers import APPEND_ONLY
from exceptions.models import ClientQuestion
from exceptions.states import ClientAnswer
from orders.campaigns.states import CHANGE_LIVE, WAITING, AssetState, ChangeState
from rules.models import AssetKind, Client, Owner

S, C = AssetState, ChangeState
ASSET_PREFIX = "AS-"


class NextAsset(Func):
    """The next number of a piece of content."""

    template = "nextval('campaigns_asset_number')"
    output_field = models.BigIntegerField()


class Asset(FSMModelMixin, Accountable):
    """One piece of content that is published again and again; `slug` is what the content system calls it."""

    number = models.BigIntegerField(unique=True, db_default=NextAsset(), editable=False)
    client = models.ForeignKey(Client, on_delete=models.PROTECT, related_name="assets")
    slug = models.SlugField(max_length=80)
    title = models.CharField(max_length=200)
    kind = models.ForeignKey(AssetKind, on_delete=models.PROTECT, related_name="+")
    region = models.CharField(max_length=40, blank=True)
    locale = models.CharField(max_length=35, blank=True)
    skus = models.JSONField(default=list, blank=True, help_text="Codes of the products it is about")
    owner = models.ForeignKey(Owner, on_delete=models.PROTECT, related_name="assets")
    backup = models.ForeignKey(Owner, on_delete=models.PROTECT, related_name="+")
    content_owner = models.ForeignKey(
        Owner, on_delete=models.PROTECT, related_name="content", help_text="Who answers for what it says"
    )
    revision = models.PositiveIntegerField(default=0, help_text="The newest that was given to review")
    published_revision = models.PositiveIntegerField(null=True, blank=True)
    published_at = models.DateTimeField(null=True, blank=True)
    url = models.CharField(max_length=200, blank=True)
    checklist = models.JSONField(default=list, help_text="What has to be signed of the newest revision")
    state = StateField(choices=AssetState, default=S.DRAFT, max_length=20)
    since = models.DateTimeField(help_text="When it came into its state")
    due_at = models.DateTimeField(null=True, blank=True, help_text="Until when who has it takes the next step")

    class Meta(Accountable.Meta):
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["client", "slug"], name="asset_one_per_client_and_slug"),
            models.CheckConstraint(condition=Q(state__in=AssetState.values), name="asset_state_is_known"),
            models.CheckConstraint(condition=~Q(backup=F("owner")), name="asset_backup_is_someone_else"),
            models.CheckConstraint(
                condition=Q(state__in=list(WAITING), due_at__isnull=False)
                | ~Q(state__in=list(WAITING)) & Q(due_at__isnull=True),
                name="asset_due_iff_somebody_has_to_act",
            ),
            models.CheckConstraint(
                condition=~Q(state=S.PUBLISHED) | Q(published_revision=F("revision"), published_at__isnull=False),
                name="asset_published_is_its_newest_revision",
            ),
            models.CheckConstraint(
                condition=Q(state__in=[S.DRAFT, S.WITHDRAWN]) | Q(revision__gte=1),
                name="asset_beyond_a_draft_is_numbered",
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["due_at", "number"], condition=Q(due_at__isnull=False), name="asset_due"),
        ]

    def __str__(self) -> str:
        return f"{self.key} {self.title}"

    @property
    def key(self) -> str:
        """What people call it."""
        return f"{ASSET_PREFIX}{self.number}"

    @property
    def in_hand(self) -> Owner:
        """The one who has it as it stands."""
        return self.content_owner if self.state == S.IN_REVIEW else self.owner

    @transition(
        "state",
        source=[S.DRAFT, S.REVISION_REQUESTED, S.IN_REVIEW, S.APPROVED, S.PUBLISHED],
        target=S.IN_REVIEW,
    )
    def take_in(self, *, revision: int, checklist: list[str]) -> None:
        """A new revision is to be reviewed; what was signed or approved before was another."""
        self.revision, self.checklist = revision, checklist

    @transition("state", source=S.IN_REVIEW, target=S.DRAFT)
    def send_back(self) -> None:
        """It is not right yet."""

    @transition("state", source=S.IN_REVIEW, target=S.APPROVED)
    def approve(self) -> None:
        """It may be published as it is."""

    @transition("state", source=S.APPROVED, target=S.PUBLISHED)
    def publish(self, *, at: datetime, url: str) -> None:
        """What was approved is live."""
        self.published_revision, self.published_at, self.url = self.revision, at, url or self.url

    @transition(
        "state", source=[S.PUBLISHED, S.APPROVED, S.IN_REVIEW, S.REVISION_REQUESTED], target=S.REVISION_REQUESTED
    )
    def ask_revision(self) -> None:
        """It has to say something else."""

    @transition(
        "state", source=[S.DRAFT, S.IN_REVIEW, S.APPROVED, S.PUBLISHED, S.REVISION_REQUESTED], target=S.WITHDRAWN
    )
    def withdraw(self) -> None:
        """It is not used any more."""


class Signature(models.Model):
    """Somebody stands for one item of the checklist of one revision. Only ever added to."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    asset = models.ForeignKey(Asset, on_delete=models.PROTECT, related_name="signatures")
    revision = models.PositiveIntegerField()
    item = models.CharField(max_length=120)
    at = models.DateTimeField()
    signer = models.CharField(max_length=160)
    signer_name = models.CharField(max_length=160)

    class Meta:
        triggers: ClassVar = APPEND_ONLY
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["asset", "revision", "item"], name="signature_once_per_revision_and_item"),
        ]

    def __str__(self) -> str:
        return f"{self.item}: {self.signer_name}"


class AssetApproval(ClientQuestion):
    """What the client's own people say about one revision of a piece of content, which they look at where `preview` says."""

    asset = models.ForeignKey(Asset, on_delete=models.PROTECT, related_name="approvals")
    revision = models.PositiveIntegerField()
    preview = models.CharField(max_length=400)

    class Meta(ClientQuestion.Meta):
        constraints: ClassVar[list[models.BaseConstraint]] = [
            *ClientQuestion.Meta.constraints,
            models.UniqueConstraint(
                fields=["asset"], condition=Q(state=ClientAnswer.SENT), name="assetapproval_one_open_per_asset"
            ),
            models.CheckConstraint(condition=Q(revision__gte=1), name="assetapproval_is_about_a_revision"),
        ]

    def __str__(self) -> str:
        return f"{self.contact} asked about revision {self.revision} of {self.asset_id}"


class MessagingChange(FSMModelMixin, Accountable):
    """Sales needs different messaging: what was asked for, who decides, what was decided and why, and which revision answers it."""

    asset = models.ForeignKey(Asset, on_delete=models.PROTECT, related_name="changes")
    client = models.ForeignKey(Client, on_delete=models.PROTECT, related_name="+")
    case_key = models.CharField(max_length=40, help_text="The exception that follows it")
    case_id = models.UUIDField()
    wanted = models.CharField(max_length=1000)
    asked_by = models.CharField(max_length=160)
    asked_by_name = models.CharField(max_length=160)
    asked_at = models.DateTimeField()
    from_revision = models.PositiveIntegerField()
    decider = models.ForeignKey(Owner, on_delete=models.PROTECT, related_name="+")
    state = StateField(choices=ChangeState, default=C.ASKED, max_length=10)
    decided_by = models.CharField(max_length=160, blank=True)
    decided_by_name = models.CharField(max_length=160, blank=True)
    decided_at = models.DateTimeField(null=True, blank=True)
    reason = models.CharField(max_length=280, blank=True)
    to_revision = models.PositiveIntegerField(null=True, blank=True, help_text="The published revision that answers it")

    class Meta(Accountable.Meta):
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(condition=Q(state__in=ChangeState.values), name="messagingchange_state_is_known"),
            models.UniqueConstraint(
                fields=["asset"], condition=Q(state__in=list(CHANGE_LIVE)), name="messagingchange_one_live_per_asset"
            ),
            models.CheckConstraint(
                condition=Q(state__in=[C.ASKED, C.WITHDRAWN]) | ~Q(reason="") & Q(decided_at__isnull=False),
                name="messagingchange_decided_says_who_and_why",
            ),
            models.CheckConstraint(
                condition=~Q(state=C.DONE) | Q(to_revision__gt=F("from_revision")),
                name="messagingchange_done_by_a_newer_revision",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.case_key}: {self.wanted[:60]}"

    def decide(self, *, by: str, name: str, at: datetime, reason: str) -> None:
        """Who decided, when and why; what, is the transition beside this."""
        self.decided_by, self.decided_by_name, self.decided_at, self.reason = by, name, at, reason

    @transition("state", source=C.ASKED, target=C.TO_CHANGE)
    def change(self) -> None:
        """A revision is asked for."""

    @transition("state", source=C.ASKED, target=C.KEPT)
    def keep(self) -> None:
        """It stays as it is."""

    @transition("state", source=C.TO_CHANGE, target=C.DONE)
    def finish(self, *, revision: int) -> None:
        """A newer revision is live, and what follows it was seen."""
        self.to_revision = revision

    @transition("state", source=[C.ASKED, C.TO_CHANGE], target=C.WITHDRAWN)
    def drop(self) -> None:
        """Nobody needs it any more."""
