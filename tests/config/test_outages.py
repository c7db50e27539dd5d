"""Whoever asks while the database is away is told to come again, in the form they can read."""

import pytest
from django.test import Client as Browser


@pytest.fixture
def browser() -> Browser:
    return Browser(raise_request_exception=False, headers={"accept-language": "de", "x-request-id": "req-1"})


@pytest.mark.parametrize("path", ["/api/v1/events", "/api/v1/hooks/shop"])
@pytest.mark.usefixtures("away")
def test_a_sender_is_told_to_send_again(browser: Browser, path: str) -> None:
    answer = browser.post(
        path, "{}", content_type="application/cloudevents+json", headers={"x-handrail-system": "shop"}
    )
    assert (answer.status_code, answer["Content-Type"]) == (503, "application/problem+json")
    assert int(answer["Retry-After"]) >= 1
    assert answer.json() == {
        "type": "/problems/unavailable/",
        "title": "Not now",
        "status": 503,
        "detail": "The database does not answer.",
        "instance": path,
        "trace_id": "req-1",
    }


@pytest.mark.parametrize(("path", "kind"), [("/orders/", "text/html"), ("/api/v1/orders", "application/problem+json")])
@pytest.mark.usefixtures("away")
def test_so_is_a_person_whose_session_cannot_be_read(browser: Browser, path: str, kind: str) -> None:
    browser.cookies["session"] = "k" * 32
    answer = browser.get(path)
    assert (answer.status_code, answer["Content-Type"].partition(";")[0]) == (503, kind)
    assert answer["Retry-After"]
    if kind == "text/html":
        page = answer.content.decode()
        assert "Im Moment nicht erreichbar" in page
        assert "app.css" in page
        assert "default-src 'none'" in answer["Content-Security-Policy"]


def test_what_we_did_wrong_is_said_in_the_same_two_ways(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ArithmeticError

    monkeypatch.setattr("orders.sync.api.selectors.system_named", fail)
    monkeypatch.setattr("config.probes.JsonResponse", fail)
    answer = browser.post(
        "/api/v1/events", "{}", content_type="application/json", headers={"x-handrail-system": "shop"}
    )
    assert (answer.status_code, answer.json()["type"]) == (500, "/problems/internal-error/")
    page = browser.get("/healthz")
    assert page.status_code == 500
    assert "Something broke on our side" in page.content.decode()
