"""Second factors in a real browser: an app, and a passkey of Chromium's virtual authenticator."""

import time

import pytest
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from playwright.sync_api import Page

from tests.browser.conftest import Visitor, violations
from tests.cast import PASSWORD

pytestmark = pytest.mark.browser


def again(page: Page) -> None:
    page.fill("#id_password", PASSWORD)
    page.click("main button.primary")
    page.wait_for_load_state()  # a passkey's button does nothing before its script is there


def sign_out(page: Page) -> None:
    page.click("text=Sign out >> nth=-1")
    page.wait_for_url("**/signin/")


def test_an_app_without_javascript(visit: Visitor) -> None:
    page = visit("amal", "/settings/security/", width=390, javascript=False)
    page.click("text=Set up an app")
    again(page)
    secret = page.inner_text("#totp_key")
    counter = int(time.time()) // 30
    page.fill("#id_code", str(format_hotp_value(hotp_value(secret, counter))))
    page.click("text=Turn on")
    assert page.locator("#codes li").count() == 10
    page.context.clear_cookies()
    page.goto("/signin/")
    page.fill("#id_username", "amal")
    page.fill("#id_password", PASSWORD)
    page.click("form button.primary")
    assert page.inner_text("h1") == "One more step"
    page.fill("#id_code", str(format_hotp_value(hotp_value(secret, counter + 1))))
    page.click("form button.primary")
    page.wait_for_url("**/queue/")


def test_a_passkey_lets_in_alone_and_as_the_second_factor(visit: Visitor) -> None:
    page = visit("amal", scheme="dark")
    page.wait_for_url("**/queue/")
    devtools = page.context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    devtools.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    page.goto("/settings/security/passkeys/add/")
    again(page)
    page.fill("#id_name", "My laptop")
    page.click("#passkey_add")
    page.wait_for_url("**/settings/security/codes/")
    assert violations(page) == []
    page.goto("/settings/security/")
    assert page.locator("text=My laptop").count() == 1
    assert violations(page) == []
    sign_out(page)
    page.click("#passkey_login")
    page.wait_for_url("**/queue/")
    sign_out(page)
    page.fill("#id_username", "amal")
    page.fill("#id_password", PASSWORD)
    page.click("form button.primary")
    page.wait_for_url("**/signin/code/")
    assert violations(page) == []
    page.click("#passkey_authenticate")
    page.wait_for_url("**/queue/")
