"""How content is told to programs, and what programs may say about it."""

from rest_framework import serializers

from audit.rest.fields import SelfLink
from audit.rest.parsing import Input
from exceptions.serializers.approvals import ClientQuestionInput
from orders.campaigns.models import Asset, AssetApproval, MessagingChange, Signature


class SignatureSerializer(serializers.ModelSerializer[Signature]):
    """Who stands for one item of the checklist of one revision."""

    class Meta:
        model = Signature
        fields = ("revision", "item", "at", "signer", "signer_name")
        read_only_fields = fields


class AssetApprovalSerializer(serializers.ModelSerializer[AssetApproval]):
    """What the client's own people were asked about a revision, and what they answered."""

    class Meta:
        model = AssetApproval
        fields = (
            *("revision", "contact", "preview", "state", "sent_at", "sent_by", "sent_by_name", "expires_at"),
            *("ended_at", "answered_name", "comment", "content_hash", "base_hash"),
        )
        read_only_fields = fields


class MessagingChangeSerializer(serializers.ModelSerializer[MessagingChange]):
    """A wish for different messaging: what, who decides, what was decided and why, which revision answers it."""

    exception = serializers.CharField(source="case_key", read_only=True)
    decider = serializers.SlugField(source="decider.slug", read_only=True)

    class Meta:
        model = MessagingChange
        fields = (
            "exception",
            "wanted",
            "asked_by",
            "asked_by_name",
            "asked_at",
            "from_revision",
            "decider",
            "state",
            "decided_by",
            "decided_by_name",
            "decided_at",
            "reason",
            "to_revision",
        )
        read_only_fields = fields


class AssetSerializer(serializers.ModelSerializer[Asset]):
    """A piece of content: who answers for it, where its newest revision stands until when, and what is live.

    What has to follow a publication is the run of the same subject: `GET /runs?subject=AS-12`.
    """

    self = SelfLink("api:asset")
    key = serializers.CharField(read_only=True)
    client = serializers.SlugField(source="client.slug", read_only=True)
    kind = serializers.SlugField(source="kind.slug", read_only=True)
    owner = serializers.SlugField(source="owner.slug", read_only=True)
    backup = serializers.SlugField(source="backup.slug", read_only=True)
    content_owner = serializers.SlugField(source="content_owner.slug", read_only=True)
    in_hand = serializers.SlugField(source="in_hand.slug", read_only=True, help_text="Who takes the next step.")
    skus = serializers.ListField(child=serializers.CharField(), read_only=True)
    checklist = serializers.ListField(child=serializers.CharField(), read_only=True)
    signatures = SignatureSerializer(many=True, read_only=True)
    approvals = AssetApprovalSerializer(many=True, read_only=True)
    changes = MessagingChangeSerializer(many=True, read_only=True)

    class Meta:
        model = Asset
        fields = (
            "self",
            "key",
            "client",
            "slug",
            "kind",
            "title",
            "region",
            "locale",
            "skus",
            "owner",
            "backup",
            "content_owner",
            "state",
            "in_hand",
            "since",
            "due_at",
            "revision",
            "published_revision",
            "published_at",
            "url",
            "checklist",
            "signatures",
            "approvals",
            "changes",
            "version",
        )
        read_only_fields = fields


class DescribeInput(Input):
    """What it is about and who answers for it; owners by slug."""

    title = serializers.CharField(max_length=200)
    owner = serializers.SlugField()
    backup = serializers.SlugField()
    content_owner = serializers.SlugField()
    region = serializers.CharField(max_length=40, required=False, allow_blank=True, default="")
    locale = serializers.CharField(max_length=35, required=False, allow_blank=True, default="")
    skus = serializers.ListField(
        child=serializers.CharField(max_length=80), required=False, max_length=200, default=list
    )


class AssetInput(DescribeInput):
    """A new piece of content."""

    client = serializers.SlugField()
    slug = serializers.SlugField(max_length=80, help_text="What the content system calls it.")
    kind = serializers.SlugField(help_text="A kind of content of the rule book in force.")


class EditAssetInput(DescribeInput):
    """The same of one there is, and why."""

    reason = serializers.CharField(max_length=280)


class SignInput(Input):
    """Which item of which revision."""

    item = serializers.CharField(max_length=120)
    revision = serializers.IntegerField(min_value=1)


class AssetQuestionInput(ClientQuestionInput):
    """Who at the client is asked about the revision in review, for how long, and where they look at it."""

    hours = serializers.IntegerField(min_value=1, max_value=168, default=24)
    preview = serializers.URLField(max_length=400)


class WishInput(Input):
    """What it should say."""

    wanted = serializers.CharField(max_length=1_000)


class DecisionInput(Input):
    """Change it or keep it, and why."""

    change = serializers.BooleanField()
    reason = serializers.CharField(max_length=280)
