"""How stock is told to programs, and what they may do with it."""

from rest_framework import serializers

from audit.rest.parsing import Input

UNITS = 1_000_000


class ReceiveInput(Input):
    """How many units came, to which place, of which lot."""

    quantity = serializers.IntegerField(min_value=1, max_value=UNITS)
    location = serializers.SlugField(max_length=80, default="main")
    lot = serializers.CharField(max_length=80, default="", allow_blank=True)
    expires_on = serializers.DateField(default=None, allow_null=True)
    reference = serializers.CharField(max_length=80, default="", allow_blank=True)
    reason = serializers.CharField(min_length=3, max_length=280)


class KeepBackInput(Input):
    """How many units stay in a place, whoever wants them, and below how many free ones more is asked for."""

    location = serializers.SlugField(max_length=80)
    units = serializers.IntegerField(min_value=0, max_value=UNITS)
    reorder_at = serializers.IntegerField(
        min_value=0,
        max_value=UNITS,
        default=None,
        allow_null=True,
        help_text="More is asked for when fewer are free there; 0 asks for nothing, null when fewer than are kept back.",
    )
    reorder_units = serializers.IntegerField(
        min_value=1, max_value=UNITS, default=None, allow_null=True, help_text="How many are asked for at least."
    )
    reason = serializers.CharField(min_length=3, max_length=280)


class LotInput(Input):
    """Which lot, and why."""

    lot = serializers.CharField(max_length=80)
    reason = serializers.CharField(min_length=3, max_length=280)


class PartSerializer(serializers.Serializer[object]):
    """So many units of a product in every unit of a bundle."""

    sku = serializers.CharField()
    quantity = serializers.IntegerField()
    price_share = serializers.IntegerField(help_text="What one unit counts when the bundle's price is divided.")


class PartInput(Input):
    """So many units of a product in every unit of a bundle."""

    sku = serializers.CharField(max_length=80)
    quantity = serializers.IntegerField(min_value=1, max_value=10_000)
    price_share = serializers.IntegerField(
        min_value=0, max_value=10_000, default=1, help_text="What one unit counts when the bundle's price is divided."
    )


class PartsInput(Input):
    """What is in every unit of a bundle; nothing for a product that is none."""

    parts = PartInput(many=True)
    reason = serializers.CharField(min_length=3, max_length=280)


class LotSerializer(serializers.Serializer[object]):
    """Units of one lot in one place."""

    location = serializers.CharField()
    lot = serializers.CharField(help_text="Empty for what has no lot")
    expires_on = serializers.DateField(allow_null=True)
    on_hand = serializers.IntegerField()
    reserved = serializers.IntegerField()
    state = serializers.CharField()
    counted_at = serializers.DateTimeField(
        allow_null=True, help_text="When all of its place was last counted; said with what has no lot"
    )
    short = serializers.IntegerField(help_text="By how many units that count fell short of what is set aside there.")


class LevelSerializer(serializers.Serializer[object]):
    """What is watched in one place, and what was asked for last."""

    location = serializers.CharField()
    kept_back = serializers.IntegerField()
    reorder_at = serializers.IntegerField(allow_null=True)
    reorder_units = serializers.IntegerField(allow_null=True)
    threshold = serializers.IntegerField(help_text="Fewer free units than this are too few.")
    low_since = serializers.DateTimeField(allow_null=True)
    asked_units = serializers.IntegerField(help_text="0 where nothing was ever asked for.")
    asked_at = serializers.DateTimeField(allow_null=True)
    due_at = serializers.DateTimeField(allow_null=True)
    asked_state = serializers.CharField(
        help_text="asked, said (taken in by hand), arrived or called_off; empty for none."
    )


class HeldSerializer(serializers.Serializer[object]):
    """Units set aside for a line."""

    order = serializers.CharField()
    position = serializers.IntegerField()
    quantity = serializers.IntegerField()
    location = serializers.CharField()
    lot = serializers.CharField()
    held_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField(
        allow_null=True, help_text="When they are free again, while nobody works on them"
    )


class WaitingForStockSerializer(serializers.Serializer[object]):
    """A line in the queue."""

    place = serializers.IntegerField(allow_null=True, help_text="Its turn, from 1; null while its order cannot go on")
    order = serializers.CharField()
    position = serializers.IntegerField()
    quantity = serializers.IntegerField()
    is_preorder = serializers.BooleanField()
    queued_at = serializers.DateTimeField()


class StockSerializer(serializers.Serializer[object]):
    """The stock of one product: by place and lot, what is set aside, who waits (the first 200 of each)."""

    key = serializers.UUIDField(source="id")
    code = serializers.CharField()
    on_hand = serializers.IntegerField()
    reserved = serializers.IntegerField()
    promisable = serializers.IntegerField()
    lots = LotSerializer(many=True)
    kept_back = serializers.DictField(child=serializers.IntegerField(), source="kept")
    levels = LevelSerializer(many=True)
    held = HeldSerializer(many=True)
    held_count = serializers.IntegerField()
    queue = WaitingForStockSerializer(many=True)
    queue_count = serializers.IntegerField()
    parts = PartSerializer(many=True, help_text="What is in every unit of it, where it is a bundle.")
