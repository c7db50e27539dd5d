"""A client's report as a table for spreadsheets and as a document to send."""

import unicodedata
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.utils.formats import date_format
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from audit.spreadsheets import csv_of
from orders.fulfilment.selectors.client_report import ClientReport, Table

if TYPE_CHECKING:
    from fpdf import FPDF

COLUMNS: Final = ("table", "of", "figure", "value")
LETTERS: Final = "cp1252"  # what the fonts have that every reader of the format brings along
FONT: Final = "Helvetica"
TITLE, HEADING, TEXT, SMALL = 16, 12, 9, 8
WIDEST, LINE, MARGIN = 70, 5, 15
GREY: Final = 90
HAIR: Final = 0.1


def csv_lines(report: ClientReport) -> Iterator[str]:
    """One line a figure, with its own name in every language; what there is nothing to tell of is empty."""
    rows = (
        {"table": table.slug, "of": of, "figure": figure, "value": "" if value is None else str(value)}
        for table in report.tables
        for of, figure, value in table.figures()
    )
    return csv_of(COLUMNS, rows)


def days_in_words(report: ClientReport) -> str:
    """The days it is about."""
    return f"{date_format(report.since)} \N{EN DASH} {date_format(report.until)}"


def pdf_of(report: ClientReport) -> bytes:
    """The tables of the page on A4, in the reader's language."""
    from fpdf import FPDF  # noqa: PLC0415 -- slow import

    document = FPDF()
    document.core_fonts_encoding = LETTERS
    document.set_margins(MARGIN, MARGIN)
    document.set_auto_page_break(auto=True, margin=MARGIN)
    document.set_title(_plain(f"{report.client.name}, {days_in_words(report)}"))
    document.set_creation_date(report.at)
    document.set_lang(get_language() or settings.LANGUAGE_CODE)
    document.set_line_width(HAIR)
    document.add_page()
    _say(document, report.client.name, TITLE, bold=True)
    _say(document, days_in_words(report), TEXT)
    _say(document, _("Days are counted in UTC. As it was known on %(at)s UTC.") % {"at": _moment(report)}, SMALL, GREY)
    for table in report.tables:
        _add(document, table)
    return bytes(document.output())


def _moment(report: ClientReport) -> str:
    return date_format(report.at, "DATETIME_FORMAT")


def _add(document: "FPDF", table: Table) -> None:
    document.ln(LINE)
    _say(document, table.title, HEADING, bold=True)
    _say(document, table.about, SMALL, GREY)
    document.set_font(FONT, size=TEXT)
    widths = (WIDEST, *[(document.epw - WIDEST) / len(table.columns)] * len(table.columns))
    aligned = ("LEFT", *["RIGHT"] * len(table.columns))
    if not table.rows:
        _say(document, _("None in these days."), TEXT)
        return
    with document.table(
        col_widths=widths,
        text_align=aligned,
        borders_layout="HORIZONTAL_LINES",
        line_height=LINE,
        width=document.epw,
        padding=1,
    ) as grid:
        grid.row([_plain(text) for text in (table.kind, *[heading for _slug, heading in table.columns])])
        for row in table.rows:
            grid.row([_plain(text) for text in (row.label, *row.shown)])


def _say(document: "FPDF", text: str, size: int, grey: int = 0, *, bold: bool = False) -> None:
    document.set_font(FONT, style="B" if bold else "", size=size)
    document.set_text_color(grey)
    document.multi_cell(0, size * 0.5, _plain(text), align="L", new_x="LMARGIN", new_y="NEXT")
    document.set_text_color(0)


def _plain(text: str) -> str:
    """In the letters that every reader has: of others the nearest, else a question mark."""
    return "".join(map(_letter, text))


def _letter(letter: str) -> str:
    if letter.encode(LETTERS, "ignore"):
        return letter
    base = unicodedata.normalize("NFKD", letter).encode(LETTERS, "ignore").decode(LETTERS)
    return base or "?"
