"""A client's report: on the page, as a table and as a document, all three for the days in the address."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from audit import clock
from audit.context import Actor
from audit.edge import actor_of
from audit.errors import Invalid
from audit.services.taking_out import record_export
from exceptions import selectors as exceptions
from orders.fulfilment.selectors.client_report import ClientReport, client_report
from orders.fulfilment.tables import client_report as files
from rules.selectors import registry

EXPORTED = "client.report_exported"


@login_required
@require_GET
def report(request: HttpRequest, key: str) -> HttpResponse:
    """The tables. Days nobody can mean show the last four weeks, and say so."""
    by, now = actor_of(request, registry.PERMISSION), clock.now()
    problem = None
    try:
        since, until = exceptions.period(request.GET.dict(), now=now)
    except Invalid as invalid:
        problem, (since, until) = invalid, exceptions.period({}, now=now)
    told = client_report(key, by=by, since=since, until=until, now=now)
    return render(
        request, "orders/client_report.html", {"report": told, "problem": problem}, status=400 if problem else 200
    )


@login_required
@require_GET
def report_csv(request: HttpRequest, key: str) -> StreamingHttpResponse:
    """The figures, one a line."""
    by = actor_of(request, registry.PERMISSION)
    told = _taken_out(request, key, by)
    return StreamingHttpResponse(
        files.csv_lines(told), content_type="text/csv; charset=utf-8", headers=_saved_as(told, "csv")
    )


@login_required
@require_GET
def report_pdf(request: HttpRequest, key: str) -> HttpResponse:
    """The page on paper."""
    told = _taken_out(request, key, actor_of(request, registry.PERMISSION))
    return HttpResponse(files.pdf_of(told), content_type="application/pdf", headers=_saved_as(told, "pdf"))


def _taken_out(request: HttpRequest, key: str, by: Actor) -> ClientReport:
    """The report that is asked for; that it was taken out is in the trail."""
    now = clock.now()
    since, until = exceptions.period(request.GET.dict(), now=now)
    told = client_report(key, by=by, since=since, until=until, now=now)
    record_export(query=f"{key}?since={since}&until={until}", by=by, now=now, event=EXPORTED)
    return told


def _saved_as(told: ClientReport, ending: str) -> dict[str, str]:
    name = f"{told.client.slug}-{told.since}-{told.until}.{ending}"
    return {"Content-Disposition": f'attachment; filename="{name}"'}
