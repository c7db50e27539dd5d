"""Every kind of event has one sentence a person reads; an event without one is refused."""

from collections.abc import Mapping
from typing import Any

from audit.words import Said

_sentences: dict[str, str] = {}


def register(sentences: Mapping[str, str]) -> None:
    """Declare event types and their sentences, e.g. {"case.acknowledged": "{actor} took responsibility"}.

    Raises `ValueError` when a type is already declared.
    """
    if known := _sentences.keys() & sentences.keys():
        raise ValueError(f"{', '.join(sorted(known))}: already registered")
    _sentences.update(sentences)


def is_registered(event_type: str) -> bool:
    """Whether the type has its sentence."""
    return event_type in _sentences


class Sentence(Said):
    """What happened, with who did it; `in_words` says it in the reader's language."""

    @staticmethod
    def filled(pattern: str, values: Mapping[str, Any]) -> str:
        """A sentence without a name begins with what was done."""
        return (pattern % values).replace("{actor}", values["actor"]).strip()


def sentence(event_type: str, *, actor: str) -> Sentence:
    """The event in words; an unknown type (from an older release) reads as itself."""
    pattern = _sentences.get(event_type, "{actor}: " + event_type)
    values = {"actor": actor, **(pattern.values if isinstance(pattern, Said) else {})}
    words = pattern.pattern if isinstance(pattern, Said) else pattern
    made = Sentence(Sentence.filled(words, values))
    made.pattern, made.values = words, values
    return made


def registered() -> Mapping[str, str]:
    """All declared types with their sentences, sorted."""
    return dict(sorted(_sentences.items()))
