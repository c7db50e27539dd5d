"""Who looks at an exception or edits it right now: a courtesy, never a lock, never in the trail.

Every page that is open says so by itself, under an id of its own, in one sorted set per exception in Redis: anew every 20 s, believed for
45 s by the server's clock. A page that is left takes back what it said and nothing else, so it does not matter whether it is heard before
or after the page that follows it. Without a Redis, or while it does not answer, nobody is shown and nothing else changes.
"""

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Final

import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry

BELIEVED_SECONDS: Final = 45
PATIENCE_SECONDS: Final = 0.2
DOING: Final = ("looking", "editing", "gone")
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Person:
    """Somebody who is on an exception."""

    name: str
    is_editing: bool


@cache
def _client(url: str) -> redis.Redis:
    return redis.Redis.from_url(
        url,
        socket_timeout=PATIENCE_SECONDS,
        socket_connect_timeout=PATIENCE_SECONDS,
        retry=Retry(NoBackoff(), 0),
        decode_responses=True,
    )


def _name(key: str) -> str:
    return f"handrail:presence:{key}"


def keep(*, key: str, person: str, name: str, page: str, doing: str, now: datetime) -> None:
    """Believe for 45 s that this person looks at or edits the exception on this page of theirs; `gone` ends it for the page at once."""
    if not settings.PRESENCE_URL:
        return
    said = {one: json.dumps([person, name, page, one]) for one in ("looking", "editing")}
    other = [note for one, note in said.items() if one != doing]
    try:
        with _client(settings.PRESENCE_URL).pipeline() as pipe:
            pipe.zremrangebyscore(_name(key), 0, _oldest_believed(now))
            pipe.zrem(_name(key), *other)
            if doing in said:
                pipe.zadd(_name(key), {said[doing]: _score(now)})
                pipe.expire(_name(key), BELIEVED_SECONDS)
            pipe.execute()
    except redis.RedisError as unreachable:
        logger.info("presence not kept: %s", unreachable)


def people_on(keys: Sequence[str], *, besides: str, now: datetime) -> Mapping[str, list[Person]]:
    """Who else is on each of these exceptions, by name; one round trip for all of them."""
    if not settings.PRESENCE_URL or not keys:
        return {}
    try:
        with _client(settings.PRESENCE_URL).pipeline(transaction=False) as pipe:
            for key in keys:
                pipe.zrange(_name(key), f"({_oldest_believed(now)}", "+inf", byscore=True)
            answers = pipe.execute()
    except redis.RedisError as unreachable:
        logger.info("presence not read: %s", unreachable)
        return {}
    found = {key: _people(said, besides) for key, said in zip(keys, answers, strict=True)}
    return {key: people for key, people in found.items() if people}


def _score(moment: datetime) -> int:
    """In whole microseconds: exact, where a fraction of seconds would be rounded."""
    return (moment - EPOCH) // timedelta(microseconds=1)


def _oldest_believed(now: datetime) -> int:
    return _score(now - timedelta(seconds=BELIEVED_SECONDS))


def _people(said: Sequence[str], besides: str) -> list[Person]:
    """Each person once, however many pages they have open."""
    names: dict[str, str] = {}
    editing = set()
    for person, name, _page, doing in map(json.loads, said):
        if person != besides:
            names[person] = name
            if doing == "editing":
                editing.add(person)
    return sorted((Person(name, who in editing) for who, name in names.items()), key=lambda one: one.name)
