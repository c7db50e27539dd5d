"""The reader of the feed on the command line: what it says, and how it ends when the feed is not to be had."""

import io
from typing import Any

import httpx2
import pytest
from django.core.management import CommandError, call_command


@pytest.fixture
def answer(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the product answers with, and what it was asked."""
    told: dict[str, Any] = {"status": 200, "asked": []}

    def get(client: httpx2.Client, address: str) -> httpx2.Response:
        told["asked"].append((address, client.headers["Authorization"]))
        page = {"results": told.get("results", []), "next": f"{address}?after=1.1", "has_more": False}
        return httpx2.Response(told["status"], json=page, request=httpx2.Request("GET", address))

    monkeypatch.setattr(httpx2.Client, "get", get)
    monkeypatch.setattr("sys.stdin", io.StringIO("hr_secret\n"))
    return told


def test_it_asks_with_the_token_it_was_given_as_input(
    answer: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("follow_exports", "--url", "https://orders.example.com/")
    assert answer["asked"] == [("https://orders.example.com/api/v1/exports", "Bearer hr_secret")]
    assert capsys.readouterr().out == ""


def test_a_feed_that_cannot_be_read_is_said_in_a_sentence(answer: dict[str, Any]) -> None:
    answer["status"] = 401
    with pytest.raises(CommandError, match=r"The feed cannot be read: .*401"):
        call_command("follow_exports", "--url", "https://orders.example.com")
