"""How the way of an order is told to programs."""

from dataclasses import asdict
from typing import Any, Final

from rest_framework import serializers

from audit.errors import FieldError, Invalid
from audit.texts import whole_number
from audit.words import said
from orders.fulfilment.selectors import OrderStory, Steps, Waterfall

STEPS: Final = 500
MOST_STEPS: Final = 10_000


class TraceStepSerializer(serializers.Serializer[Any]):
    """One step of an order's way, in causal order."""

    at = serializers.DateTimeField()
    type = serializers.CharField()
    words = serializers.CharField()
    subject = serializers.CharField()
    system = serializers.CharField(allow_blank=True)
    actor = serializers.CharField()
    evidence = serializers.CharField(allow_blank=True, help_text="The event it rests on.")
    reason = serializers.CharField(allow_blank=True)


class AnswersSerializer(serializers.Serializer[Any]):
    """What support asks of an order."""

    triggered_by = serializers.CharField()
    source_of_record = serializers.CharField()
    next_step = serializers.CharField(help_text="Who has the next action.")
    if_it_fails = serializers.CharField(help_text="Where the exception is and goes next, or where one would go.")


class SpanSerializer(serializers.Serializer[Any]):
    """How long it took from one to the next."""

    name = serializers.CharField()
    seconds = serializers.FloatField(allow_null=True)


class WaterfallRowSerializer(serializers.Serializer[Any]):
    """One step: an event, a decision with why and why not, an attempt, or an expected outcome with its proof."""

    at = serializers.DateTimeField()
    since = serializers.DateTimeField()
    kind = serializers.CharField()
    words = serializers.CharField()
    subject = serializers.CharField()
    system = serializers.CharField(allow_blank=True)
    who = serializers.CharField(allow_blank=True)
    is_human = serializers.BooleanField()
    state = serializers.CharField(help_text="ok, waiting, failed or late")
    reason = serializers.CharField(allow_blank=True)
    why = serializers.ListField(child=serializers.CharField(), help_text="What ruled, and what did not and why.")
    evidence = serializers.CharField(allow_blank=True)
    due_at = serializers.DateTimeField(allow_null=True)
    is_missing = serializers.BooleanField(help_text="Whether it was expected and not seen.")
    event_id = serializers.UUIDField(allow_null=True, help_text="The entry of the audit trail.")


class TraceSerializer(serializers.Serializer[Any]):
    """The whole way of an order."""

    key = serializers.CharField()
    answers = AnswersSerializer()
    spans = SpanSerializer(many=True)
    human_touches = serializers.IntegerField()
    waterfall = WaterfallRowSerializer(many=True, help_text="Trigger to outcome, in the order of time.")
    waterfall_unshown = serializers.IntegerField(
        help_text="How many steps of it are left out: ask for more with `steps`."
    )
    steps_total = serializers.IntegerField(help_text="How many steps there are.")
    steps = TraceStepSerializer(many=True, help_text="What the trail says of the order, its fulfilments and runs.")


def read_steps(text: str) -> int:
    """How many steps are asked for. Raises `Invalid` for what is no such number."""
    number = whole_number(text) if text else STEPS
    if number is None or not 1 <= number <= MOST_STEPS:
        detail = said("Ask for 1 to %(most)s steps.", most=f"{MOST_STEPS:,}")
        raise Invalid(detail, errors=[FieldError("steps", "out-of-range", detail)])
    return number


def as_told(found: Waterfall, story: OrderStory, steps: Steps) -> dict[str, Any]:
    """What `TraceSerializer` tells of an order."""
    return {
        "key": found.order.key,
        "answers": story,
        "spans": [
            {"name": name, "seconds": None if span is None else span.total_seconds()} for name, span in found.spans
        ],
        "human_touches": found.human_touches,
        "waterfall": found.rows,
        "waterfall_unshown": found.unshown,
        "steps": [asdict(step) for step in steps.rows],
        "steps_total": steps.total,
    }
