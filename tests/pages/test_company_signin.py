"""The company's own sign-in, against a provider that speaks real HTTP."""

import base64
import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from allauth.socialaccount.models import SocialAccount
from django.core.exceptions import ImproperlyConfigured
from django.test import Client as Browser

from audit.models import Event, RefusalTally, User
from config import addresses
from tests.cast import House

CLAIMS: dict[str, Any] = {}


class Provider(BaseHTTPRequestHandler):
    """Discovery, token and userinfo; whoever comes is who `CLAIMS` says."""

    def do_GET(self) -> None:
        here = f"http://{self.headers['Host']}"
        if self.path == "/.well-known/openid-configuration":
            names = ("authorization", "token", "userinfo")
            self._answer(
                {"issuer": here, "jwks_uri": f"{here}/jwks"} | {f"{one}_endpoint": f"{here}/{one}" for one in names}
            )
        else:
            assert self.headers["Authorization"] == "Bearer opened"
            self._answer(CLAIMS)

    def do_POST(self) -> None:
        given = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        assert given["code"] == ["given"]
        assert given["code_verifier"]
        claims = CLAIMS | {
            "iss": f"http://{self.headers['Host']}",
            "aud": "handrail",
            "exp": 4102444800,
            "iat": 1700000000,
        }
        parts = [
            base64.urlsafe_b64encode(json.dumps(one).encode()).rstrip(b"=").decode()
            for one in ({"alg": "none"}, claims)
        ]
        self._answer({"access_token": "opened", "token_type": "Bearer", "id_token": f"{'.'.join(parts)}."})

    def _answer(self, document: dict[str, Any]) -> None:
        body = json.dumps(document).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Silent."""


@pytest.fixture
def provider(settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Provider)
    Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    for name, value in {"ISSUER": address, "CLIENT_ID": "handrail", "CLIENT_SECRET": "s3cret", "LABEL": "Acme"}.items():
        monkeypatch.setenv(f"HANDRAIL_OIDC_{name}", value)
    settings.SOCIALACCOUNT_PROVIDERS = addresses.openid_connect("HANDRAIL_OIDC")
    yield address
    server.shutdown()
    server.server_close()


def through(claims: dict[str, Any]) -> tuple[Browser, Any]:
    CLAIMS.clear()
    CLAIMS.update(claims)
    browser = Browser()
    away = browser.get("/signin/sso/company/")["Location"]
    state = parse_qs(urlsplit(away).query)["state"][0]
    return browser, browser.get(f"/signin/sso/company/callback/?code=given&state={state}")


AMAL = {"sub": "u-1", "email": "Amal@handrail.example", "email_verified": True}


def test_nothing_is_shown_where_nothing_is_configured(house: House) -> None:
    assert "/signin/sso/" not in Browser().get("/signin/").content.decode()
    assert Browser().get("/signin/sso/company/").status_code == 404


def test_a_vouched_address_finds_the_account_and_the_next_time_the_subject_does(house: House, provider: str) -> None:
    assert ">Acme</a>" in Browser().get("/signin/").content.decode()
    browser, answer = through(AMAL)
    assert (answer.status_code, answer["Location"]) == (302, "/")
    assert browser.get("/queue/").status_code == 200
    assert SocialAccount.objects.get().extra_data == {}
    browser, _ = through(AMAL | {"email": "changed@handrail.example"})
    assert browser.get("/queue/").status_code == 200
    told = Event.objects.filter(subject_type="audit.user").order_by("seq").values_list("type", flat=True)
    assert list(told) == ["factor.linked", "person.signed_in", "person.signed_in"]


@pytest.mark.parametrize(
    "claims",
    [
        AMAL | {"email_verified": False},
        AMAL | {"email_verified": "true"},
        {"sub": "u-1"},
        {"sub": "u-2", "email": "boss@elsewhere.example", "email_verified": True, "groups": ["admin"]},
    ],
)
def test_nobody_else_comes_in_and_nobody_is_made(house: House, provider: str, claims: dict[str, Any]) -> None:
    before = User.objects.count()
    browser, answer = through(claims)
    assert answer["Location"] == "/signin/"
    assert "Nobody here has that address." in browser.get("/signin/").content.decode()
    assert browser.get("/queue/").status_code == 302
    assert User.objects.count() == before
    assert not SocialAccount.objects.exists()
    assert RefusalTally.objects.get(code="sso-nobody").count == 1


def test_two_accounts_with_one_address_let_nobody_in(house: House, provider: str) -> None:
    User.objects.filter(username="bo").update(email="amal@handrail.example")
    assert through(AMAL)[1]["Location"] == "/signin/"


def test_a_deactivated_account_stays_out(house: House, provider: str) -> None:
    through(AMAL)
    User.objects.filter(username="amal").update(is_active=False)
    browser, answer = through(AMAL)
    assert answer["Location"] == "/signin/"
    assert browser.get("/queue/").status_code == 302


def test_a_foreign_state_or_a_refusal_leads_back(house: House, provider: str) -> None:
    for query in ("code=given&state=forged", "error=access_denied"):
        assert Browser().get(f"/signin/sso/company/callback/?{query}")["Location"] == "/signin/"
    assert RefusalTally.objects.get(code="sso-failed").count >= 1


def test_a_provider_that_is_down_leads_back(house: House, provider: str, settings) -> None:
    settings.SOCIALACCOUNT_PROVIDERS["openid_connect"]["APPS"][0]["settings"]["server_url"] = "http://127.0.0.1:9"
    assert Browser().get("/signin/sso/company/")["Location"] == "/signin/"


@pytest.mark.parametrize(
    "given",
    [{"ISSUER": "https://id.example"}, {"ISSUER": "http://id.example", "CLIENT_ID": "a", "CLIENT_SECRET": "b"}],
)
def test_half_a_configuration_stops_the_start(monkeypatch: pytest.MonkeyPatch, given: dict[str, str]) -> None:
    for name, value in given.items():
        monkeypatch.setenv(f"HANDRAIL_OIDC_{name}", value)
    with pytest.raises(ImproperlyConfigured):
        addresses.openid_connect("HANDRAIL_OIDC")
