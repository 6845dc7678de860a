"""Functions of modules, and names that are given values there, are used by something else than tests."""

import ast
from collections import Counter
from collections.abc import Iterator
from typing import Final

from tests.rules.sources import MODULES, PACKAGES, Function, Module

OURS: Final = [module for module in MODULES if module.package in (*PACKAGES, "loadtests") and not module.is_migration]
FOR_RULES: Final = {"declarations"}
"""What the rules themselves ask the product for."""
CITED: Final = {"SOURCE", "CODES"}
"""Addresses of what values were taken from."""


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
