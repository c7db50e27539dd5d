"""Which commands there are."""

from typing import Any, Final

from django.apps import apps
from django.core.management import get_commands, load_command_class

from audit.management.report import Report, ReportCommand

OURS: Final = ("audit", "config", "exceptions", "orders", "rules")


class Command(ReportCommand):
    """One line for each command of the product, by the part that has it."""

    help = "List the product's own commands, one line each; COMMAND --help says more."
    requires_system_checks = ()

    def report(self, **_: Any) -> Report:
        """What each is for, in its own words."""
        ours = {config.name for config in apps.get_app_configs() if config.name.partition(".")[0] in OURS}
        found = sorted((app, name) for name, app in get_commands().items() if app in ours)
        items = [
            {"part": app.rpartition(".")[2], "command": name, "does": load_command_class(app, name).help}
            for app, name in found
        ]
        return Report(ok=True, summary={"commands": len(items)}, items=items)

    def as_text(self, report: Report) -> str:
        """By part, without the head of a report."""
        width, lines = max(len(item["command"]) for item in report.items), []
        for part in dict.fromkeys(item["part"] for item in report.items):
            mine = [item for item in report.items if item["part"] == part]
            lines += [f"[{part}]", *(f"  {item['command']:<{width}}  {item['does']}" for item in mine), ""]
        return "\n".join(lines).rstrip()
