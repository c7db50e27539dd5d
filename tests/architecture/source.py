"""The program's own text, for the tests that read it."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
APPS = ("audit", "rules", "exceptions", "orders/sync", "orders/fulfilment", "orders/campaigns")
EDGES = ("views", "api", "resources", "tasks", "management", "registrations", "admin", "forms", "serializers", "tables")


class Source(NamedTuple):
    """One module: its path below the root, and its tree."""

    path: str
    tree: ast.Module


@cache
def _parsed(path: Path) -> Source:
    return Source(str(path.relative_to(ROOT)), ast.parse(path.read_text()))


def all_sources() -> list[Source]:
    """Every module of the product, without migrations."""
    found = [
        path for top in ("audit", "rules", "exceptions", "orders", "config") for path in (ROOT / top).rglob("*.py")
    ]
    return [_parsed(path) for path in sorted(found) if "migrations" not in path.parts]


def sources(*modules: str) -> Iterator[Source]:
    """The named modules of every app, each a file or a package of that name."""
    for app in APPS:
        for module in modules:
            single = ROOT / app / f"{module}.py"
            package = ROOT / app / module
            yield from map(_parsed, [single] if single.exists() else sorted(package.rglob("*.py")))


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Every function in it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def called_names(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and attribute name of every method call in it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            yield node.lineno, node.func.attr
