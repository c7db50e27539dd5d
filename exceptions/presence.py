"""Who looks at an exception or edits it right now: a courtesy, never a lock, never in the trail.

One hash per exception in Redis, one field per person, written anew every 20 s and believed for 45 s by the server's clock. Without a Redis,
or while it does not answer, nobody is shown and nothing else changes.
"""

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Final

import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry

BELIEVED_SECONDS: Final = 45
PATIENCE_SECONDS: Final = 0.2
DOING: Final = ("looking", "editing", "gone")

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


def keep(*, key: str, person: str, name: str, doing: str, now: datetime) -> None:
    """Believe for 45 s that this person is looking at or editing the exception; `gone` ends it at once."""
    if not settings.PRESENCE_URL:
        return
    try:
        with _client(settings.PRESENCE_URL).pipeline(transaction=False) as pipe:
            if doing == "gone":
                pipe.hdel(_name(key), person)
            else:
                said = {"name": name, "editing": doing == "editing", "at": now.timestamp()}
                pipe.hset(_name(key), person, json.dumps(said))
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
                pipe.hgetall(_name(key))
            answers = pipe.execute()
    except redis.RedisError as unreachable:
        logger.info("presence not read: %s", unreachable)
        return {}
    found = {key: _people(said, besides, now) for key, said in zip(keys, answers, strict=True)}
    return {key: people for key, people in found.items() if people}


def _people(said: Mapping[str, str], besides: str, now: datetime) -> list[Person]:
    notes = [json.loads(note) for person, note in said.items() if person != besides]
    fresh = [note for note in notes if now.timestamp() - note["at"] < BELIEVED_SECONDS]
    return sorted((Person(note["name"], note["editing"]) for note in fresh), key=lambda person: person.name)
