"""People who go away, come back or leave, and what others do for them meanwhile."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from audit import clock, filtering
from audit.access import require
from audit.errors import NotFound
from audit.filtering import FilterSet
from audit.rest.views import ActResource, CreateMixin, DeedResource, ListResource, RecordResource, Resource
from exceptions import selectors, services
from exceptions.api.cases import number_in
from exceptions.selectors import visible
from exceptions.selectors.gaps import owned_by
from exceptions.selectors.people import team_people
from exceptions.selectors.teams import team_rows
from exceptions.serializers import people as shapes
from rules import selectors as rules
from rules import services as rule_services


class PersonList(ListResource):
    """The people whose absences the asker may enter: oneself, and for leads their teams."""

    permission = "exceptions.view_case"
    noun = "person"
    serializer_class = shapes.PersonSerializer
    filters = FilterSet(filters=(filtering.search("name"),), sorts={"name": ("name", "pk"), "-name": ("-name", "-pk")})

    def records(self) -> QuerySet[Any]:
        """Those the asker looks after."""
        return rules.people_managed(self.by)


class PersonRecord(Resource):
    """What one person has open and answers for, who can stand in, and what others stood in for."""

    permission = "exceptions.view_case"
    noun = "person"
    serializer_class = shapes.PersonRecordSerializer

    def get(self, request: Request, key: str) -> Response:
        """Look it up. Refused for somebody else's people."""
        del request
        now = clock.now()
        there = selectors.away_page(by=self.by, who=key, now=now)
        told = {
            "there": there,
            "owned": owned_by([there.person.pk]).get(there.person.pk, []),
            "can_cover": [one.slug for one in there.able],
        }
        return Response(self.get_serializer(told).data)


class Teams(Resource):
    """The queues of teams side by side: whether each keeps up, and who is there. One's own teams; every team for who sees every client."""

    permission = "exceptions.view_case"
    noun = "team"
    serializer_class = shapes.TeamsSerializer

    def get(self, request: Request) -> Response:
        """Look at them."""
        del request
        return Response(self.get_serializer({"teams": team_rows(by=self.by, now=clock.now())}).data)


class TeamPeople(Resource):
    """Who of a team is there, and what each has open, late and taken today.

    The asker's own teams; every team for who sees every client.
    """

    permission = "exceptions.view_case"
    noun = "team"
    serializer_class = shapes.TeamPeopleSerializer

    def get(self, request: Request, key: str) -> Response:
        """Look them up."""
        del request
        people = team_people(by=self.by, team=key, now=clock.now())
        if not people:
            raise NotFound("There is no such team, or it is not yours.")
        return Response(self.get_serializer({"people": people}).data)


class HandOver(DeedResource):
    """Give all open exceptions of a person to another owner; the clocks keep running."""

    permission = "exceptions.view_case"
    noun = "person"
    input_class = shapes.HandOverInput
    serializer_class = shapes.MovedSerializer

    def do(self, given: Mapping[str, Any], *, now: datetime) -> Any:
        """Give them."""
        asked = {name: value for name, value in given.items() if name != "key"}
        return {"moved": services.hand_over_cases(person=given["key"], by=self.by, now=now, **asked)}


class TakeBack(DeedResource):
    """Give a person who is back what others stood in for, each by itself."""

    permission = "exceptions.work_case"
    noun = "person"
    input_class = shapes.TakeBackInput
    serializer_class = shapes.OutcomesSerializer

    def do(self, given: Mapping[str, Any], *, now: datetime) -> Any:
        """Take back those there are; one that is not there says so."""
        asked = {number_in(one["exception"]): one for one in given["exceptions"]}
        ids = dict(visible.cases_for(self.by).filter(number__in=asked).values_list("number", "pk"))
        chosen = [services.Chosen(ids[n], one["exception"], one["version"]) for n, one in asked.items() if n in ids]
        nowhere = "There is no such exception, or it is not yours to see."
        lost = [services.Outcome(one["exception"], nowhere) for n, one in asked.items() if n not in ids]
        done = services.take_back(person=given["key"], chosen=chosen, by=self.by, now=now) if chosen else []
        return {"results": [*done, *lost]}


class _Absences(Resource):
    permission = "exceptions.view_case"
    noun = "absence"
    key_field = "pk"
    serializer_class = shapes.AbsenceSerializer

    def records(self) -> QuerySet[Any]:
        """Those that are not over, of the people the asker looks after."""
        return rules.absences_from(clock.now(), owners=rules.people_managed(self.by))


class AbsenceList(_Absences, CreateMixin, ListResource):
    """Who is away or goes away; entering an absence moves what is open when it begins and is long."""

    filters = FilterSet(
        filters=(filtering.exact("person", "owner__slug"), filtering.moment("starts", "starts_at", ahead=True)),
        sorts={"starts": ("starts_at", "pk"), "-starts": ("-starts_at", "-pk")},
    )
    input_class = shapes.AbsenceInput

    def create(self, given: Mapping[str, Any], *, now: datetime) -> Any:
        """Enter it."""
        absence, _ = services.go_away(**given, by=self.by, now=now)
        return absence


class AbsenceRecord(_Absences, RecordResource):
    """One absence."""


class EndAbsence(_Absences, ActResource):
    """Say that a person is back, or does not go after all."""

    is_versioned = False
    is_last = True

    def act(self, record: Any, given: Mapping[str, Any], *, now: datetime) -> None:
        """End it."""
        services.come_back(absence_id=record.pk, by=self.by, now=now, **given)


class _Lendings(Resource):
    permission = "rules.view_rules"
    noun = "temporary ownership"
    key_field = "pk"
    serializer_class = shapes.LendingSerializer

    def records(self) -> QuerySet[Any]:
        """All of them that hold or ended lately."""
        return selectors.lendings_for(self.by, now=clock.now())


class LendingList(_Lendings, CreateMixin, ListResource):
    """Who has for a while what is somebody else's; giving something to somebody for a while."""

    filters = FilterSet(
        filters=(filtering.exact("holder", "holder__slug"),),
        sorts={"-starts": ("-starts_at", "-pk"), "starts": ("starts_at", "pk")},
    )
    input_class = shapes.LendInput

    def create(self, given: Mapping[str, Any], *, now: datetime) -> Any:
        """Give it."""
        require(self.by, "rules.manage_absence")
        return services.lend(**given, by=self.by, now=now)


class LendingRecord(_Lendings, RecordResource):
    """One temporary ownership."""


class GiveBack(_Lendings, ActResource):
    """End a temporary ownership before its time; what is open of it goes back."""

    is_versioned = False

    def act(self, record: Any, given: Mapping[str, Any], *, now: datetime) -> None:
        """End it."""
        services.give_back(lending_id=record.pk, by=self.by, now=now, **given)


class Rotation(DeedResource):
    """Who has answered for which flow, rule and contract since when, the longest first; and passing one to the next of the team."""

    permission = "rules.view_rules"
    noun = "rotation"
    serializer_class = shapes.RotationSerializer
    input_class = shapes.RotateInput
    answers: Mapping[str, Any] = {"POST": shapes.RotatedSerializer}

    def get(self, request: Request) -> Response:
        """Who has it, and whose turn is next."""
        del request
        return Response(self.get_serializer(selectors.rotation_page(by=self.by, now=clock.now())).data)

    def do(self, given: Mapping[str, Any], *, now: datetime) -> Any:
        """Pass it on."""
        return rule_services.rotate_ownership(**given, by=self.by, now=now)


class Gaps(Resource):
    """What nobody is behind, with what is open of it, and exceptions nobody took in time."""

    permission = "rules.view_rules"
    noun = "report"
    serializer_class = shapes.GapsSerializer

    def get(self, request: Request) -> Response:
        """The report."""
        del request
        page = selectors.gap_page(by=self.by, now=clock.now())
        return Response(self.get_serializer({**vars(page), "untaken": [row.key for row in page.untaken]}).data)
