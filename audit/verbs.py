"""Every kind of event has one sentence a person reads; an event without one is refused."""

from collections.abc import Mapping

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


def sentence(event_type: str, *, actor: str) -> str:
    """The event in words; an unknown type (from an older release) reads as itself."""
    return _sentences.get(event_type, "{actor}: " + event_type).replace("{actor}", actor)


def registered() -> Mapping[str, str]:
    """All declared types with their sentences, sorted."""
    return dict(sorted(_sentences.items()))
