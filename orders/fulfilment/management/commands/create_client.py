"""A new client from a template, as the page sets it up."""

from argparse import ArgumentParser, ArgumentTypeError
from typing import Any

from audit import clock
from audit.context import Actor
from audit.management.report import Report
from orders.fulfilment.decisions.clients import NewClient
from orders.fulfilment.services.clients import draft_client, set_up_client
from rules.management.changing import ChangeCommand


class Command(ChangeCommand):
    """Show what a template makes of a client; with `--yes`, make it and print the secrets of its systems, this once."""

    help = "Set up a client from a template: create_client --from shipped:own-warehouse --slug acme …; without --yes, a dry run."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """As on the page."""
        super().add_arguments(parser)
        parser.add_argument("--from", dest="template", required=True, help="shipped:own-warehouse, or client:northwind")
        for name, words in (
            ("slug", "short name, such as acme"),
            ("name", "as people call it"),
            ("key-prefix", "letters its orders begin with"),
            ("currency", "such as EUR"),
            ("time-zone", "such as Europe/Berlin"),
            ("people", "usernames with commas between them"),
        ):
            parser.add_argument(f"--{name}", required=True, help=words)
        parser.add_argument("--lead", default="", help="who of them leads the team")
        parser.add_argument("--backup", default="client-success", help="who stands in for the team")
        parser.add_argument("--calendar", default="", help="one there is; without it, its own")
        parser.add_argument("--country", default="", help="whose public holidays its own calendar keeps")
        parser.add_argument(
            "--checks", help="quality checks of the template, commas between; without it, its usual ones"
        )
        parser.add_argument("--address", type=_address, action="append", default=[], help="warehouse=https://…")

    def plan(self, by: Actor, options: dict[str, Any]) -> Report:
        """What it makes, one row a record."""
        draft = draft_client(wish=_wish(options), by=by)
        return Report(ok=True, summary={"made": False, "plan": draft.digest}, items=_rows(draft.records))

    def change(self, by: Actor, options: dict[str, Any]) -> Report:
        """What was made, with the secrets of its systems."""
        made = set_up_client(wish=_wish(options), reason=options["reason"], by=by, now=clock.now())
        secrets = {f"{one.system.slug}/{one.kind.value}": one.text for one in made.secrets}
        summary = {"made": True, "in_force": made.is_in_force, **secrets}
        return Report(ok=True, summary=summary, items=_rows(made.draft.records))


def _address(text: str) -> tuple[str, str]:
    place, _, address = text.partition("=")
    if not (place and address):
        raise ArgumentTypeError(f"“{text}” does not say which system is where; write warehouse=https://…")
    return place, address


def _wish(options: dict[str, Any]) -> NewClient:
    same = ("template", "slug", "name", "key_prefix", "currency", "time_zone", "country", "calendar", "backup", "lead")
    addresses = dict(options["address"])
    people = tuple(_listed(options["people"]))
    checks = None if options["checks"] is None else tuple(_listed(options["checks"]))
    return NewClient(people=people, addresses=addresses, checks=checks, **{name: options[name] for name in same})


def _listed(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _rows(records: Any) -> list[dict[str, str]]:
    return [{"kind": str(type(one)._meta.verbose_name), "name": str(one)} for one in records]
