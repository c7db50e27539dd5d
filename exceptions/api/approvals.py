"""Who decides instead of whom, what could be asked for, what waits longest, and asking the client."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django.urls import reverse
from rest_framework.request import Request
from rest_framework.response import Response

from audit import clock
from audit.errors import FieldError, Invalid
from audit.filtering import FilterSet
from audit.rest.views import ActResource, CreateMixin, DeedResource, ListResource, RecordResource, Resource
from audit.words import said
from exceptions import selectors, services
from exceptions.api.cases import number_in
from exceptions.api.job_shapes import PlanRecordSerializer
from exceptions.selectors import visible
from exceptions.selectors.approvers import delegations_of
from exceptions.serializers import approvals as shapes
from rules import selectors as rules
from rules.models import Client


class _Delegations(Resource):
    permission = "exceptions.view_case"
    noun = "delegation"
    key_field = "pk"
    serializer_class = shapes.DelegationSerializer

    def records(self) -> QuerySet[Any]:
        """Those the asker gave or has that are not over."""
        return delegations_of(self.by, now=clock.now())


class DelegationList(_Delegations, CreateMixin, ListResource):
    """Who decides in whose place; naming somebody who decides in the asker's."""

    filters = FilterSet(filters=(), sorts={"starts": ("starts_at", "pk"), "-starts": ("-starts_at", "-pk")})
    input_class = shapes.DelegateInput

    def create(self, given: Mapping[str, Any], *, now: datetime) -> Any:
        """Name them."""
        asked = dict(given)
        client = self._client(asked.pop("client")) if "client" in asked else None
        return services.delegate_approvals(**asked, client=client, by=self.by, now=now)

    def _client(self, slug: str) -> Client:
        found = rules.clients_of(self.by).filter(slug=slug).first()
        if found is None:
            detail = said("There is no client “%(slug)s”, or it is not yours to see.", slug=slug)
            raise Invalid(detail, errors=[FieldError("/client", "unknown", detail)])
        return found


class DelegationRecord(_Delegations, RecordResource):
    """One delegation."""


class EndDelegation(_Delegations, ActResource):
    """End a delegation before its time."""

    is_versioned = False
    is_last = True

    def act(self, record: Any, given: Mapping[str, Any], *, now: datetime) -> None:
        """End it."""
        services.end_delegation(delegation_id=record.pk, by=self.by, now=now, **given)


class CaseGates(Resource):
    """What could be asked for about an exception: what each gate would let through now, and who would decide."""

    permission = "exceptions.view_case"
    noun = "exception"
    serializer_class = shapes.GatesSerializer

    def records(self) -> QuerySet[Any]:
        """Of the asker's clients."""
        return visible.cases_for(self.by)

    def lookup(self, key: Any) -> Mapping[str, Any]:
        """By the number in the key."""
        return {"number": number_in(key)}

    def get(self, request: Request, key: str) -> Response:
        """Look at every gate."""
        del request
        case = self.find(key)
        gates = selectors.gate_previews(case, by=self.by, now=clock.now())
        return Response(self.get_serializer({"exception": case.key, "gates": gates}).data)


class AskClient(DeedResource):
    """Make a signed link by which the client's own people answer; it is told once."""

    permission = "exceptions.request_waiver"
    noun = "time-limited exception"
    input_class = shapes.ClientQuestionInput
    serializer_class = shapes.ClientQuestionSerializer
    shown_once = ("link",)

    def do(self, given: Mapping[str, Any], *, now: datetime) -> Any:
        """Make it."""
        found = selectors.waiver_for(self.by, given["key"])
        question, token = services.ask_client(
            waiver_id=found.pk, contact=given["contact"], hours=given["hours"], by=self.by, now=now
        )
        return {
            "question": question,
            "link": f"{settings.PUBLIC_URL}{reverse('exceptions:client-approval', args=[token])}",
        }


class TakeLinkBack(DeedResource):
    """Take the open link back: it opens nothing from this moment."""

    permission = "exceptions.request_waiver"
    noun = "time-limited exception"
    serializer_class = shapes.ClientQuestionSerializer

    def do(self, given: Mapping[str, Any], *, now: datetime) -> Any:
        """Take it back."""
        found = selectors.waiver_for(self.by, given["key"])
        question = services.revoke_client_approval(waiver_id=found.pk, by=self.by, now=now)
        return {"question": question, "link": None}


class PlanDecisions(DeedResource):
    """Plan to deny many requests or to ask about many; `POST /plans/{key}/run` with a reason does exactly that. None approves many."""

    permission = "exceptions.decide_waiver"
    noun = "time-limited exception"
    input_class = shapes.PlanDecisionsInput
    serializer_class = PlanRecordSerializer

    def do(self, given: Mapping[str, Any], *, now: datetime) -> Any:
        """Freeze which, and what stands in the way of the others."""
        return services.plan_decisions(action=given["action"], keys=given["keys"], by=self.by, now=now)


class Ageing(Resource):
    """What waits for a decision, a client's answer or a review, the soonest due first."""

    permission = "exceptions.view_case"
    noun = "report"
    serializer_class = shapes.AgeingSerializer

    def get(self, request: Request) -> Response:
        """The list."""
        del request
        return Response(self.get_serializer({"waiting": selectors.waiting_longest(by=self.by, now=clock.now())}).data)
