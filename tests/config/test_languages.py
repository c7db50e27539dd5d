"""Every text of the pages is in the catalogue, every text of the catalogue is in German, and the compiled one says the same."""

import ast
import re
import shutil
from collections.abc import Iterator
from gettext import GNUTranslations
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from django.conf import settings
from django.core.management import call_command
from django.test import override_settings

from audit import verbs

ROOT: Path = settings.BASE_DIR
FILE = Path("locale", "de", "LC_MESSAGES", "django.po")
PARTS = ("config", "orders", "exceptions", "rules", "audit", "templates")
LINE = re.compile(r'(?:(msgctxt|msgid_plural|msgid|msgstr)(?:\[\d\])? )?(".*")')
HOLES = re.compile(r"%\(\w+\)[a-z]|{\w*}|<[^>]+>")
FORBIDDEN = re.compile(
    r"\b(tickets?|issues?|tasks?|waivers?|bypass\w*|manual edits?|incidents?|limbo|failed jobs?|mismatch\w*"
    r"|assign(ed)?|claim(ed)?|blocks?|blocked|ETA|overdue days|please|successfully)\b",
    re.IGNORECASE,
)

# What a warehouse or a vendor is told to do is a task; an exception never is.
GIVEN_OUT = {"Task given out", "Task received", "Task sent, not confirmed"}


class Text(NamedTuple):
    """One text: what stands in the source, and its German forms."""

    context: str
    sources: tuple[str, ...]
    forms: tuple[str, ...]


def texts(path: Path) -> list[Text]:
    """What a .po file holds, as far as ours use the format."""
    content = path.read_text(encoding="utf-8")
    assert "fuzzy" not in content
    return [_text(block) for block in content.strip().split("\n\n")[1:]]


def _text(block: str) -> Text:
    found: list[tuple[str, str]] = []
    for line in block.splitlines():
        if match := LINE.fullmatch(line):
            kind, words = match.group(1), ast.literal_eval(match.group(2))
            found.append((kind, words) if kind else (found[-1][0], found.pop()[1] + words))
    return Text(
        "".join(words for kind, words in found if kind == "msgctxt"),
        tuple(words for kind, words in found if kind.startswith("msgid")),
        tuple(words for kind, words in found if kind == "msgstr"),
    )


@pytest.fixture(scope="module")
def german() -> list[Text]:
    return texts(ROOT / FILE)


def test_every_text_is_in_german_with_the_same_holes_to_fill(german: list[Text]) -> None:
    assert len(german) > 1_000
    assert [text.sources for text in german if len(text.forms) != len(text.sources) or not all(text.forms)] == []
    torn = [
        (text.sources, form)
        for text in german
        for form in text.forms[-1:]
        if set(HOLES.findall(form)) != set(HOLES.findall(text.sources[-1]))
    ]
    assert torn == []
    invented = [text for text in german for form in text.forms if set(HOLES.findall(form)) - _holes(text)]
    assert invented == []


def _holes(text: Text) -> set[str]:
    return {hole for source in text.sources for hole in HOLES.findall(source)}


def test_what_is_compiled_is_what_is_written(german: list[Text]) -> None:
    """A machine that only runs Handrail has no msgfmt."""
    with (ROOT / FILE).with_suffix(".mo").open("rb") as file:
        compiled: dict[Any, str] = GNUTranslations(file)._catalog  # type: ignore[attr-defined]
    compiled.pop("")
    assert compiled == dict(_compiled(german))


def _compiled(german: list[Text]) -> Iterator[tuple[Any, str]]:
    for text in german:
        key = f"{text.context}\x04{text.sources[0]}" if text.context else text.sources[0]
        if len(text.sources) == 1:
            yield key, text.forms[0]
        else:
            yield from (((key, number), form) for number, form in enumerate(text.forms))


@pytest.mark.skipif(shutil.which("xgettext") is None, reason="gettext is not installed: nothing can be collected")
def test_every_marked_text_is_in_the_catalogue(
    german: list[Text], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for part in PARTS:
        shutil.copytree(ROOT / part, tmp_path / part, ignore=shutil.ignore_patterns("static", "migrations", "*.pyc"))
    (tmp_path / FILE).parent.mkdir(parents=True)
    shutil.copy(ROOT / FILE, tmp_path / FILE)
    monkeypatch.chdir(tmp_path)
    with override_settings(LOCALE_PATHS=[]):
        call_command("makemessages", verbosity=0)
    marked = {(text.context, text.sources) for text in texts(tmp_path / FILE)}
    assert marked == {(text.context, text.sources) for text in german}, "run `make texts`, then translate"


def test_what_every_event_reads_like_is_in_the_catalogue(german: list[Text]) -> None:
    """Marked with `noop` where it is registered."""
    known = {source for text in german for source in text.sources}
    said = {getattr(sentence, "pattern", sentence) for sentence in verbs.registered().values()}
    assert sorted(said - known) == []


def test_no_text_uses_a_word_that_means_something_else_here(german: list[Text]) -> None:
    said = {source for text in german for source in text.sources if FORBIDDEN.search(HOLES.sub("", source))}
    assert said == GIVEN_OUT


def test_no_template_says_anything_that_is_not_marked() -> None:
    """Names are the same in every language; the admin and the API speak English."""
    names = {"Handrail", "JSON", "SKU"}
    bare = [
        (path.name, words)
        for path in sorted((ROOT / "templates").rglob("*.html"))
        if not {"admin", "api"} & set(path.parts)
        for words in _unmarked(path.read_text(encoding="utf-8"))
        if words not in names
    ]
    assert bare == []


def _unmarked(source: str) -> Iterator[str]:
    for wrapped in (
        r"<script.*?</script>",
        r"{% comment %}.*?{% endcomment %}",
        r"{% blocktranslate.*?{% endblocktranslate %}",
        r"{#.*?#}",
    ):
        source = re.sub(wrapped, "", source, flags=re.DOTALL)
    attributes = re.findall(r'(?:aria-label|placeholder|title|alt|data-label|prefix)="([^"]*)"', source)
    nodes = re.split(r"{%.*?%}|{{.*?}}|<[^>]*>|\n", re.sub(r"{%.*?%}|{{.*?}}", "{{}}", source, flags=re.DOTALL))
    for words in [*nodes, *(re.sub(r"{%.*?%}|{{.*?}}", "", one) for one in attributes)]:
        if re.search(r"[A-Za-z]{2}", re.sub(r"&\w+;", "", words)):
            yield words.strip(" \N{EN DASH}")
