"""What several exceptions share is kept as a short mark (`late:DPD`); people read it as a sentence. Higher apps register theirs."""

from collections.abc import Mapping

from audit.words import said

_sentences: dict[str, str] = {}


def register_causes(sentences: Mapping[str, str]) -> None:
    """Declare marks with their sentences: a whole mark, or how marks begin (`late:`) or end (`/delivery`); `%(what)s` is the rest.

    Raises `ValueError` when one is already declared.
    """
    if known := _sentences.keys() & sentences.keys():
        raise ValueError(f"{', '.join(sorted(known))}: already registered")
    _sentences.update(sentences)


def cause_in_words(cause: str) -> str:
    """The shared cause as people read it; a mark nobody has declared reads as itself."""
    if cause in _sentences:
        return said(_sentences[cause])
    head, colon, rest = cause.partition(":")
    if (begins := f"{head}{colon}") in _sentences:
        return said(_sentences[begins], what=rest)
    rest, slash, tail = cause.rpartition("/")
    if (ends := f"{slash}{tail}") in _sentences:
        return said(_sentences[ends], what=rest)
    head, slash, rest = cause.partition("/")
    return said(_sentences[begins], what=rest) if (begins := f"{head}{slash}") in _sentences else cause
