"""Draw the state machines into docs/diagrams/, from the code that runs them."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any, cast

from django.apps import apps
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db.models import Model
from django_fsm import FSMModelMixin

from audit.triggers import published_edges


def machines() -> list[type[Model]]:
    """The models whose state only transitions change."""
    stateful = [model for model in apps.get_models() if issubclass(model, FSMModelMixin)]
    return sorted(stateful, key=lambda model: model._meta.label_lower)


class Command(BaseCommand):
    """Draw the state machines."""

    help = "Draw the state machines into docs/diagrams/ (--check: only say whether they are current)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """`--check` writes nothing."""
        parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when a diagram is out of date")

    def handle(self, *args: Any, **options: Any) -> None:
        """Write what differs, or say so."""
        del args
        folder = Path(settings.BASE_DIR) / "docs" / "diagrams"
        stale = {path: text for path, text in _diagrams(folder) if not path.exists() or path.read_text() != text}
        if options["check"] and stale:
            raise CommandError(
                f"Out of date: {', '.join(path.name for path in stale)}. Run manage.py generate_diagrams."
            )
        folder.mkdir(parents=True, exist_ok=True)
        for path, text in stale.items():
            path.write_text(text)
            self.stdout.write(f"drew {path.relative_to(settings.BASE_DIR)}")


def _diagrams(folder: Path) -> list[tuple[Path, str]]:
    return [(folder / f"{model._meta.model_name}-states.md", diagram(model)) for model in machines()]


def diagram(model: type[Model]) -> str:
    """The model's machine as a page with a Mermaid diagram; labels are those people read."""
    field = model._meta.get_field("state")
    labels = dict(cast("list[tuple[str, str]]", getattr(field, "choices", [])))
    edges = published_edges(model)["state"]
    sources = {source for source, _ in edges}
    lines = [
        f"# States of {model._meta.verbose_name_plural}",
        "",
        "Drawn by `manage.py generate_diagrams` from the code; the database refuses any other way.",
        "",
        "```mermaid",
        "stateDiagram-v2",
        *(f'    state "{label}" as {value}' for value, label in labels.items()),
        f"    [*] --> {getattr(field, 'default', '')}",
        *(f"    {source} --> {target}" for source, target in edges),
        *(f"    {value} --> [*]" for value in labels if value not in sources),
        "```",
        "",
    ]
    return "\n".join(lines)
