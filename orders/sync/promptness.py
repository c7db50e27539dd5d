"""How soon what other systems tell is applied."""

from datetime import datetime, timedelta

from audit.promptness import Promptness, measured

HOUR = timedelta(hours=1)
PROMPT_SECONDS = 5  # promised for 95 of 100 events, from the moment they came in until what they say is done
# What lay aside until somebody replayed it waited for a person.
INTAKE = """
    SELECT extract(epoch FROM greatest(interval '0', finished_at - received_at))::float8
    FROM sync_inboundevent WHERE state = 'applied' AND finished_at > %s AND replays = 0
"""


def intake_promptness(*, now: datetime, over: timedelta = HOUR) -> Promptness:
    """How soon those events were applied that were in the time before `now`, up to the beginning of the walk that applied them."""
    return measured("intake", lags=INTAKE, params=[now - over], percentile=95, promised=PROMPT_SECONDS)
