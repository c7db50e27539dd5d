"""What is answered when nothing can be: pages of our own under our policy, made without the database."""

from typing import Any

import pytest
from django.test import Client as Browser

from tests.doors import POLICY, policy_of


def broken(*_: Any, **__: Any) -> None:
    raise RuntimeError("out of order")


def test_every_error_has_a_page_of_its_own_without_the_database(monkeypatch: pytest.MonkeyPatch) -> None:
    browser = Browser(raise_request_exception=False, enforce_csrf_checks=True)
    monkeypatch.setattr("config.api.reference.render", broken)
    answers = {
        "The request cannot be understood": (400, browser.get("/signin/", headers={"host": "elsewhere.example"})),
        "Your session may have ended": (403, browser.post("/signin/", {"username": "lee"})),
        "There is nothing here": (404, browser.get("/nowhere/")),
        "Something broke on our side": (500, browser.get("/problems/")),
    }
    seen: dict[str, Any] = {
        words: (answer.status_code, words in answer.content.decode(), policy_of(answer), b"<style" in answer.content)
        for words, (_, answer) in answers.items()
    }
    assert seen == {words: (status, True, POLICY, False) for words, (status, _) in answers.items()}
