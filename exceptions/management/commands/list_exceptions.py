"""The queue, for the command line."""

from argparse import ArgumentParser
from dataclasses import replace
from typing import Any

from django.http import QueryDict
from django.utils import timezone

from audit import clock
from audit.management.report import Report, ReportCommand
from exceptions import list_pages, selectors
from exceptions.selectors.queue_filters import PER_PAGE
from exceptions.views.origins import filters_in
from rules.management.changing import acting_as

SCOPE = "team"


class Command(ReportCommand):
    """List open exceptions as the team queues do: the same filters, the same order, the same rows for the same person."""

    help = "List open exceptions, the most urgent first: list_exceptions --filter 'due=overdue&client=northwind' [--as lee]."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Which of them, and whose view."""
        super().add_arguments(parser)
        parser.add_argument("--filter", default="", help="as in the address of the team queues, or that address")
        parser.add_argument("--limit", type=int, choices=PER_PAGE, default=PER_PAGE[1], help="at most so many rows")
        parser.add_argument("--as", dest="who", default="", help="as this person sees them; else all there are")

    def report(self, **options: Any) -> Report:
        """One line per exception; `after` names the next page where there is one."""
        by, now, query = acting_as(options["who"], self.name), clock.now(), options["filter"].rpartition("?")[2]
        list_pages.refuse_foreign(list_pages.list_page(SCOPE), query)
        filters = replace(filters_in(QueryDict(query), SCOPE), per=options["limit"], group="")
        with timezone.override(options["tz"]):
            page = selectors.queue_page(by=by, filters=filters, now=now)
        items = [
            {
                "key": row.key,
                "type": row.type,
                "state": row.state,
                "about": row.subject_key,
                "client": row.client,
                "owner": row.owner,
                "due_at": row.due_at,
                "is_overdue": row.due_at < now,
                "title": row.title,
            }
            for row in page.rows
        ]
        return Report(ok=True, summary={"exceptions": page.count, "after": page.next_after}, items=items)
