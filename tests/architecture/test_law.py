"""The shape of the program, checked like any other behaviour."""

import ast
import subprocess
import sys
from statistics import quantiles

import pytest
from django.apps import apps
from django.db.migrations.loader import MigrationLoader

from tests.architecture.source import EDGES, ROOT, all_sources, called_names, functions, sources

LAYER = {"audit": 0, "rules": 1, "exceptions": 2, "sync": 3, "fulfilment": 4, "campaigns": 4, "config": 5}
FILE_LINES, FUNCTION_LINES, FUNCTION_LINES_P90, TEST_FILE_LINES, TEMPLATE_LINES = 400, 50, 25, 600, 150


def test_the_layers_hold() -> None:
    linter = [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"]
    done = subprocess.run(linter, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:]


def test_foreign_keys_point_down() -> None:
    """import-linter cannot see `models.ForeignKey("app.Model")`; the registry can."""
    upward = [
        f"{model._meta.label}.{field.name} -> {field.related_model._meta.label}"
        for label in LAYER
        for model in apps.get_app_config(label).get_models()
        for field in model._meta.get_fields()
        if field.is_relation and not field.auto_created and field.related_model
        if LAYER.get(field.related_model._meta.app_label, -1) > LAYER[label]
    ]
    assert upward == []


def test_migrations_depend_downwards() -> None:
    loader = MigrationLoader(None)
    upward = [
        (key, parent)
        for key, migration in (loader.disk_migrations or {}).items()
        if key[0] in LAYER
        for parent in migration.dependencies
        if LAYER.get(parent[0], -1) > LAYER[key[0]]
    ]
    assert upward == []


PROCESSES = {
    "thread",
    "server",
    "sandbox",
    "process",
    "postgres",
    "redis",
    "cluster",
    "ended",
}  # these start and wait too


def _transition_names() -> set[str]:
    return {
        edge.name
        for model in apps.get_models()
        for field in model._meta.concrete_fields
        if hasattr(field, "get_all_transitions")
        for edge in field.get_all_transitions(model)
    }


def _called_on_a_record(node: ast.AST, names: set[str], not_records: set[str]) -> bool:
    """`case.resolve()` is a record's transition; what was imported or is defined in the same module is no record."""
    if not (
        isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in names - not_records
    ):
        return False
    owner = node.func.value
    return isinstance(owner, ast.Name) and owner.id not in not_records


def _named_here(tree: ast.Module) -> set[str]:
    """Imports and functions of a module."""
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    imported = {alias.asname or alias.name for node in imports for alias in node.names}
    return imported | {function.name for function in functions(tree)}


def test_only_services_call_transitions() -> None:
    names = _transition_names()
    assert len(names) > 10
    calls = [
        f"{source.path}:{getattr(node, 'lineno', 0)}"
        for source in sources(*EDGES, "selectors")
        for not_records in [_named_here(source.tree) | PROCESSES]
        for node in ast.walk(source.tree)
        if _called_on_a_record(node, names, not_records)
    ]
    assert calls == []


def test_tasks_are_thin() -> None:
    fat = [
        f"{source.path}:{function.name}"
        for source in sources("tasks")
        for function in functions(source.tree)
        if _statements(function) > 3
    ]
    assert fat == []


def _statements(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    documented = isinstance(function.body[0], ast.Expr) and isinstance(function.body[0].value, ast.Constant)
    return len(function.body) - documented


def test_services_take_keywords_only() -> None:
    """At most what it is about may come without its name."""
    positional = {
        f"{source.path}:{node.name}"
        for source in sources("services")
        for node in source.tree.body
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_") and len(node.args.args) > 1
    }
    public = {name for name in positional if _is_public(name)}
    assert public == set()


def _is_public(name: str) -> bool:
    """Whether the app's `services` offers the function to others; what helps inside the package may be called as it likes."""
    path, _, function = name.partition(":")
    package = ROOT / path.split("services")[0] / "services" / "__init__.py"
    return not package.exists() or function in package.read_text()


def test_public_services_are_documented() -> None:
    silent = [
        f"{source.path}:{node.name}"
        for source in sources("services")
        for node in source.tree.body
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_") and not ast.get_docstring(node)
    ]
    assert silent == []


def test_nothing_is_told_by_signals() -> None:
    told = [
        source.path
        for source in all_sources()
        for node in ast.walk(source.tree)
        if isinstance(node, ast.ImportFrom)
        and node.module
        and (node.module.endswith("models.signals") or node.module == "django.dispatch")
    ]
    assert told == []


def test_one_service_writes_to_other_systems() -> None:
    """Whatever they are told has a provenance, a change token and an idempotency key: only delivery can forget them.

    A test of the connection tells nothing of any record, so it has no change.
    """
    reaching = {"httpx2", "http", "urllib", "requests", "socket"}
    writers = {
        source.path
        for source in sources("services")
        for node in ast.walk(source.tree)
        for name in _imported(node)
        if name.partition(".")[0] in reaching and name != "urllib.parse"
    }
    assert writers == {"orders/sync/services/exchanging.py"}
    users = {source.path for source in sources("services") if "exchanging.exchange(" in ast.unparse(source.tree)}
    assert users == {"orders/sync/services/delivering.py", "orders/sync/services/calling.py"}


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.ImportFrom):
        return [node.module or ""]
    return [alias.name for alias in node.names] if isinstance(node, ast.Import) else []


@pytest.mark.parametrize("argument", ["countdown", "eta"])
def test_no_message_carries_a_time(argument: str) -> None:
    """Timers are rows: a message that waits in a broker is lost or doubled."""
    timed = [
        f"{source.path}:{node.lineno}"
        for source in all_sources()
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Call) and any(keyword.arg == argument for keyword in node.keywords)
    ]
    assert timed == []


def test_no_model_orders_by_default() -> None:
    """A hidden ORDER BY is paid by every query and decides nothing anyone can see."""
    ordered = [
        model._meta.label
        for label in LAYER
        for model in apps.get_app_config(label).get_models()
        if model._meta.ordering and not model._meta.label_lower.split(".")[1].startswith("historical")
    ]
    assert ordered == []


def test_edges_ask_selectors_not_tables() -> None:
    asked = [
        f"{source.path}:{node.lineno}"
        for source in sources("views", "api", "resources")
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Attribute) and node.attr == "objects"
    ]
    assert asked == []


def test_only_edges_read_the_clock() -> None:
    """Services are given `now`, so that a test, a replay and a simulation can be at any time."""
    reading = [
        f"{source.path}:{line}"
        for source in sources(
            "services", "models", "decisions", "engine", "rulebook", "business_time", "facts", "ladders"
        )
        for line, name in called_names(source.tree)
        if name in {"now", "utcnow", "today"}
    ]
    assert reading == []


def test_files_and_functions_stay_within_budget() -> None:
    long_files = {
        str(path.relative_to(ROOT)): lines
        for top in ("audit", "rules", "exceptions", "orders", "config")
        for path in (ROOT / top).rglob("*.py")
        if "migrations" not in path.parts and (lines := len(path.read_text().splitlines())) > FILE_LINES
    }
    lengths = {
        f"{source.path}:{function.name}": (function.end_lineno or 0) - function.lineno + 1
        for source in all_sources()
        for function in functions(source.tree)
    }
    long_functions = {name: lines for name, lines in lengths.items() if lines > FUNCTION_LINES}
    assert (long_files, long_functions) == ({}, {})
    assert quantiles(lengths.values(), n=10)[-1] <= FUNCTION_LINES_P90


def test_tests_and_templates_stay_within_budget() -> None:
    long_tests = [
        str(path) for path in (ROOT / "tests").rglob("*.py") if len(path.read_text().splitlines()) > TEST_FILE_LINES
    ]
    long_pages = [
        str(path)
        for path in (ROOT / "templates").rglob("*.html")
        if len(path.read_text().splitlines()) > TEMPLATE_LINES
    ]
    assert (long_tests, long_pages) == ([], [])
