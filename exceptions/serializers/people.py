"""How absences, temporary ownership, rotation and gaps are told to programs, and what programs may say about them."""

from datetime import UTC, datetime
from typing import Any, Final

from rest_framework import serializers

from audit.rest.fields import SelfLink, money
from audit.rest.parsing import Input, ReasonInput
from exceptions.selectors.people import PersonRow
from exceptions.selectors.queue import MOST_COUNTED
from exceptions.selectors.teams import TeamRow
from rules.models import Absence, Owner, TemporaryOwnership
from rules.states import OpenWork

NO_END: Final = datetime(9999, 12, 31, tzinfo=UTC)
NO_END_WORDS: Final = "9999-12-31T00:00:00Z until they are back."


class EndField(serializers.DateTimeField):
    """An end there may not be: callers compare it with now, so none is one far away."""

    def get_attribute(self, instance: Any) -> Any:
        """The end, or the far one."""
        return super().get_attribute(instance) or NO_END


class PersonSerializer(serializers.ModelSerializer[Owner]):
    """Somebody, with who takes over."""

    self = SelfLink("api:person", key="slug")
    key = serializers.SlugField(source="slug")
    backup = serializers.SlugField(source="backup.slug")

    class Meta:
        model = Owner
        fields = ("self", "key", "name", "backup")
        read_only_fields = fields


class TeamPersonSerializer(serializers.Serializer[Any]):
    """One of a team's people: there or away until when, and what they have, as far as the asker may see it."""

    key = serializers.SlugField(source="slug")
    name = serializers.CharField()
    is_on_shift = serializers.BooleanField(help_text="In their business hours, whether away or not.")
    away_until = serializers.SerializerMethodField(help_text=NO_END_WORDS)
    open = serializers.IntegerField(source="open_count", help_text=f"At most {MOST_COUNTED + 1:,} are counted.")
    late = serializers.IntegerField(source="late_count", help_text=f"At most {MOST_COUNTED + 1:,} are counted.")
    taken_today = serializers.IntegerField(source="taken_count", help_text="Acknowledged since midnight.")

    def get_away_until(self, row: PersonRow) -> datetime | None:
        """None for who is there."""
        return (row.away_until or NO_END) if row.is_away else None


class TeamPeopleSerializer(serializers.Serializer[Any]):
    """The people of a team, by name."""

    people = TeamPersonSerializer(many=True)


class AwaySerializer(serializers.Serializer[Any]):
    """Somebody who is away, until when."""

    name = serializers.CharField()
    until = EndField(help_text=NO_END_WORDS)


class TeamRowSerializer(serializers.Serializer[Any]):
    """What a team and its people have open, as far as the asker may see it, and who is there. Counted are the most urgent."""

    key = serializers.SlugField(source="slug")
    name = serializers.CharField()
    open = serializers.IntegerField(source="open_count", help_text=f"At most {MOST_COUNTED + 1:,} are counted.")
    late = serializers.IntegerField(source="late_count")
    due_within_the_hour = serializers.IntegerField(source="soon_count")
    deadline_at_risk = serializers.IntegerField(source="at_risk_count")
    not_taken = serializers.IntegerField(source="untaken_count")
    oldest_at = serializers.DateTimeField(allow_null=True)
    at_risk = serializers.SerializerMethodField()
    people = serializers.IntegerField(source="people_count")
    on_shift = serializers.IntegerField(source="on_shift_count", help_text="In their business hours and not away.")
    away = AwaySerializer(many=True)
    median_open = serializers.FloatField(source="median_load", allow_null=True, help_text="Of those who are not away.")

    def get_at_risk(self, row: TeamRow) -> list[dict[str, str]]:
        """As amounts with their currency."""
        return [money(minor, currency) for currency, minor in sorted(row.at_risk.items())]


class TeamsSerializer(serializers.Serializer[Any]):
    """Teams, by name."""

    teams = TeamRowSerializer(many=True)


class OwnedSerializer(serializers.Serializer[Any]):
    """Records somebody answers for: what they are, as what, and how many."""

    what = serializers.CharField()
    role = serializers.CharField()
    count = serializers.IntegerField()


class StoodInSerializer(serializers.Serializer[Any]):
    """An exception others have because the person was away; `version` is what taking it back asks for."""

    exception = serializers.CharField(source="case.key")
    title = serializers.CharField(source="case.title")
    moved_at = serializers.DateTimeField()
    is_untouched = serializers.BooleanField(help_text="Nobody has begun with it.")
    version = serializers.IntegerField(source="case.version")


class PersonRecordSerializer(serializers.Serializer[Any]):
    """What one person has open and answers for, who can stand in, and what others stood in for."""

    key = serializers.SlugField(source="there.person.slug")
    name = serializers.CharField(source="there.person.name")
    backup = serializers.SlugField(source="there.person.backup.slug")
    is_away = serializers.BooleanField(source="there.is_away")
    open_exceptions = serializers.IntegerField(source="there.open_count")
    owned = OwnedSerializer(many=True)
    stood_in = StoodInSerializer(source="there.stood_in", many=True)
    can_cover = serializers.ListField(child=serializers.SlugField(), help_text="Who could stand in now.")


class AbsenceSerializer(serializers.ModelSerializer[Absence]):
    """Who is away from when until when, and who stands in: the backup where nobody is named."""

    self = SelfLink("api:absence", key="id")
    person = serializers.SlugField(source="owner.slug")
    ends_at = EndField(read_only=True, help_text=NO_END_WORDS)
    cover = serializers.SlugField(source="cover.slug", allow_null=True, default=None)
    note = serializers.CharField(allow_blank=True)

    class Meta:
        model = Absence
        fields = ("self", "id", "person", "starts_at", "ends_at", "cover", "note", "open_work", "version")
        read_only_fields = fields


class AbsenceInput(Input):
    """Who, from when until when, and who stands in."""

    person = serializers.SlugField(max_length=50)
    starts_at = serializers.DateTimeField(help_text="Now where it lies in the past.")
    ends_at = serializers.DateTimeField(
        allow_null=True, default=None, help_text="None: until the person is back; then end it."
    )
    cover = serializers.CharField(
        max_length=50, allow_blank=True, default="", help_text="Slug; the backup where empty."
    )
    note = serializers.CharField(max_length=200, allow_blank=True, default="")
    open_work = serializers.ChoiceField(
        OpenWork.choices,
        allow_blank=True,
        default="",
        help_text="What becomes of what the person has open; empty: it moves at the start of a long absence.",
    )


class HandOverInput(ReasonInput):
    """To whom, and why."""

    to = serializers.SlugField(max_length=50)


class MovedSerializer(serializers.Serializer[Any]):
    """How many went."""

    moved = serializers.IntegerField()


class ChosenInput(Input):
    """One exception, at the version that was looked at."""

    exception = serializers.RegexField(r"^EX-\d{1,15}$")
    version = serializers.IntegerField(min_value=0, max_value=2**31 - 1)


class TakeBackInput(Input):
    """Which of what others stood in for."""

    exceptions = serializers.ListField(child=ChosenInput(), min_length=1, max_length=200)


class TakenBackSerializer(serializers.Serializer[Any]):
    """What came of one; `why` is empty where it was done."""

    key = serializers.CharField()
    why = serializers.CharField(allow_blank=True)


class OutcomesSerializer(serializers.Serializer[Any]):
    """What came of each."""

    results = TakenBackSerializer(many=True)


class LendingSerializer(serializers.ModelSerializer[TemporaryOwnership]):
    """Who has what for a while; `what` in words."""

    self = SelfLink("api:temporary-ownership", key="id")
    what = serializers.CharField()
    type = serializers.SlugField(source="exception_type.slug", allow_null=True, default=None)
    owner = serializers.SlugField(source="owner.slug", allow_null=True, default=None)
    holder = serializers.SlugField(source="holder.slug")

    class Meta:
        model = TemporaryOwnership
        fields = (
            "self",
            "id",
            "what",
            "type",
            "owner",
            "holder",
            "starts_at",
            "ends_at",
            "ended_at",
            "reason",
            "version",
        )
        read_only_fields = fields


class LendInput(ReasonInput):
    """What goes to whom until when: `what` is `type:<kind of exception>` or `owner:<slug>`."""

    what = serializers.CharField(max_length=80)
    holder = serializers.SlugField(max_length=50)
    ends_at = serializers.DateTimeField()


class HoldingSerializer(serializers.Serializer[Any]):
    """Who answers for one flow, rule or contract since when, and whose turn is next."""

    kind = serializers.CharField()
    slug = serializers.CharField()
    name = serializers.CharField(source="record")
    owner = serializers.SlugField(source="owner.slug")
    since = serializers.DateTimeField()
    next = serializers.SlugField(source="next.slug", allow_null=True, default=None)
    is_due = serializers.BooleanField()
    version = serializers.IntegerField(source="record.version")


class RotationSerializer(serializers.Serializer[Any]):
    """Everything that rotates, the longest held first; due after so many days."""

    days = serializers.IntegerField()
    due_count = serializers.IntegerField()
    holdings = HoldingSerializer(many=True)


class RotateInput(Input):
    """What is passed on, at the version that was looked at."""

    kind = serializers.CharField(max_length=20, help_text="flow, rule or contract.")
    slug = serializers.CharField(max_length=80)
    seen = serializers.IntegerField(min_value=0, max_value=2**31 - 1, required=False)


class RotatedSerializer(serializers.Serializer[Any]):
    """Who had it, who has it, and whether that is in force or waits for the next rule book."""

    what = serializers.CharField()
    before = serializers.SlugField(source="before.slug")
    owner = serializers.SlugField(source="owner.slug")
    is_in_force = serializers.BooleanField()


class GapSerializer(serializers.Serializer[Any]):
    """An owner nobody is behind, why, and what is left to it."""

    owner = serializers.SlugField(source="owner.slug")
    why = serializers.CharField(source="found.why")
    owned = OwnedSerializer(many=True)
    open_count = serializers.IntegerField()


class OpenItemSerializer(serializers.Serializer[Any]):
    """Something open that nobody has."""

    key = serializers.CharField()
    title = serializers.CharField()


class GapsSerializer(serializers.Serializer[Any]):
    """Gaps, what is open of them, and the exceptions nobody took in time."""

    gaps = GapSerializer(many=True)
    items = OpenItemSerializer(many=True)
    untaken = serializers.ListField(child=serializers.CharField(), help_text="Keys, the longest overdue first.")
    untaken_count = serializers.IntegerField()
