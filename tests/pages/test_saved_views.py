"""Views of lists: kept, shared with one team, seen first, changed and deleted; whoever opens one sees what they may see anyway."""

import csv
import io
import json
from typing import Any

import pytest
from django.http import QueryDict

from audit import clock
from audit.errors import Invalid, NotFound, Refused, StaleVersion
from audit.models import Event
from exceptions import list_pages, services
from exceptions.models import DefaultView, SavedView
from exceptions.selectors.saved_views import MANAGE
from tests.cast import House
from tests.pages.conftest import SignedIn, open_cases


def keep(house: House, name: str = "amal", **given: Any) -> SavedView:
    kept = {"page": "mine", "title": "Late ones", "query": "due=overdue", "team": "", **given}
    return services.save_view(by=house.actor(name), now=clock.now(), **kept)


def titles(answer: Any) -> list[str]:
    return [view.title for view in answer.context["views"]]


def test_what_is_on_the_screen_is_saved_and_opened_again(signed_in: SignedIn, house: House) -> None:
    open_cases(house, 2)
    amal = signed_in("amal")
    form = amal.get("/views/new/mine/?state=open&cols=about&after=xyz&q=").context["form"]
    assert form.initial["query"] == "cols=about&state=open"
    answer = amal.post("/views/new/mine/", {"title": " New  ones ", "team": "", "query": form.initial["query"]})
    view = SavedView.objects.get()
    assert (view.title, view.query, view.user) == ("New ones", "cols=about&state=open", house.users["amal"])
    assert answer["Location"] == f"/queue/?cols=about&state=open&view={view.number}"
    page = amal.get(answer["Location"])
    assert page.context["filters"].state == "open"
    assert [column.name for column in page.context["columns"]] == ["due", "title", "about"]
    assert page.context["view"].is_changed is False
    assert amal.get(f"/queue/?view={view.number}")["Location"] == answer["Location"]
    assert Event.objects.get(type="view.saved").subject_id == str(view.pk)
    assert view.history.count() == 1


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"title": ""}, "Give it a name"),
        ({"title": "x" * 61}, "at most 60"),
        ({"title": "LATE ONES"}, "already"),
        ({"title": "a@b.example"}, "e-mail address"),
        ({"query": "q=a%40b.example"}, "cannot keep an e-mail address"),
        ({"query": "colour=red"}, "knows no “colour”"),
        ({"query": "q=" + "x" * 1_000}, "too many filters"),
        ({"team": "support"}, "one of your own teams"),
    ],
)
def test_what_a_view_cannot_be_is_said(house: House, given: dict[str, str], words: str) -> None:
    keep(house)
    with pytest.raises(Invalid, match=words):
        keep(house, **{"title": "Others", **given})
    assert SavedView.objects.count() == 1


def test_a_refused_name_keeps_what_was_typed(signed_in: SignedIn, house: House) -> None:
    keep(house)
    answer = signed_in("amal").post("/views/new/mine/", {"title": "late ones", "team": "", "query": "state=open"})
    assert answer.status_code == 422
    assert 'value="late ones"' in answer.content.decode()
    assert 'value="state=open"' in answer.content.decode()


def test_a_shared_view_is_seen_by_its_team_alone_and_widens_nobodys_scope(signed_in: SignedIn, house: House) -> None:
    open_cases(house, 2)
    view = keep(house, "lee", page="team", title="All of ops", query="", team="ops-team")
    keep(house, "lee", page="team", title="Only mine", query="")
    assert titles(signed_in("bo").get("/queue/team/?view=all")) == ["All of ops"]
    assert titles(signed_in("mara").get("/queue/team/?view=all")) == []
    noor = signed_in("noor")
    assert noor.get(f"/queue/team/?view={view.number}").context["page"].rows == []
    assert noor.post(f"/views/{view.number}/delete/", {"seen": view.version}).status_code == 404
    assert SavedView.objects.get(pk=view.pk).is_active


def test_a_shared_view_that_names_a_foreign_client_is_not_there(signed_in: SignedIn, house: House) -> None:
    keep(house, "lee", title="Fable late", query="client=fable", team="ops-team")
    keep(house, "lee", title="Northwind late", query="client=northwind", team="ops-team")
    assert titles(signed_in("bo").get("/queue/?view=all")) == ["Northwind late"]
    assert "Fable late" not in signed_in("bo").get("/views/").content.decode()


def test_one_is_seen_first_until_the_whole_list_is(signed_in: SignedIn, house: House) -> None:
    view = keep(house, "lee", title="Late", team="ops-team")
    amal = signed_in("amal")
    amal.post("/views/first/mine/", {"view": view.number})
    assert amal.get("/queue/")["Location"] == f"/queue/?due=overdue&view={view.number}"
    assert amal.get("/queue/?view=all").status_code == 200
    assert signed_in("bo").get("/queue/").status_code == 200
    amal.post("/views/first/mine/", {"view": ""})
    assert amal.get("/queue/").status_code == 200
    assert DefaultView.objects.get().history.count() == 2
    with pytest.raises(NotFound):
        services.set_default_view(page="mine", number=99, by=house.actor("amal"), now=clock.now())
    with pytest.raises(Invalid, match="another list"):
        services.set_default_view(page="orders", number=view.number, by=house.actor("amal"), now=clock.now())


def test_a_deleted_one_is_gone_also_as_the_first_and_its_trail_stays(signed_in: SignedIn, house: House) -> None:
    view = keep(house)
    amal = signed_in("amal")
    amal.post("/views/first/mine/", {"view": view.number})
    amal.post(f"/views/{view.number}/delete/", {"seen": view.version})
    view.refresh_from_db()
    assert (view.is_active, view.history.count()) == (False, 2)
    assert amal.get("/queue/").status_code == 200
    assert Event.objects.filter(type="view.deleted").count() == 1
    assert keep(house).title == view.title


def test_who_saved_it_and_leads_change_it_others_do_not(house: House) -> None:
    now, view = clock.now(), keep(house, team="ops-team")
    with pytest.raises(Refused, match="Save it as yours"):
        services.change_view(number=view.number, title="Mine now", team="", seen=1, by=house.actor("bo"), now=now)
    assert house.actor("lee").may(MANAGE)
    services.change_view(number=view.number, title="Late", team="ops-team", seen=1, by=house.actor("lee"), now=now)
    with pytest.raises(StaleVersion):
        services.change_view(number=view.number, title="Later", team="", seen=1, by=house.actor("amal"), now=now)
    services.change_view_query(number=view.number, query="due=1h&after=x", seen=2, by=house.actor("amal"), now=now)
    view.refresh_from_db()
    assert (view.title, view.query, view.version) == ("Late", "due=1h", 3)


def test_a_changed_address_says_so_and_can_be_kept(signed_in: SignedIn, house: House) -> None:
    view = keep(house)
    amal = signed_in("amal")
    page = amal.get(f"/queue/?due=1h&view={view.number}")
    assert page.context["view"].is_changed
    assert "Save the change" in page.content.decode()
    amal.post(f"/views/{view.number}/query/", {"seen": view.version, "query": "due=1h"})
    assert amal.get(f"/queue/?due=1h&view={view.number}").context["view"].is_changed is False


def test_the_page_lists_mine_and_shared_for_one_price(
    signed_in: SignedIn, house: House, django_assert_max_num_queries
) -> None:
    keep(house)
    keep(house, "lee", title="Ops", team="ops-team")
    keep(house, "lee", page="orders", title="Stuck", query="tab=stuck", team="ops-team")
    amal = signed_in("amal")
    with django_assert_max_num_queries(11):
        pages = {page.slug: page for page in amal.get("/views/").context["pages"]}
    assert [row.title for row in pages["mine"].mine] == ["Late ones"]
    assert [(row.title, row.may_change) for row in pages["mine"].shared] == [("Ops", False)]
    assert [row.url for row in pages["orders"].shared] == [
        f"/orders/?tab=stuck&view={SavedView.objects.get(title='Stuck').number}"
    ]


def test_orders_have_views_and_columns_too(signed_in: SignedIn, house: House) -> None:
    view = keep(house, page="orders", title="Stuck", query="cols=state&tab=stuck")
    amal = signed_in("amal")
    page = amal.get(f"/orders/?cols=state&tab=stuck&view={view.number}")
    assert [column.name for column in page.context["columns"]] == ["order", "state", "due"]
    assert page.context["view"].link.title == "Stuck"
    unknown = amal.get("/orders/?cols=colour")
    assert (unknown.status_code, "no column “colour”" in unknown.content.decode()) == (400, True)
    assert amal.get("/orders/?sate=paid").status_code == 400


def test_an_unknown_column_or_filter_shows_nothing_and_says_so(signed_in: SignedIn, house: House) -> None:
    open_cases(house, 1)
    for address, words in (("cols=colour", "no column “colour”"), ("sate=open", "knows no “sate”")):
        answer = signed_in("amal").get(f"/queue/?{address}")
        assert (answer.status_code, answer.context["page"].rows) == (400, [])
        assert words in answer.content.decode()


def test_the_file_has_the_columns_of_the_page(signed_in: SignedIn, house: House) -> None:
    cases = open_cases(house, 2)
    amal = signed_in("amal")

    def file(query: str) -> list[list[str]]:
        text = b"".join(amal.get(f"/queue/mine.csv?{query}")).decode()
        return list(csv.reader(io.StringIO(text)))

    header, *rows = file("cols=risk,backup")
    assert header == ["key", "state", "title", "backup", "at_risk", "currency", "due_at"]
    assert {row[0] for row in rows} == {case.key for case in cases}
    assert len(file("view=all")[0]) == 17
    assert amal.get("/queue/mine.csv?cols=colour").status_code == 422
    told = json.loads(b"".join(amal.get("/queue/mine.json?cols=risk,backup")))
    assert [list(row.values()) for row in told] == rows
    assert json.loads(b"".join(amal.get("/queue/mine.json?state=waiting"))) == []


def test_what_a_filter_asks_for_can_be_left_out_instead_and_the_form_keeps_it(
    signed_in: SignedIn, house: House
) -> None:
    open_cases(house, 2)
    amal = signed_in("amal")
    (chip,) = amal.get("/queue/?state=open").context["chips"]
    assert chip.instead == "state%21=open"
    page = amal.get(f"/queue/?{chip.instead}&due=2026-01-01..")
    assert (page.context["page"].count, ("state!", "open") in page.context["kept"]) == (0, True)
    assert '<option value="2026-01-01.." selected>' in page.content.decode()
    assert page.context["chips"][0].instead == "due=2026-01-01..&state=open"


def test_each_filter_that_is_on_can_be_taken_off(signed_in: SignedIn, house: House) -> None:
    page = signed_in("amal").get("/queue/?client=northwind&due=1h&cols=about")
    chips = page.context["chips"]
    assert [(chip.label, chip.value) for chip in chips] == [("Client", "Northwind Outdoor"), ("Due", "Within the hour")]
    assert QueryDict(chips[0].without).dict() == {"due": "1h", "cols": "about"}


def test_of_several_each_is_a_chip_of_its_own_and_the_form_keeps_them(signed_in: SignedIn, house: House) -> None:
    page = signed_in("amal").get("/queue/?state=open&state=waiting")
    assert [(chip.value, chip.without) for chip in page.context["chips"]] == [
        ("New", "state=waiting"),
        ("Waiting", "state=open"),
    ]
    text = page.content.decode()
    kept = [f'<input type="hidden" name="state" value="{value}">' for value in ("open", "waiting")]
    on = [f'<option value="{value}" selected>' for value in ("open", "waiting")]
    assert [text.count(one) for one in (*kept, *on)] == [1, 1, 1, 1], "the columns keep them, the menu has them on"


@pytest.mark.parametrize("count", [1, 3])
def test_the_queue_costs_the_same_with_views(
    signed_in: SignedIn, house: House, count: int, django_assert_num_queries
) -> None:
    open_cases(house, 1)
    for n in range(count):
        keep(house, title=f"View {n}")
    amal = signed_in("amal")
    with django_assert_num_queries(9):
        assert len(titles(amal.get("/queue/?state=open"))) == count


def test_every_list_is_known_once() -> None:
    assert [page.slug for page in list_pages.registered()] == ["mine", "orders", "unowned", "team"]
    with pytest.raises(ValueError, match="already registered"):
        list_pages.register(list_pages.list_page("orders"))
