"""Several commands in one process."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command


def test_commands_run_in_their_order_until_one_fails() -> None:
    said = StringIO()
    with pytest.raises(CommandError, match="nosuch"):
        call_command("in_turn", "diffsettings --all", "check --tag models", "nosuch", "check --tag urls", stdout=said)
    settings, checks = said.getvalue().split("System check identified no issues (0 silenced).")
    assert "ROOT_URLCONF" in settings
    assert checks.strip() == ""
