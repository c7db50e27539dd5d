"""Every setting there is, is documented; and every one that is documented is read."""

import ast
import json
import re
from collections.abc import Iterator

import pytest
from django.core.management import call_command

from tests.shared import ROOT

READERS = {"env", "addresses"}
# Who asks the environment itself: the reader, the supervisor (whose children inherit it all), and who names the settings module.
ALLOWED = {"config/env.py", "config/embedded/supervisor.py", "config/celery.py", "config/wsgi.py"}


def _sources() -> Iterator[tuple[str, ast.Module]]:
    for app in ("config", "orders", "exceptions", "rules", "audit"):
        for file in sorted((ROOT / app).rglob("*.py")):
            text = file.read_text()
            if "env" in text:
                yield str(file.relative_to(ROOT)), ast.parse(text)


def _read() -> set[str]:
    names = set()
    for _, tree in _sources():
        for node in ast.walk(tree):
            match node:
                case ast.Call(
                    func=ast.Attribute(value=ast.Name(id=reader), attr=kind), args=[ast.Constant(value=str(name)), *_]
                ) if reader in READERS:
                    parts = ("_ISSUER", "_CLIENT_ID", "_CLIENT_SECRET", "_LABEL") if kind == "openid_connect" else ("",)
                    names |= {name + part for part in parts}
    return names


def _documented() -> set[str]:
    settings = (ROOT / "docs" / "operations.md").read_text().partition("## Settings")[2].partition("\n## ")[0]
    rows = [line.split("|")[1] for line in settings.splitlines() if line.startswith("| `")]
    return {name for row in rows for name in re.findall(r"`([A-Z_]+)`", row)}


def test_the_settings_that_are_read_are_the_settings_that_are_documented() -> None:
    assert _read() == _documented()


def test_every_command_says_in_a_line_what_it_does_and_is_in_the_guide(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("ops_help", "--json")
    found = {item["command"]: item["does"] for item in json.loads(capsys.readouterr().out)["items"]}
    assert [name for name, does in found.items() if not does or "\n" in does] == []
    guide = (ROOT / "docs" / "commands.md").read_text()
    assert [name for name in found if not re.search(rf"`{name}\b|`manage.py {name}\b", guide)] == []


def test_nobody_else_reads_the_environment() -> None:
    asking = {name for name, tree in _sources() if any(_asks(node) for node in ast.walk(tree))}
    assert asking <= ALLOWED


def _asks(node: ast.AST) -> bool:
    return isinstance(node, ast.Attribute) and node.attr in {"environ", "getenv"}
