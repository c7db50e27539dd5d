"""Ladders as data: what happens to an exception while nobody acts, what is wrong with a ladder, and what is merely unwise.

A step is {"after_minutes", "do"?, "to"?, "skip_if_nobody"?, "hold"?, "from"?, "times"?}. `do` is one of `DOES`, "reassign" where it is not
said. "repeat" starts again at step `from` (counted from one), at most `times` times, and ends the ladder.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from rules.playbooks import Mistake

REASSIGN, NOTIFY, PAGE = "reassign", "notify", "page"
RAISE, HOLD, REPEAT = "raise_severity", "open_hold", "repeat"
DOES: Final = (REASSIGN, NOTIFY, PAGE, RAISE, HOLD, REPEAT)
TOLD: Final = frozenset({REASSIGN, NOTIFY, PAGE})
KEYS: Final[Mapping[str, frozenset[str]]] = {
    **dict.fromkeys(TOLD, frozenset({"after_minutes", "do", "to", "skip_if_nobody"})),
    RAISE: frozenset({"after_minutes", "do"}),
    HOLD: frozenset({"after_minutes", "do", "hold"}),
    REPEAT: frozenset({"after_minutes", "do", "from", "times"}),
}
BACKUP, OWNER = "backup", "owner:"
SLUG: Final = re.compile(r"[-a-z0-9_]{1,50}")
LONGEST_MINUTES: Final = 366 * 24 * 60
MOST_RUNGS: Final = 100


@dataclass(frozen=True)
class Planned:
    """A step when its turn comes: minutes after the opening, its number in the ladder, and in which round it is."""

    minutes: int
    number: int
    round: int
    step: Mapping[str, Any]


def does(step: Mapping[str, Any]) -> str:
    """What the step does."""
    return str(step.get("do", REASSIGN))


def planned(ladder: Sequence[Mapping[str, Any]]) -> list[Planned]:
    """The steps in the order in which they come, repeats written out; a ladder ends with its first repeat."""
    end = next((index for index, step in enumerate(ladder) if does(step) == REPEAT), len(ladder))
    steps = [Planned(step["after_minutes"], n, 1, step) for n, step in enumerate(ladder[:end], start=1)]
    if end == len(ladder):
        return steps
    repeat = ladder[end]
    again = steps[repeat["from"] - 1 :]
    period = repeat["after_minutes"] - again[0].minutes
    for turn in range(1, repeat["times"] + 1):
        steps += [Planned(one.minutes + turn * period, one.number, turn + 1, one.step) for one in again]
    return steps


def mistakes_in_ladder(ladder: Any) -> list[Mistake]:
    """What is wrong with a ladder; empty when nothing is."""
    if not isinstance(ladder, list) or not ladder:
        return [Mistake("", 'Write a list of steps like {"after_minutes": 60, "to": "backup"}.')]
    found = [mistake for index, step in enumerate(ladder) for mistake in _in_step(f"/{index}", step, index)]
    if found:
        return found
    minutes = [step["after_minutes"] for step in ladder]
    if minutes != sorted(minutes):
        return [Mistake("", "Each step comes later than the one before.")]
    return list(_in_repeats(ladder)) or (
        [Mistake("", f"With its repeats this has more than {MOST_RUNGS} steps.")]
        if len(planned(ladder)) > MOST_RUNGS
        else []
    )


def _in_step(at: str, step: Any, index: int) -> Iterator[Mistake]:
    if not isinstance(step, dict):
        yield Mistake(at, 'This is a record, like {"after_minutes": 60, "to": "backup"}.')
        return
    do = step.get("do", REASSIGN)
    if do not in DOES:
        yield Mistake(f"{at}/do", f"Choose one of {', '.join(DOES)}.")
        return
    for name in sorted(set(step) - KEYS[do]):
        yield Mistake(f"{at}/{name}", f"A “{do}” step says nothing about “{name}”.")
    if not _is_whole(step.get("after_minutes"), LONGEST_MINUTES):
        yield Mistake(f"{at}/after_minutes", f"Say how many minutes after the opening, 1 to {LONGEST_MINUTES}.")
    yield from CHECKS[do](at, step, index)


def _in_told(at: str, step: Mapping[str, Any], _: int) -> Iterator[Mistake]:
    to = str(step.get("to", ""))
    if to != BACKUP and not (to.startswith(OWNER) and SLUG.fullmatch(to.removeprefix(OWNER))):
        yield Mistake(f"{at}/to", "Say “backup” or an owner, like “owner:logistics”.")
    if not isinstance(step.get("skip_if_nobody", False), bool):
        yield Mistake(f"{at}/skip_if_nobody", "Say true or false.")


def _in_hold(at: str, step: Mapping[str, Any], _: int) -> Iterator[Mistake]:
    if not SLUG.fullmatch(str(step.get("hold", "escalation"))):
        yield Mistake(f"{at}/hold", "Name the kind of hold in small letters, without spaces.")


def _in_repeat(at: str, step: Mapping[str, Any], index: int) -> Iterator[Mistake]:
    if not _is_whole(step.get("from"), index):
        yield Mistake(f"{at}/from", f"Say which step before this one comes again, 1 to {index}.")
    if not _is_whole(step.get("times"), MOST_RUNGS):
        yield Mistake(f"{at}/times", f"Say how often at most, 1 to {MOST_RUNGS}.")


def _in_nothing(at: str, step: Mapping[str, Any], index: int) -> Iterator[Mistake]:
    del at, step, index
    yield from ()


CHECKS: Final[Mapping[str, Callable[[str, Mapping[str, Any], int], Iterator[Mistake]]]] = {
    **dict.fromkeys(TOLD, _in_told),
    RAISE: _in_nothing,
    HOLD: _in_hold,
    REPEAT: _in_repeat,
}


def _in_repeats(ladder: Sequence[Mapping[str, Any]]) -> Iterator[Mistake]:
    for index, step in enumerate(ladder):
        if does(step) == REPEAT:
            if any(does(one) == REPEAT for one in ladder[:index]):
                yield Mistake(f"/{index}/do", "One step repeats the ladder, not several.")
            elif step["after_minutes"] <= ladder[step["from"] - 1]["after_minutes"]:
                yield Mistake(f"/{index}/after_minutes", "A step comes again later than it came the first time.")


def _is_whole(value: Any, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= most


def doubts_about_ladder(ladder: Sequence[Mapping[str, Any]], *, severity: str, there: Mapping[str, bool]) -> list[str]:
    """What is unwise about a sound ladder, in sentences; `there` says per active owner whether anybody stands behind it."""
    end = next((n for n, step in enumerate(ladder, start=1) if does(step) == REPEAT), len(ladder))
    never = f"is never reached: step {end} repeats the ladder and ends it."
    reached = ladder[:end]
    return [
        *(f"Step {number} {never}" for number in range(end + 1, len(ladder) + 1)),
        *_nobody_there(reached, there),
        *_does_nothing(reached, severity),
        *_not_later(reached),
        *_without_last_resort(reached),
    ]


def _nobody_there(ladder: Sequence[Mapping[str, Any]], there: Mapping[str, bool]) -> Iterator[str]:
    for number, step in enumerate(ladder, start=1):
        to = str(step.get("to", ""))
        if to.startswith(OWNER) and not there.get(to.removeprefix(OWNER), False):
            then = "it is always skipped" if step.get("skip_if_nobody") else "nobody will act on it"
            yield f"Step {number} reaches nobody: nobody who can sign in stands behind {to.removeprefix(OWNER)}; {then}."


def _does_nothing(ladder: Sequence[Mapping[str, Any]], severity: str) -> Iterator[str]:
    holder, raised = "", 0
    for number, step in enumerate(ladder, start=1):
        if does(step) == REASSIGN:
            if step["to"] == holder != BACKUP:
                yield f"Step {number} changes nothing: {holder.removeprefix(OWNER)} has it already."
            holder = step["to"]
        elif does(step) == RAISE:
            raised += 1
            if severity and raised > int(severity[1]) - 1:
                yield f"Step {number} changes nothing: exceptions of this kind are P1 by then."


def _not_later(ladder: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for number, (before, step) in enumerate(pairwise(ladder), start=2):
        if before["after_minutes"] == step["after_minutes"]:
            yield f"Step {number} comes at the same moment as step {number - 1}: nobody has time to act in between."


def _without_last_resort(ladder: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    if not any(does(step) in {REASSIGN, PAGE} and step["to"] != BACKUP for step in ladder):
        yield "There is no last resort: no step gives it to, or pages, anybody above the backup."
