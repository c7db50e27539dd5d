"""What a client is told of some days, for programs."""

from typing import Any, ClassVar

from rest_framework.request import Request
from rest_framework.response import Response

from audit import clock
from audit.rest.views import Resource
from exceptions import selectors as exceptions
from orders.fulfilment.selectors.client_report import client_report
from orders.fulfilment.serializers.clients import ReportSerializer
from rules.selectors import registry


class ClientReport(Resource):
    """Orders by state, promises kept, exceptions, time-limited exceptions, quality checks and delays of one client, as on its page."""

    permission = registry.PERMISSION
    noun = "report"
    serializer_class: Any = ReportSerializer
    asks: ClassVar[dict[str, str]] = {
        "since": "The first day, in UTC: 2026-11-01. Four weeks before the last where not given.",
        "until": "The last day, in UTC. Today where not given.",
    }

    def get(self, request: Request, key: str) -> Response:
        """Count them."""
        now = clock.now()
        since, until = exceptions.period(request.query_params.dict(), now=now)
        report = client_report(key, by=self.by, since=since, until=until, now=now)
        return Response(self.get_serializer(report).data)
