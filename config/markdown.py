"""Markdown as people write it in runbooks and postmortems, as HTML that can do no harm."""

from collections.abc import Sequence
from typing import Final

import nh3
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt
from markdown_it.token import Token

# Raw HTML stays text and pictures are left out at parsing; what comes out is held to a list of tags once more.
READER: Final = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"]).disable("image")
TAGS: Final = {
    *(
        "a",
        "blockquote",
        "br",
        "code",
        "em",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "hr",
        "li",
        "ol",
        "p",
        "pre",
        "s",
        "strong",
        "ul",
    ),
    *("table", "tbody", "td", "th", "thead", "tr"),
}
ATTRIBUTES: Final = {"a": {"href", "title"}, "ol": {"start"}}
SCHEMES: Final = {"http", "https", "mailto"}
HIGHEST, LOWEST = 2, 6
# In notes a new line is a new line, and nothing makes a heading, a table or a rule: they stand within a list of what happened.
NOTES: Final = MarkdownIt("commonmark", {"html": False, "breaks": True}).disable(
    ["image", "heading", "lheading", "hr", "code"]
)


def render(text: str) -> SafeString:
    """The text as HTML. Headings begin at the second level, for the first is the page's own, and leave no level out."""
    tokens = READER.parse(text)
    _order_headings(tokens)
    return _cleaned(READER.renderer.render(tokens, READER.options, {}))


def render_note(text: str) -> SafeString:
    """A short text as HTML: paragraphs, emphasis, lists, links, quotes and code."""
    return _cleaned(NOTES.render(text))


def _cleaned(html: str) -> SafeString:
    cleaned = nh3.clean(html, tags=TAGS, attributes=ATTRIBUTES, url_schemes=SCHEMES, link_rel="noopener noreferrer")
    return mark_safe(cleaned)  # noqa: S308 -- cleaned in the line above


def _order_headings(tokens: Sequence[Token]) -> None:
    """Whoever hears a page read out finds their way by its headings."""
    headings = [token for token in tokens if token.type in {"heading_open", "heading_close"}]
    top, last = min((token.tag for token in headings), default=""), HIGHEST - 1
    for opening, closing in zip(headings[::2], headings[1::2], strict=True):
        last = min(HIGHEST + int(opening.tag[1]) - int(top[1]), last + 1, LOWEST)
        opening.tag = closing.tag = f"h{last}"
