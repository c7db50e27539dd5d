"""Acts on many: planned, then done by a job whose progress and results can be asked for."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.http import QueryDict
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from audit import clock, filtering
from audit.access import require
from audit.filtering import FilterSet, Question
from audit.rest.idempotency import once
from audit.rest.pages import given_filters
from audit.rest.views import ActResource, CreateMixin, ListResource, RecordResource, Resource
from exceptions import services
from exceptions.api import job_shapes as shapes
from exceptions.api.cases import CASE_FILTERS, number_in
from exceptions.models import Job
from exceptions.selectors.jobs import items_for, job_called, job_number, jobs_for, plans_for
from exceptions.selectors.queue import visible_cases
from exceptions.states import ItemState, JobState


class _Plans(Resource):
    permission = "exceptions.view_case"
    noun = "plan"
    key_field = "id"
    serializer_class: Any = shapes.PlanRecordSerializer

    def records(self) -> QuerySet[Any]:
        """The asker's own."""
        return plans_for(self.by)


class PlanList(_Plans, CreateMixin, ListResource):
    """What the asker planned to do with many, the newest first; planning freezes exactly which, and does nothing to them."""

    filters = FilterSet(filters=(), sorts={"-at": ("-at", "-pk"), "at": ("at", "pk")})
    input_class = shapes.PlanInput
    answer = shapes.PlanRecordSerializer

    def get_serializer_class(self) -> Any:
        """A page of plans leaves out what each is for."""
        return shapes.PlanSerializer if self.request.method == "GET" else self.serializer_class

    def create(self, given: Mapping[str, Any], *, now: datetime) -> Any:
        """Plan it."""
        require(self.by, "exceptions.work_case")
        action, people = given["action"], given.get("people", ())
        if "team" in given:
            return services.plan_balance(team=given["team"], by=self.by, now=now)
        if "keys" in given:
            numbers = [number_in(key) for key in given["keys"]]
            return services.plan_numbers(action=action, numbers=numbers, by=self.by, now=now, people=people)
        asked = given_filters(QueryDict(given["filter"]))
        matching = CASE_FILTERS.apply(visible_cases(self.by).live(), asked, Question(self.by, now))
        said = {"list": "team", "query": given["filter"]}
        return services.plan_found(action=action, found=matching, by=self.by, now=now, people=people, asked=said)


class PlanRecord(_Plans, RecordResource):
    """What one plan is for, and what stands in the way of the others."""


class _BeginsJob(Resource):
    answer = shapes.JobSerializer
    answers_with = status.HTTP_202_ACCEPTED

    def _begun(self, job: Job) -> Response:
        context = self.get_serializer_context()
        data = shapes.JobSerializer(job_called(self.by, job.key), context=context).data
        return Response(data, status=self.answers_with, headers={"Location": data["self"]})


class RunPlan(_Plans, _BeginsJob):
    """Do exactly what was planned: at most 25 at once, more by a job in the background."""

    input_class = shapes.RunInput

    def post(self, request: Request, key: Any) -> Response:
        """Begin; a plan that was begun already answers with the same job."""
        plan = self.find(key)
        return once(request, self.by, lambda: self._run(plan.pk))

    def _run(self, plan_id: Any) -> Response:
        given = self.input_class(data=self.request.data)
        given.is_valid(raise_exception=True)
        job = services.start_job(plan_id=plan_id, given=given.validated_data, by=self.by, now=clock.now())
        return self._begun(job)


class _Jobs(Resource):
    permission = "exceptions.view_case"
    noun = "job"
    serializer_class: Any = shapes.JobSerializer

    def records(self) -> QuerySet[Any]:
        """The asker's own; all of them for leads and auditors of every client."""
        return jobs_for(self.by).select_related("undoes")

    def lookup(self, key: Any) -> Mapping[str, Any]:
        """By the number in the key."""
        return {"number": job_number(key)}


class JobList(_Jobs, ListResource):
    """Acts on many, the newest first."""

    filters = FilterSet(
        filters=(filtering.choice("state", "state", JobState.values), filtering.moment("created", "queued_at")),
        sorts={"-created": ("-number",), "created": ("number",)},
    )


class JobRecord(_Jobs, RecordResource):
    """How far one act on many is."""

    is_whole = False


class JobItems(ListResource):
    """What came of each record of a job, in the order of work."""

    permission = "exceptions.view_case"
    noun = "job"
    serializer_class = shapes.JobItemSerializer
    filters = FilterSet(
        filters=(filtering.choice("state", "state", ItemState.values),),
        sorts={"position": ("position",), "-position": ("-position",)},
    )

    def records(self) -> QuerySet[Any]:
        """Those of the asker's clients."""
        return items_for(self.by, job_called(self.by, self.kwargs["key"]))


class CancelJob(_Jobs, ActResource):
    """Stop a job after the batch at hand: what is done stays done."""

    is_versioned = False

    def act(self, record: Any, given: Mapping[str, Any], *, now: datetime) -> None:
        """Stop it."""
        services.cancel_job(job_id=record.pk, by=self.by, now=now, **given)


class UndoJob(_Jobs, _BeginsJob):
    """Take back what a job did, within 15 minutes, by a job of its own; what changed since stays as it is."""

    input_class = ActResource.input_class

    def post(self, request: Request, key: Any) -> Response:
        """Begin to take it back."""
        job = self.find(key)
        return once(request, self.by, lambda: self._undo(job.pk))

    def _undo(self, job_id: Any) -> Response:
        self.input_class(data=self.request.data).is_valid(raise_exception=True)
        return self._begun(services.undo_job(job_id=job_id, by=self.by, now=clock.now()))
