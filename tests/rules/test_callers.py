"""Functions of modules, names that are given values there, and methods, are used by something else than tests."""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from typing import Final

from tests.rules.sources import FILES, MODULES, PACKAGES, ROOT, Function, Module

OURS: Final = [module for module in MODULES if module.package in (*PACKAGES, "loadtests") and not module.is_migration]
FOR_RULES: Final = {"declarations"}
"""What the rules themselves ask the product for."""
CITED: Final = {"SOURCE", "CODES"}
"""Addresses of what values were taken from."""
LOOKED_INTO: Final = ("connectors", "ops", "maestro")
"""Where methods are looked at: elsewhere most of them are called by frameworks."""
FOR_LIBRARIES: Final = {
    "auth_flow",  # httpx asks it for each request
    "clear_sliding_window",  # limits' protocol of a storage has it
    "formatMessage",  # logging asks a formatter for it
    *("generate_span_id", "generate_trace_id", "is_trace_id_random"),  # OpenTelemetry asks a generator of ids
    "get_backoff_time",  # azure-core asks it between two attempts
    # asyncio tells a protocol so, and httptools the one for whom it parses
    *("connection_made", "data_received", "connection_lost"),
    *("on_message_begin", "on_headers_complete", "on_body", "on_message_complete"),
}
"""Methods that only libraries call, which are given objects of ours."""
_EXAMPLE: Final = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)


def used(module: Module) -> Iterator[str]:
    """What a module names, also by texts: of modules that are imported by name, of fields, of commands."""
    for node in ast.walk(module.tree):
        match node:
            case ast.Name():
                yield node.id
            case ast.Attribute():
                yield node.attr
            case ast.alias():
                yield node.name.rpartition(".")[2]
            case ast.Constant(value=str(text)):
                yield from text.replace(":", " ").replace(".", " ").split()


def made(module: Module) -> Iterator[tuple[str, int]]:
    """The names that a module makes, with how often making them names them; what is decorated is used by that."""
    for node in module.tree.body:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() if not node.decorator_list:
                yield node.name, recursions(node)
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
                yield name, 1


def recursions(function: Function) -> int:
    return sum(isinstance(node, ast.Name) and node.id == function.name for node in ast.walk(function))


def test_whatever_a_module_makes_is_used_by_something_else_than_tests() -> None:
    counts = Counter(name for module in OURS for name in used(module))
    unused = [
        f"{module.name}: {name}"
        for module in OURS
        for name, own in made(module)
        if counts[name] <= own and name not in FOR_RULES | CITED and not name.startswith("__")
    ]
    assert unused == []


def asked_of_objects(tree: ast.AST) -> Iterator[str]:
    """What a text asks of objects, also by names in texts, as `getattr` does."""
    for node in ast.walk(tree):
        match node:
            case ast.Attribute():
                yield node.attr
            case ast.Constant(value=str(text)) if text.isidentifier():
                yield text


def examples() -> Iterator[ast.Module]:
    """The examples of the pages: what programs are told to call is not for tests alone."""
    for name in FILES:
        if name.startswith("docs/") and name.endswith(".md"):
            yield from map(ast.parse, _EXAMPLE.findall((ROOT / name).read_text(encoding="utf-8")))


def methods(module: Module) -> Iterator[str]:
    """The names of the public methods of a module's classes, those of protocols too."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.ClassDef):
            for one in node.body:
                if isinstance(one, Function) and not one.name.startswith("_"):
                    yield one.name


def test_every_public_method_is_called_by_something_else_than_tests() -> None:
    counts = Counter(
        name for tree in (*(module.tree for module in OURS), *examples()) for name in asked_of_objects(tree)
    )
    # What goes on to a method of the same name, as classes do that stand before others, is no use of it.
    for function in (function for module in OURS for function in module.functions()):
        counts[function.name] -= sum(name == function.name for name in asked_of_objects(function))
    unused = {
        f"{module.name}: {name}"
        for module in OURS
        if module.package in LOOKED_INTO
        for name in methods(module)
        if counts[name] <= 0 and name not in FOR_LIBRARIES
    }
    assert unused == set()


def test_what_libraries_call_is_still_there() -> None:
    assert {name for module in OURS for name in methods(module)} >= FOR_LIBRARIES
