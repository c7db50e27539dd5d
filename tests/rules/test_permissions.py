"""The matrix in docs says what the doors ask: no more, no less, no older."""

import pytest
from django.core.management import CommandError, call_command

from audit import access
from audit.access import GRANTS, Role
from rules.management.commands.generate_permissions import matrix


def rows() -> dict[str, dict[str, str]]:
    table = [line.strip("| ").split(" | ") for line in matrix().splitlines() if line.startswith("| `")]
    return {cells[0].strip("`"): dict(zip(Role, cells[1:], strict=True)) for cells in table}


def test_the_matrix_in_docs_is_current() -> None:
    try:
        call_command("generate_permissions", check=True)
    except CommandError as stale:
        pytest.fail(str(stale))


def test_every_role_is_said_to_have_exactly_what_it_is_granted() -> None:
    said = {role: {name for name, marks in rows().items() if marks[role] == "yes"} for role in Role}
    assert said == {role: set(granted) for role, granted in GRANTS.items()}


def test_a_grant_that_is_not_in_docs_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(access.GRANTS, Role.SUPPORT, GRANTS[Role.SUPPORT] | {"exceptions.decide_waiver"})
    with pytest.raises(CommandError, match=r"Out of date: permissions\.md"):
        call_command("generate_permissions", check=True)
