"""Files, mentions and related exceptions on the page of an exception: with a mouse or without a script, wide and narrow."""

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visitor, violations
from tests.cast import House
from tests.pages.conftest import open_cases

pytestmark = pytest.mark.browser
PNG = b"\x89PNG\r\n\x1a\n" + b"\x00" * 40


@pytest.mark.parametrize(
    ("scheme", "width", "javascript"),
    [("light", 1440, True), ("dark", 390, False)],
)
def test_what_belongs_to_an_exception_is_put_on_it(
    visit: Visitor, house: House, settings: Any, tmp_path: Path, scheme: str, width: int, javascript: bool
) -> None:
    settings.DATA_DIR = tmp_path
    one, two = open_cases(house, 2)
    page = visit("amal", f"/exceptions/{one.key}/", scheme=scheme, width=width, javascript=javascript)
    page.get_by_label("File", exact=True).set_input_files(
        {"name": "doorbell.png", "mimeType": "image/png", "buffer": PNG}
    )
    page.get_by_role("button", name="Add file").click()
    expect(page.get_by_text("File added.")).to_be_visible()
    page.get_by_label("Other exception").fill(two.key.lower())
    page.get_by_role("button", name="Link", exact=True).click()
    page.get_by_label("Add a note").fill("@bo please ring at the neighbours")
    page.get_by_role("button", name="Add note").click()
    expect(page.get_by_text("Told: Bo Lindqvist").first).to_be_visible()
    expect(page.get_by_role("complementary", name="Details").get_by_role("link", name=two.key)).to_be_visible()
    with page.expect_download() as saved:
        page.get_by_role("link", name="doorbell.png", exact=True).click()
    assert saved.value.suggested_filename == "doorbell.png"
    assert saved.value.path().read_bytes() == PNG
    page.goto(f"/exceptions/{one.key}/attach/")
    page.get_by_label("File", exact=True).set_input_files(
        {"name": "run.exe", "mimeType": "image/png", "buffer": b"MZ\x90"}
    )
    page.get_by_role("button", name="Add file").click()
    expect(page.get_by_text("is no PDF, picture").first).to_be_visible()
    page.goto(f"/exceptions/{one.key}/")
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    if javascript:
        assert violations(page) == []
