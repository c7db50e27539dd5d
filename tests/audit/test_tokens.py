"""Audit tokens: genuine or not, by us and by strangers."""

import json
import stat
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from uuid import UUID

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.test import Client, override_settings
from joserfc.jwk import OKPKey

from audit import signing
from audit.context import Actor
from audit.errors import TokenInvalid
from audit.identifiers import uuid7
from audit.selectors.tokens import TokenFacts, verify_token
from audit.services.events import record
from audit.services.tokens import issue_token
from audit.subject_refs import SubjectRef

SUBJECT = SubjectRef("audit.actor", "7")
SCRIPT = Path(__file__).resolve().parents[2] / "docs" / "verify_token.py"


def token_for(event_id: UUID, now: datetime) -> str:
    return issue_token(subject=SUBJECT, record_hash="ab" * 32, event_id=event_id, now=now)


def test_a_token_says_what_it_points_to(now: datetime) -> None:
    event_id = uuid7()
    with override_settings(PUBLIC_URL="https://ops.example"):
        token = token_for(event_id, now)
    assert verify_token(token) == TokenFacts("audit.actor", "7", "ab" * 32, event_id, now, "https://ops.example")


def test_no_changed_byte_passes(now: datetime) -> None:
    token = token_for(uuid7(), now)
    for place in range(0, len(token), 7):
        changed = token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]
        with pytest.raises(TokenInvalid):
            verify_token(changed)


@pytest.mark.parametrize("text", ["", "a.b.c", "a.b", "ey.ey.ey", "..", "\x00", "🙂" * 50])
def test_nonsense_is_no_token(text: str) -> None:
    with pytest.raises(TokenInvalid):
        verify_token(text)


def test_another_kind_of_signed_statement_is_no_token() -> None:
    with pytest.raises(TokenInvalid):
        verify_token(signing.sign('{"sub":"a/b"}', kind="handrail-seal"))


def test_a_token_without_signature_is_refused(now: datetime) -> None:
    _, payload, _ = token_for(uuid7(), now).split(".")
    with pytest.raises(TokenInvalid):
        verify_token(f"eyJhbGciOiJub25lIn0.{payload}.")


def test_the_key_is_made_once_and_only_for_this_user(data_dir: Path) -> None:
    first = signing.public_keys()
    file = data_dir / "keys" / "signing-keys.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert signing.public_keys() == first
    assert "d" not in first["keys"][0]


def test_what_an_old_key_signed_stays_valid_after_rotation(now: datetime) -> None:
    old = token_for(uuid7(), now)
    call_command("rotate_signing_key")
    assert verify_token(old)
    assert verify_token(token_for(uuid7(), now))
    keys = signing.public_keys()["keys"]
    assert len({key["kid"] for key in keys}) == 2
    assert all("d" not in key for key in keys)


def test_a_key_from_the_environment_signs_and_a_wrong_one_is_named(now: datetime) -> None:
    given = json.dumps(OKPKey.generate_key("Ed25519").as_dict(private=True))
    with override_settings(SIGNING_KEY=given):
        assert verify_token(token_for(uuid7(), now))
        with pytest.raises(ImproperlyConfigured, match="HANDRAIL_SIGNING_KEY"):
            signing.rotate()
    with override_settings(SIGNING_KEY="secret"), pytest.raises(ImproperlyConfigured, match="has to be an Ed25519 key"):
        signing.sign("{}", kind="x")
    public = json.dumps(OKPKey.import_key(json.loads(given)).as_dict(private=False))
    with override_settings(SIGNING_KEY=public), pytest.raises(ImproperlyConfigured, match="private Ed25519"):
        signing.sign("{}", kind="x")


def test_a_stranger_verifies_with_the_published_keys_alone(now: datetime, tmp_path: Path, client: Client) -> None:
    token = token_for(uuid7(), now)
    answer = client.get("/.well-known/jwks.json")
    assert answer.status_code == 200
    jwks = tmp_path / "jwks.json"
    jwks.write_bytes(answer.content)

    def run(text: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, str(SCRIPT), text, str(jwks)], capture_output=True, text=True, check=False
        )

    genuine = run(token)
    assert genuine.returncode == 0
    assert '"record_sha256":"abab' in genuine.stdout
    header, payload, signature = token.split(".")
    changed = run(f"{header}.{payload[:-2]}{'A' if payload[-2] != 'A' else 'B'}{payload[-1]}.{signature}")
    assert changed.returncode == 1
    assert "NOT VALID" in changed.stderr


def test_the_command_also_looks_the_event_up(as_system: Actor, now: datetime, tmp_path: Path) -> None:
    known = tmp_path / "token.txt"
    known.write_text(token_for(record("access.refused", subject=SUBJECT), now))
    call_command("verify_token", str(known))
    with pytest.raises(SystemExit) as refused:
        call_command("verify_token", token_for(uuid7(), now))
    assert refused.value.code == 1
