"""The client is light, knows nothing of the server, and is installed alone."""

import ast
import os
import subprocess
import sys
import tomllib
from pathlib import Path

from tests.rules.sources import MODULES, PACKAGES, ROOT

FOLDER = ROOT / "client"
OURS = [module for module in MODULES if module.package == "client"]
ALONE = """
import sys
from importlib.metadata import packages_distributions
given = {name for name in sys.modules}
allowed = {"httpx", "httpcore", "anyio", "certifi", "h11", "idna", "sniffio", "typing_extensions", "maestro_client"}
allowed |= {*sys.stdlib_module_names, *sys.builtin_module_names, *(name.partition(".")[0] for name in given)}

class Forbidden:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] not in allowed:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Forbidden())
import maestro_client, maestro_client.__main__, maestro_client.adapters
maestro_client.run().abandon()
"""


def imported(tree: ast.Module) -> set[str]:
    """The top-level names that a module imports."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add((node.module or "").partition(".")[0])
    return found


def test_the_client_imports_the_standard_library_and_httpx_alone() -> None:
    assert len(OURS) > 20
    names = set().union(*(imported(module.tree) for module in OURS))
    assert names - {*sys.stdlib_module_names} == {"httpx", "maestro_client"}


def test_the_server_imports_nothing_of_the_client() -> None:
    theirs = [one for one in MODULES if one.package in PACKAGES and "maestro_client" in one.text]
    assert [module.name for module in theirs if "maestro_client" in imported(module.tree)] == []


def test_it_starts_in_a_process_that_has_nothing_else(tmp_path: Path) -> None:
    env = {**os.environ, "PYTHONPATH": str(FOLDER)}
    done = subprocess.run(
        [sys.executable, "-c", ALONE], cwd=tmp_path, env=env, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_the_distribution_is_one_package_and_needs_httpx_alone() -> None:
    project = tomllib.loads((FOLDER / "pyproject.toml").read_text())
    assert project["tool"]["flit"]["module"]["name"] == "maestro_client"
    assert {module.name.split("/")[1] for module in OURS} == {"maestro_client"}
    assert project["project"]["dependencies"] == ["httpx>=0.28"]
    server = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert project["project"]["version"] == server["project"]["version"]
    assert "httpx>=0.28" in server["project"]["dependencies"], "tests run the client with the server's httpx"
