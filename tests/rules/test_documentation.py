import ast
import re
from collections.abc import Iterator

from maestro.settings import Settings
from tests.rules.sources import MODULES, Function, Module

DOCUMENTED = ("maestro", "resolvers", "ops", "connectors", "dataloaders", "client")


def opening(module: Module) -> str:
    return (ast.get_docstring(module.tree) or "").partition("\n")[0]


def undocumented_functions(module: Module) -> Iterator[str]:
    """Names of public functions without a docstring; ruff looks after classes and modules."""
    for node in module.tree.body:
        if isinstance(node, Function) and not node.name.startswith("_") and not ast.get_docstring(node):
            yield f"{module.name}:{node.lineno} {node.name}"


def test_every_module_opens_with_one_sentence_that_says_what_it_is() -> None:
    assert [
        module.name for module in MODULES if not module.is_test and not re.fullmatch(r"\S.{8,}[.]", opening(module))
    ] == []


def test_every_public_function_below_the_schema_has_a_docstring() -> None:
    ours = [module for module in MODULES if module.package in DOCUMENTED and not module.is_migration]
    assert [name for module in ours for name in undocumented_functions(module)] == []


def test_every_setting_has_a_description_that_is_a_sentence() -> None:
    descriptions = {name: field.description or "" for name, field in Settings.model_fields.items()}
    assert len(descriptions) > 10
    assert [name for name, text in descriptions.items() if not re.fullmatch(r"[A-Z].{8,}[.]", text)] == []
