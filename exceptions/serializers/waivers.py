"""Time-limited exceptions as the API shows and takes them."""

from rest_framework import serializers

from audit.rest.fields import SelfLink
from audit.rest.parsing import Input, ReasonInput
from exceptions.models import Waiver, WaiverUse
from exceptions.selectors.waiver_uses import Uses
from exceptions.states import ReviewVerdict, WaiverReason
from exceptions.subjects import Impact, ImpactItem, Passing


class WaiverSerializer(serializers.ModelSerializer[Waiver]):
    """Permission to pass one gate, for one subject or several of a client, until a moment. The clock decides whether it is in force."""

    self = SelfLink("api:time-limited-exception")
    key = serializers.CharField()
    client = serializers.SlugField(source="client.slug")
    owner = serializers.SlugField(source="owner.slug")
    exception = serializers.CharField(source="case.key", allow_null=True, default=None)
    extends = serializers.CharField(source="extends.key", allow_null=True, default=None)
    extensions = serializers.SerializerMethodField()
    subjects = serializers.ListField(
        child=serializers.CharField(), source="all_keys", help_text="The keys of all it is asked for."
    )
    allowed = serializers.ListField(
        child=serializers.CharField(), source="allowed_keys", help_text="Of those the ones it was approved for."
    )
    review_verdict = serializers.CharField(allow_blank=True)

    plan_url = serializers.CharField(
        allow_blank=True, help_text="Where the plan can be followed; empty where nobody said."
    )
    evidence = serializers.ListField(
        child=serializers.IntegerField(), read_only=True, help_text="Numbers of files of the exception that show why."
    )

    class Meta:
        model = Waiver
        fields = (
            "self",
            "key",
            "gate",
            "state",
            "subject_type",
            "subject_key",
            "subjects",
            "allowed",
            "client",
            "exception",
            "extends",
            "extensions",
            "owner",
            "reason",
            "plan",
            "requested_at",
            "requested_by",
            "requested_by_name",
            "answer_by",
            "effective_minutes",
            "begin_at",
            "end_by",
            "reason_code",
            "plan_url",
            "evidence",
            "content_version",
            "content_hash",
            "decided_at",
            "decided_by",
            "decided_by_name",
            "comment",
            "question",
            "question_at",
            "question_by_name",
            "answer",
            "starts_at",
            "expires_at",
            "ended_at",
            "end_reason",
            "kind",
            "scope",
            "granted_scope",
            "approvals_needed",
            "client_agrees",
            "risk",
            "base_hash",
            "review_due_at",
            "reviewed_at",
            "reviewed_by_name",
            "review_verdict",
            "review_comment",
            "version",
        )
        read_only_fields = fields

    def get_extensions(self, waiver: Waiver) -> list[str]:
        """The keys of those that were asked for to go on with it, the oldest first."""
        return [one.key for one in sorted(waiver.extensions.all(), key=lambda one: one.number)]


class AlsoInput(Input):
    """Exceptions of the same client whose orders are meant as well."""

    also = serializers.ListField(
        child=serializers.RegexField(r"^EX-\d{1,15}$"),
        max_length=199,
        required=False,
        help_text="Exceptions of the same client whose orders are meant as well, each as a whole: EX-20419.",
    )


class WaiverInput(AlsoInput):
    """What is asked for, why, and what will be done until it ends."""

    exception = serializers.RegexField(r"^EX-\d{1,15}$", help_text="The exception it is asked for: EX-20418.")
    gate = serializers.SlugField(max_length=50, required=False, help_text="The exception's own gate where not given.")
    reason = serializers.CharField(max_length=2000)
    plan = serializers.CharField(max_length=2000)
    minutes = serializers.IntegerField(
        min_value=1, max_value=1_000_000, required=False, help_text="For how long; or say `until`."
    )
    until = serializers.DateTimeField(
        required=False, help_text="Never beyond then, whenever it is approved; instead of `minutes`."
    )
    begin_at = serializers.DateTimeField(required=False, help_text="Not before then, whenever it is approved.")
    reason_code = serializers.ChoiceField(choices=WaiverReason.choices, default=WaiverReason.OTHER)
    plan_url = serializers.URLField(
        max_length=500, required=False, help_text="Where what will be done can be followed: a task, a purchase order."
    )
    evidence = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=10_000),
        max_length=20,
        required=False,
        help_text="Numbers of files of the exception that show why.",
    )
    owner = serializers.SlugField(max_length=50)
    answer_by = serializers.DateTimeField(
        required=False, help_text="A fifth of the way to `begin_at`, else as long as it is asked for; 24 h at most."
    )
    scope = serializers.ListField(
        child=serializers.CharField(max_length=80),
        max_length=200,
        required=False,
        help_text="Keys of the impact it is asked for; everything the gate stops where not given.",
    )


class ExtendInput(Input):
    """For how much longer, and why; the plan stays where no other is given."""

    minutes = serializers.IntegerField(min_value=1, max_value=1_000_000)
    reason = serializers.CharField(max_length=2000)
    plan = serializers.CharField(max_length=2000, required=False)


class ApproveInput(Input):
    """For how long, where shorter than asked."""

    minutes = serializers.IntegerField(min_value=1, max_value=1_000_000, required=False)
    scope = serializers.ListField(
        child=serializers.CharField(max_length=80),
        max_length=200,
        required=False,
        help_text="Keys of the impact that are let through, where less than asked.",
    )
    base_hash = serializers.CharField(
        max_length=64,
        required=False,
        help_text="`base` of the impact that was looked at; as when asked for, where not given.",
    )
    seen_passing = serializers.IntegerField(
        min_value=0,
        required=False,
        help_text="How many items of the impact that was looked at pass only with it; refused where that changed by more than a tenth.",
    )
    comment = serializers.CharField(max_length=2000, allow_blank=True, default="")


class EditInput(AlsoInput):
    """What is asked for instead: which orders join, and which are left out."""

    minutes = serializers.IntegerField(min_value=1, max_value=1_000_000)
    reason = serializers.CharField(max_length=2000)
    reason_code = serializers.ChoiceField(choices=WaiverReason.choices, required=False)
    plan = serializers.CharField(max_length=2000)
    plan_url = serializers.URLField(max_length=500, required=False, allow_blank=True)
    evidence = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=10_000),
        max_length=20,
        required=False,
        help_text="Numbers of files of the exception that show why.",
    )
    without = serializers.ListField(
        child=serializers.CharField(max_length=120),
        max_length=199,
        required=False,
        help_text="Keys of those of `subjects` that are left out: NW-104233. The first subject stays.",
    )


class BreakGlassInput(AlsoInput):
    """What is opened at once, for how long, and why; the subject's key typed again, of several how many they are."""

    gate = serializers.SlugField(max_length=50)
    minutes = serializers.IntegerField(min_value=1, max_value=240)
    reason = serializers.CharField(max_length=2000)
    plan = serializers.CharField(max_length=2000)
    confirm = serializers.CharField(
        max_length=120,
        help_text="The key of what the exception is about: NW-104233; with `also` the number of orders: 3.",
    )


class ReviewInput(Input):
    """Whether an emergency was one, and why."""

    verdict = serializers.ChoiceField(choices=ReviewVerdict.choices)
    comment = serializers.CharField(max_length=2000)


class ImpactItemSerializer(serializers.Serializer[ImpactItem]):
    """One thing the gate concerns."""

    key = serializers.CharField()
    words = serializers.CharField()
    missing = serializers.CharField()
    money_minor = serializers.IntegerField()
    passing = serializers.ChoiceField(choices=[one.value for one in Passing])


class ImpactSerializer(serializers.Serializer[Impact]):
    """What opening the gate lets through now, and the fingerprint of what is approved."""

    noun = serializers.CharField()
    currency = serializers.CharField()
    money_minor = serializers.IntegerField()
    base = serializers.CharField()
    items = ImpactItemSerializer(many=True)


class UseSerializer(serializers.Serializer[WaiverUse]):
    """One thing that passed only because of it."""

    what = serializers.CharField(help_text="Its key: NW-104233-1.")
    at = serializers.DateTimeField()


class UsesSerializer(serializers.Serializer[Uses]):
    """What it has let through so far."""

    count = serializers.IntegerField()
    first_at = serializers.DateTimeField(allow_null=True)
    named = UseSerializer(many=True, help_text="The first 200 of them, in turn.")


class ShortenInput(ReasonInput):
    """When it ends instead, and why."""

    until = serializers.DateTimeField(help_text="Only earlier than it ends now.")


class QuestionInput(Input):
    """What has to be known before anybody decides."""

    question = serializers.CharField(max_length=2000)


class AnswerInput(Input):
    """What was asked."""

    answer = serializers.CharField(max_length=2000)


class CommentInput(Input):
    """Why not."""

    comment = serializers.CharField(max_length=2000)
