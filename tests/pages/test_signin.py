"""Coming in: passwords, codes, guessing, sessions, and what the trail keeps of it."""

import re
import time
from datetime import timedelta

import pytest
import time_machine
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.test import Client as Browser

from audit import clock
from audit.models import Event, RefusalTally
from rules import services
from tests.cast import PASSWORD, House
from tests.pages.conftest import SignedIn

SIGN_IN, SECURITY, SESSIONS, APP = "/signin/", "/settings/security/", "/settings/sessions/", "/settings/security/app/"


def code_of(secret: str, *, steps: int = 0) -> str:
    return str(format_hotp_value(hotp_value(secret, int(time.time()) // 30 + steps)))


def give(
    name: str, password: str = PASSWORD, *, browser: Browser | None = None, address: str = "198.51.100.7"
) -> tuple:
    browser = browser or Browser(REMOTE_ADDR=address)
    return browser, browser.post(SIGN_IN, {"login": name, "password": password})


def came_in(name: str, **more) -> Browser:
    browser, answer = give(name, **more)
    assert (answer.status_code, answer["Location"]) == (302, "/")
    return browser


def show_it_is_you(browser: Browser, path: str) -> None:
    answer = browser.get(path)
    assert answer["Location"] == f"/signin/again/?next={path.replace('/', '%2F')}"
    assert "type your password once more" in browser.get(answer["Location"]).content.decode()
    assert browser.post(answer["Location"], {"password": PASSWORD, "next": path})["Location"] == path


def set_up_app(browser: Browser) -> str:
    show_it_is_you(browser, APP)
    page = browser.get(APP)
    secret = str(page.context["form"].secret)
    assert page.context["totp_svg_data_uri"].startswith("data:image/svg+xml;base64,")
    assert browser.post(APP, {"code": code_of(secret)})["Location"] == "/settings/security/codes/"
    return secret


def kept(house: House, name: str) -> list[str]:
    account = str(house.users[name].pk)
    found = Event.objects.filter(subject_type="audit.user", subject_id=account).order_by("seq")
    return list(found.values_list("type", flat=True))


def test_a_password_lets_in_and_the_trail_keeps_coming_and_going(house: House) -> None:
    browser = came_in("amal")
    assert browser.get("/queue/").status_code == 200
    assert browser.post("/signout/")["Location"] == SIGN_IN
    assert browser.get("/queue/").status_code == 302
    assert kept(house, "amal") == ["person.signed_in", "person.signed_out"]
    assert UserSession.objects.count() == 0


def test_next_stays_at_home(house: House) -> None:
    for asked, led in (("/orders/", "/orders/"), ("https://evil.example/", "/"), ("//evil.example", "/")):
        answer = Browser().post(SIGN_IN, {"login": "amal", "password": PASSWORD, "next": asked})
        assert answer["Location"] == led


def test_a_wrong_password_and_an_unknown_name_read_the_same(house: House) -> None:
    pages = [give(name, "wrong")[1] for name in ("amal", "nobody")]
    assert [page.status_code for page in pages] == [422, 422]
    for page in pages:
        assert "That username and password do not match." in page.content.decode()
    assert RefusalTally.objects.get(code="wrong-password").count == 2


def test_guessing_has_to_wait_longer_and_longer_and_is_told(house: House) -> None:
    at = clock.now()
    with time_machine.travel(at, tick=False):
        for _ in range(5):
            assert give("amal", "wrong")[1].status_code == 422
        answer = give("amal")[1]
        assert (answer.status_code, answer["Retry-After"]) == (429, "30")
        assert "Too many tries. Try again in 30 seconds." in answer.content.decode()
        assert kept(house, "amal") == ["person.locked_out"]
        assert RefusalTally.objects.get(code="waiting").count == 1
        assert give("AMAL ")[1].status_code == 429
        assert give("bo")[1].status_code == 302
        assert give("amal", address="203.0.113.9")[1].status_code == 302
    with time_machine.travel(at + timedelta(seconds=31), tick=False):
        assert give("amal", "wrong")[1].status_code == 422
        assert give("amal")[1]["Retry-After"] == "60"
    with time_machine.travel(at + timedelta(seconds=92), tick=False):
        assert give("amal")[1].status_code == 302
        assert give("amal", "wrong")[1].status_code == 422


def test_from_many_addresses_an_account_never_waits_long(house: House) -> None:
    with time_machine.travel(clock.now(), tick=False):
        for n in range(25):
            give("amal", "wrong", address=f"198.51.100.{n}")
        assert give("amal", address="203.0.113.1")[1]["Retry-After"] == "30"


def test_one_address_does_not_try_all_accounts(house: House) -> None:
    with time_machine.travel(clock.now(), tick=False):
        for n in range(50):
            assert give(f"person{n}", "wrong")[1].status_code == 422
        assert give("person99", "wrong")[1].status_code == 429
    assert RefusalTally.objects.get(code="address-locked").count == 1
    assert not Event.objects.filter(type="person.locked_out").exists()


def test_an_app_is_set_up_and_asked_for(house: House) -> None:
    browser = came_in("amal")
    secret = set_up_app(browser)
    codes = [str(code) for code in browser.get("/settings/security/codes/").context["unused_codes"]]
    assert len(codes) == 10
    stored = "".join(str(one.data) for one in Authenticator.objects.all())
    assert secret not in stored
    other, answer = give("amal")
    assert answer["Location"] == "/signin/code/"
    assert other.get("/queue/").status_code == 302
    assert other.post("/signin/code/", {"code": "000000"}).status_code == 200
    code = code_of(secret, steps=1)
    assert other.post("/signin/code/", {"code": code})["Location"] == "/"
    assert other.get("/queue/").status_code == 200
    third, _ = give("amal")
    refused = third.post("/signin/code/", {"code": code})
    assert "used already" in refused.content.decode() or "not right" in refused.content.decode()
    assert third.post("/signin/code/", {"code": codes[0]})["Location"] == "/"
    told = kept(house, "amal")
    assert told[:3] == ["person.signed_in", "factor.added", "access.refused"]
    bodies = "".join(Event.objects.values_list("body", flat=True))
    assert not any(word in bodies for word in (secret, PASSWORD, code, codes[0]))
    ways = Event.objects.filter(type="person.signed_in").order_by("-at").first()
    assert ways is not None
    assert '"ways":["password","recovery_codes"]' in ways.body


def test_a_code_is_taken_once_even_when_the_cache_is_gone(house: House) -> None:
    from django.core.cache import cache  # noqa: PLC0415 -- only this test needs it

    secret = set_up_app(came_in("amal"))
    code = code_of(secret, steps=1)
    assert give("amal")[0].post("/signin/code/", {"code": code})["Location"] == "/"
    cache.clear()
    assert "used already" in give("amal")[0].post("/signin/code/", {"code": code}).content.decode()


def test_guessing_codes_has_to_wait(house: House) -> None:
    set_up_app(came_in("amal"))
    browser, _ = give("amal")
    for _ in range(5):
        browser.post("/signin/code/", {"code": "000000"})
    assert "Too many tries." in browser.post("/signin/code/", {"code": "000000"}).content.decode()
    assert "person.locked_out" in kept(house, "amal")


def test_turning_off_asks_again_and_is_kept(house: House) -> None:
    browser = came_in("amal")
    set_up_app(browser)
    assert browser.post("/settings/security/app/off/")["Location"] == SECURITY
    assert not Authenticator.objects.exists()
    assert kept(house, "amal")[-2:] == ["factor.added", "factor.removed"]
    assert give("amal")[1]["Location"] == "/"


def test_nobody_signs_up_and_no_other_page_of_the_library_is_there(house: House) -> None:
    for path in ("/signup/", "/accounts/signup/", "/signin/signup/", "/password/reset/", "/email/", "/3rdparty/"):
        assert Browser().get(path).status_code == 404


def test_sessions_are_listed_and_others_ended(house: House) -> None:
    here = came_in(
        "amal", browser=Browser(HTTP_USER_AGENT="Mozilla/5.0 (X11; Linux x86_64) Chrome/126.0 Safari/537.36")
    )
    there = came_in("amal", address="203.0.113.9")
    stranger = came_in("bo")
    page = here.get(SESSIONS).content.decode()
    assert "Chrome · Linux" in page
    assert "203.0.113.9" in page
    assert page.count(">this one<") == 1
    assert "198.51.100.7" not in page
    assert "Signed out at 1 other place." in here.post(SESSIONS, follow=True).content.decode()
    assert (here.get("/queue/").status_code, there.get("/queue/").status_code) == (200, 302)
    assert stranger.get("/queue/").status_code == 200
    assert kept(house, "amal")[-1] == "person.sessions_ended"


def test_when_a_session_was_seen_is_written_once_a_minute(house: House) -> None:
    at = clock.now()
    with time_machine.travel(at, tick=False):
        browser = came_in("amal")
        browser.get("/queue/")
    for seconds, seen in ((30, 0), (61, 61), (70, 61), (122, 122)):
        with time_machine.travel(at + timedelta(seconds=seconds), tick=False):
            browser.get("/queue/")
        assert UserSession.objects.get().last_seen_at == at + timedelta(seconds=seen)


def test_ones_own_password_takes_the_old_one_and_ends_the_other_sessions(house: House) -> None:
    here, there = came_in("amal"), came_in("amal")
    path, new = "/settings/security/password/", "a walk along the river"
    assert path in here.get(SECURITY).content.decode()
    wrong = here.post(path, {"oldpassword": "not it", "password1": "short", "password2": new})
    assert (wrong.status_code, {"oldpassword", "password1"} <= wrong.context["form"].errors.keys()) == (422, True)
    changed = here.post(path, {"oldpassword": PASSWORD, "password1": new, "password2": new})
    assert (changed.status_code, changed["Location"]) == (302, SECURITY)
    assert (here.get(SECURITY).status_code, there.get(SECURITY).status_code) == (200, 302)
    assert kept(house, "amal")[-2:] == ["person.password_changed", "person.sessions_ended"]
    assert give("amal")[1].status_code == 422
    came_in("amal", password=new)


def test_who_does_nothing_is_signed_out_and_a_page_that_asks_by_itself_does_nothing(house: House, settings) -> None:
    settings.IDLE_MINUTES = 30
    with time_machine.travel("2026-11-21T09:00:00Z", tick=False) as clock_face:
        browser = came_in("amal")
        assert browser.get(SECURITY).status_code == 200
        clock_face.shift(timedelta(minutes=29))
        assert browser.get(SECURITY).status_code == 200
        clock_face.shift(timedelta(minutes=29))
        assert browser.get(SECURITY, headers={"HX-Request": "true"}).status_code == 200
        clock_face.shift(timedelta(minutes=2))
        away = browser.get(SECURITY)
        assert (away.status_code, away["Location"]) == (302, f"{SIGN_IN}?next={SECURITY}")
        browser = came_in("amal")
        settings.IDLE_MINUTES = 0
        clock_face.shift(timedelta(hours=5))
        assert browser.get(SECURITY).status_code == 200


def test_an_admin_ends_sessions_and_shuts_out(signed_in: SignedIn, house: House) -> None:
    kim, amal = signed_in("kim"), came_in("amal")
    person = house.users["amal"]
    chosen = {"_selected_action": [str(person.pk)], "action": "end_sessions"}
    assert signed_in("lee").post("/admin/audit/user/", chosen).status_code in {302, 403}
    assert amal.get("/queue/").status_code == 200
    assert "1 session ended." in kim.post("/admin/audit/user/", chosen, follow=True).content.decode()
    assert amal.get("/queue/").status_code == 302
    again = came_in("amal")
    off = kim.post(f"/admin/audit/user/{person.pk}/change/", {}, follow=True)
    assert "What they answered for needs somebody else" in off.content.decode()
    person.refresh_from_db()
    assert not person.is_active
    assert again.get("/queue/").status_code == 302
    assert UserSession.objects.filter(user=person).count() == 0
    assert give("amal")[1].status_code == 422
    assert kept(house, "amal")[-2:] == ["person.deactivated", "person.sessions_ended"]


def test_an_admin_takes_lost_factors_away(signed_in: SignedIn, house: House) -> None:
    set_up_app(came_in("amal"))
    chosen = {"_selected_action": [str(house.users["amal"].pk)], "action": "remove_factors"}
    signed_in("kim").post("/admin/audit/user/", chosen)
    assert give("amal")[1]["Location"] == "/"


@pytest.mark.parametrize("path", ["/queue/", "/admin/", "/orders/"])
def test_a_role_that_asks_for_a_second_factor(signed_in: SignedIn, house: House, settings, path: str) -> None:
    settings.REQUIRE_MFA_ROLES = ["admin", "ops_lead"]
    kim = signed_in("kim")
    assert kim.get(path)["Location"] == SECURITY
    assert "Your role asks for a second factor." in kim.get(SECURITY).content.decode()
    assert signed_in("amal").get("/queue/").status_code == 200
    refusal = Event.objects.filter(type="access.refused").order_by("-at").first()
    assert refusal is not None
    assert f"GET {path}" in refusal.body


def test_the_api_asks_for_the_second_factor_too(signed_in: SignedIn, house: House, settings) -> None:
    settings.REQUIRE_MFA_ROLES = ["admin"]
    answer = signed_in("kim").get("/api/v1/orders")
    assert (answer.status_code, answer["Content-Type"]) == (403, "application/problem+json")
    set_up_app(kim := came_in("kim"))
    assert kim.get("/api/v1/orders").status_code == 200
    assert kim.get("/queue/").status_code == 200


def test_the_admin_has_no_door_of_its_own(house: House) -> None:
    assert Browser().get("/admin/login/")["Location"].startswith(settings.LOGIN_URL)
    answer = Browser().post("/admin/login/", {"username": "kim", "password": PASSWORD})
    assert answer["Location"].startswith(settings.LOGIN_URL)


def test_the_admin_shows_no_keys(signed_in: SignedIn, house: House) -> None:
    page = signed_in("kim").get("/admin/").content.decode()
    assert not re.search(r"/admin/(mfa|usersessions|account|socialaccount)/", page)


def test_nobody_ends_the_sessions_of_others(house: House) -> None:
    from audit.errors import Refused  # noqa: PLC0415 -- only this test needs it

    with pytest.raises(Refused, match=r"rules\.manage_people"):
        services.end_sessions(person=house.users["amal"], by=house.actor("lee"), now=clock.now())
