"""The pages of runbooks, without a script: read, propose, compare, accept, and what leads there."""

import re
from typing import Any

import pytest

from config.markdown import render
from rules.models import RunbookVersion
from tests.cast import House
from tests.pages.conftest import SignedIn, open_cases

PATH = "/help/runbooks/unforeseen-failure/"
FIX = "The carrier changed its host name."


def text_of(page: Any) -> str:
    return str(page.content.decode())


def test_a_change_is_proposed_compared_and_accepted_by_its_owner(signed_in: SignedIn, house: House) -> None:
    amal, lee = signed_in("amal"), signed_in("lee")
    form = amal.get(f"{PATH}propose/").context["form"]
    sent = {**form.initial, "body": f"{form.initial['body']}\n\n{FIX}", "note": "A host name"}
    assert amal.post(f"{PATH}propose/", {**sent, "note": ""}).status_code == 422
    assert amal.post(f"{PATH}propose/", sent)["Location"] == f"{PATH}2/"
    mine = text_of(amal.get(f"{PATH}2/"))
    assert ("You wrote it yourself: Ops Review decides." in mine, "Take it back" in mine) == (True, True)
    assert amal.post(f"{PATH}2/accept/").status_code == 403
    compared = text_of(lee.get(f"{PATH}2/changes/"))
    assert f'<span class="vh">Added: </span>{FIX}</ins>' in compared
    assert "lines alike" in compared
    assert FIX not in text_of(lee.get(PATH))
    assert "Accept: it is in force" in text_of(lee.get(f"{PATH}2/"))
    refused = lee.post(f"{PATH}2/reject/", {"comment": ""})
    assert (refused.status_code, "Say why" in text_of(refused)) == (422, True)
    lee.post(f"{PATH}2/accept/")
    page = text_of(lee.get(PATH))
    assert (FIX in page, "by Lee Weber" in page, "v1" in page) == (True, True, True)
    assert "This is not what is in force." in text_of(lee.get(f"{PATH}1/"))
    stale = amal.post(f"{PATH}propose/", {**sent, "note": "Again"})
    assert (stale.status_code, "version 2 is in force now" in text_of(stale), FIX in text_of(stale)) == (
        409,
        True,
        True,
    )


def test_who_has_read_it_is_on_the_page(signed_in: SignedIn, house: House) -> None:
    sam = signed_in("sam")
    assert "I have read it" in text_of(sam.get(PATH))
    sam.post(f"{PATH}1/read/")
    page = text_of(sam.get(PATH))
    assert ("Sam Baptiste" in page, "You have said that you have read this version." in page) == (True, True)
    assert "Propose a change" not in page
    assert '<span class="pill ok">read</span>' in text_of(sam.get("/help/runbooks/"))


def test_what_has_no_runbook_is_flagged_where_it_is_needed(signed_in: SignedIn, house: House) -> None:
    (case,) = open_cases(house, 1)
    amal, flagged = signed_in("amal"), "Nobody has written down what to do about this kind of exception."
    page = text_of(amal.get(f"/exceptions/{case.key}/"))
    assert (flagged in page, f"/help/runbooks/new/?case={case.key}&amp;about=type%3Aaddress" in page) == (True, True)
    status = text_of(amal.get("/status/"))
    assert "no runbook" not in status
    assert 'href="/help/runbooks/escalation-stopped/">Escalation has stopped' in status
    assert 'href="/help/runbooks/letters-not-sent/">Letters and messages' in status
    proposed = "/help/runbooks/letters-not-sent/propose/"
    written = amal.get(proposed).context["form"].initial
    amal.post(proposed, {**written, "covers": ["type:inventory"], "note": "It is about something else"})
    signed_in("kim").post("/help/runbooks/letters-not-sent/2/accept/")
    flagged_alerts = text_of(amal.get("/status/")).count('<span class="pill warn">no runbook</span>')
    assert flagged_alerts == 1, "the alert it was about has none now"
    without = amal.get("/help/runbooks/").context["page"].without
    assert {"type:address", "flow:manual-review"} <= {one.about for one in without}
    new = f"/help/runbooks/new/?case={case.key}&about=type:address"
    form = amal.get(new).context["form"]
    assert form.initial == {"covers": ["type:address"], "note": f"What solved {case.key}"}
    given = {
        **form.initial,
        "title": "An address is wrong",
        "owner": "client-success",
        "body": "<script>x</script> **Ask.**",
    }
    answer = amal.post(new, given)
    assert answer["Location"] == "/help/runbooks/an-address-is-wrong/1/"
    version = RunbookVersion.objects.get(runbook__slug="an-address-is-wrong")
    assert version.case_key == case.key
    signed_in("kim").post(f"{answer['Location']}accept/")
    shown = text_of(amal.get("/help/runbooks/an-address-is-wrong/"))
    assert ("&lt;script&gt;x&lt;/script&gt; <strong>Ask.</strong>" in shown, "<script>x" in shown) == (True, False)
    known = text_of(amal.get(f"/exceptions/{case.key}/"))
    assert (flagged in known, "Learned from it" in known, "An address is wrong v1" in known) == (False, True, True)


def test_the_list_costs_the_same_however_many_there_are(
    signed_in: SignedIn, house: House, django_assert_num_queries: Any
) -> None:
    amal = signed_in("amal")
    amal.get("/help/runbooks/")
    with django_assert_num_queries(9):
        amal.get("/help/runbooks/")


@pytest.mark.parametrize(
    ("text", "levels"),
    [("# A\n## B\n# C", "232"), ("### A\n###### B\n## C\n#### D", "2323"), ("## A\n#### B\n### C", "233"), ("A", "")],
)
def test_headings_leave_no_level_out(text: str, levels: str) -> None:
    assert "".join(re.findall(r"<h(\d)>", render(text))) == levels


def test_nothing_written_can_do_harm() -> None:
    hostile = '# A\n\n[x](javascript:alert(1)) <img src=x onerror=alert(1)> ![p](http://h/p.png)\n\n[y](https://h/ "t")'
    html = render(hostile)
    assert "<h2>A</h2>" in html
    assert 'javascript:alert(1)"' not in html
    assert ("<img" in html, '<a href="https://h/" title="t" rel="noopener noreferrer">y</a>' in html) == (False, True)
