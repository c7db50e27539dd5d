"""Write who may do what into docs/permissions.md, from the grants every door asks."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from audit.access import ALL_PERMISSIONS, GRANTS, Role
from rules.selectors.people import HOUSE_ROLES

PAGE = "permissions.md"
GRANTED, NOT_GRANTED = "yes", "no"


class Command(BaseCommand):
    """Write the permission matrix."""

    help = "Write the permission matrix into docs/permissions.md (--check: only say whether it is current)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """`--check` writes nothing."""
        parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when the page is out of date")

    def handle(self, *args: Any, **options: Any) -> None:
        """Write the page if it differs, or say so."""
        del args
        path, text = Path(settings.BASE_DIR) / "docs" / PAGE, matrix()
        if path.exists() and path.read_text() == text:
            return
        if options["check"]:
            raise CommandError(f"Out of date: {PAGE}. Run manage.py generate_permissions.")
        path.write_text(text)
        self.stdout.write(f"wrote {path.relative_to(settings.BASE_DIR)}")


def matrix() -> str:
    """Roles across, permissions down, grouped by the part of the product they open."""
    lines = [
        "# Who may do what",
        "",
        "Written by `manage.py generate_permissions` from `audit.access.GRANTS`, which every page, API call, admin form and command asks.",
        "A role is a group of the same name; who holds several may do what any of them may. Every refusal is in the trail.",
        "",
        _row("", *(role.value.replace("_", " ") for role in Role)),
        _row("---", *("---" for _ in Role)),
        _row("sees", *("every client" if role in HOUSE_ROLES else "clients given" for role in Role)),
        *(_row(f"`{permission}`", *_marks(permission)) for permission in sorted(ALL_PERMISSIONS)),
        "",
    ]
    return "\n".join(lines)


def _marks(permission: str) -> list[str]:
    return [GRANTED if permission in GRANTS[role] else NOT_GRANTED for role in Role]


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"
