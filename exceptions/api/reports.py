"""Exceptions, counted."""

from typing import Any, ClassVar

from rest_framework.request import Request
from rest_framework.response import Response

from audit import clock
from audit.rest.views import Resource
from exceptions import selectors, serializers


class Accounting(Resource):
    """How many exceptions and time-limited exceptions began and ended on some days, and how long those that ended lasted."""

    permission = "exceptions.view_case"
    noun = "report"
    serializer_class: Any = serializers.AccountsSerializer
    asks: ClassVar[dict[str, str]] = {
        "since": "The first day, in UTC: 2026-11-01. Four weeks before the last where not given.",
        "until": "The last day, in UTC. Today where not given.",
    }

    def get(self, request: Request) -> Response:
        """Count them."""
        since, until = selectors.period(request.query_params.dict(), now=clock.now())
        return Response(self.get_serializer(selectors.accounts(by=self.by, since=since, until=until)).data)
