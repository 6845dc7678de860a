import ast
from collections.abc import Iterator
from pathlib import Path

from tests.rules.sources import MODULES, Module

INSIDE_A_FUNCTION: dict[str, str] = {
    "connectors/documents/frames.py": "pandas takes two seconds to import, and few want tables of it",
    "connectors/stores/locations.py": "the driver of S3 takes a second to import, and most servers never need it",
}
"""Modules that may import inside a function, and why."""

BROAD: dict[str, str] = {
    "resolvers/auditing.py": "records every failure of a mutation, and raises it again",
    "app/errands/child.py": "whatever an errand raises is its answer",
    "maestro/queue/running.py": "whatever a job raises is how it ends, and is written into its row",
    "client/maestro_client/safely.py": "nothing that goes wrong in logging may end somebody's training",
}
"""The boundaries at which every error is caught, and why; three at most in the server, one in the client."""
MOST_BROAD = 3


def inner_imports(module: Module) -> Iterator[int]:
    for function in module.functions():
        yield from (node.lineno for node in ast.walk(function) if isinstance(node, ast.Import | ast.ImportFrom))


def broad_handlers(module: Module) -> Iterator[int]:
    for node in ast.walk(module.tree):
        if isinstance(node, ast.ExceptHandler) and is_broad(node.type):
            yield node.lineno
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("suppress") and any(map(is_broad, node.args)):
            yield node.lineno


def is_broad(caught: ast.expr | None) -> bool:
    if caught is None:
        return True
    names = caught.elts if isinstance(caught, ast.Tuple) else [caught]
    return any(isinstance(name, ast.Name) and name.id in {"Exception", "BaseException"} for name in names)


def test_nothing_is_imported_inside_a_function() -> None:
    found = {module.name: lines for module in MODULES if (lines := sorted(set(inner_imports(module))))}
    assert {name: lines for name, lines in found.items() if name not in INSIDE_A_FUNCTION} == {}
    assert [name for name in INSIDE_A_FUNCTION if name not in found] == [], "the list names modules that do not need it"


def test_every_error_is_caught_at_the_named_boundaries_only() -> None:
    found = {module.name: lines for module in MODULES if (lines := sorted(broad_handlers(module)))}
    assert {name: lines for name, lines in found.items() if name not in BROAD} == {}
    assert [name for name in BROAD if name not in found] == [], "the list names modules that do not need it"
    assert len([name for name in BROAD if not name.startswith("client/")]) <= MOST_BROAD


def test_the_rule_sees_bare_broad_grouped_and_suppressed_errors(tmp_path: Path) -> None:
    text = """
try: pass
except: pass
try: pass
except (OSError, Exception): pass
with contextlib.suppress(BaseException): pass
try: pass
except OSError: pass
"""
    (tmp_path / "sample.py").write_text(text)
    assert list(broad_handlers(Module(str(tmp_path / "sample.py")))) == [3, 5, 6]
