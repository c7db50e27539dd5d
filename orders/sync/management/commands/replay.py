"""Dead letters through the same door again, as the page replays them."""

import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError
from django.db.models import QuerySet
from django.http import QueryDict

from audit import clock
from audit.access import require
from audit.context import Actor
from audit.filtering import Question
from audit.management.report import USAGE, Report, whole
from audit.rest.pages import given_filters
from audit.texts import whole_number
from orders.sync import selectors, services
from orders.sync.models import DEAD_LETTER_PREFIX, InboundEvent
from orders.sync.resources import LETTER_FILTERS
from orders.sync.services.replaying import Verdict
from rules.management.changing import ChangeCommand

BATCH = 500


class Command(ChangeCommand):
    """Put dead letters back in line, the oldest first; each batch is kept, so that whoever stops it begins where it ended."""

    help = (
        "Replay dead letters: replay --filter 'system=shop' --reason 'the sender is mended'; without --yes, the plan."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Which ones, and how fast."""
        super().add_arguments(parser)
        parser.add_argument("keys", nargs="*", help="only these, such as DL-12")
        parser.add_argument("--filter", default="", help="as in the address of the page, or that address")
        parser.add_argument("--all", action="store_true", help="all there are")
        parser.add_argument(
            "--rate", type=whole(1, BATCH), default=0, help="at most so many a second; unless told, as fast as it goes"
        )

    def plan(self, by: Actor, options: dict[str, Any]) -> Report:
        """The letters that were meant, with why they lie there."""
        items = [
            {
                "key": letter.key,
                "system": letter.system.slug,
                "type": letter.type,
                "received_at": letter.received_at,
                "cause": letter.cause,
            }
            for letter in _meant(by, options)
        ]
        return Report(ok=True, summary={"done": False, "dead_letters": len(items)}, items=items)

    def change(self, by: Actor, options: dict[str, Any]) -> Report:
        """Replay them, at the rate that was asked for."""
        keys = {letter.pk: letter.key for letter in _meant(by, options)}
        waiting, size = list(keys), options["rate"] or BATCH
        verdicts: dict[Any, Verdict] = {}
        try:
            while batch := waiting[len(verdicts) : len(verdicts) + size]:
                told = services.replay(event_ids=batch, reason=options["reason"], by=by, now=clock.now())
                verdicts |= {pk: told.get(pk, Verdict("It is there no more.")) for pk in batch}
                self.say(f"{len(verdicts)} of {len(waiting)}")
                time.sleep(1 if options["rate"] and len(verdicts) < len(waiting) else 0)
        except KeyboardInterrupt:
            self.stderr.write("Stopped. What was replayed stays so; the same command goes on with the rest.")
        items = [{"key": keys[pk], "replayed": one.is_done, "words": one.words} for pk, one in verdicts.items()]
        done = sum(one.is_done for one in verdicts.values())
        summary = {"done": True, "dead_letters": len(keys), "replayed": done}
        return Report(ok=done == len(keys), summary=summary, items=items, is_partial=0 < done < len(keys))


def _meant(by: Actor, options: dict[str, Any]) -> QuerySet[InboundEvent]:
    """The dead letters that were named, the oldest first. Raises `CommandError` (2) when none was, or one is none."""
    require(by, "sync.replay")
    query, keys = options["filter"].rpartition("?")[2], {key.upper() for key in options["keys"]}
    if not (query or keys or options["all"]):
        raise CommandError("Say which: keys such as DL-12, --filter, or --all.", returncode=USAGE)
    letters = selectors.dead_letters(by).order_by("number")
    if keys:
        letters = letters.filter(number__in=[whole_number(key.removeprefix(DEAD_LETTER_PREFIX)) or 0 for key in keys])
        if gone := keys - {letter.key for letter in letters}:
            raise CommandError(f"No dead letter: {', '.join(sorted(gone))}.", returncode=USAGE)
    return LETTER_FILTERS.apply(letters, given_filters(QueryDict(query)), Question(by, clock.now()))
