"""The product's files, as Git knows them, for the rules that every one of them has to keep."""

import ast
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("app", "connectors", "dataloaders", "execution", "jobs", "maestro", "ops", "resolvers", "schema")
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Module:
    """A module of Python: `name` is its path from the root."""

    name: str

    @cached_property
    def text(self) -> str:
        return (ROOT / self.name).read_text()

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)

    @property
    def package(self) -> str:
        return self.name.partition("/")[0]

    @property
    def is_test(self) -> bool:
        return Path(self.name).name.startswith("test_")

    @property
    def is_migration(self) -> bool:
        return self.name.startswith("maestro/db/migrations/versions/")

    def functions(self) -> Iterator[Function]:
        return (node for node in ast.walk(self.tree) if isinstance(node, Function))


def files() -> list[str]:
    """Paths from the root of what is committed or about to be: everything that Git does not ignore."""
    listed = subprocess.check_output(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, text=True
    )
    return sorted(name for name in set(listed.split("\0")) if name and (ROOT / name).is_file())


FILES = files()
MODULES = [Module(name) for name in FILES if name.endswith(".py")]
