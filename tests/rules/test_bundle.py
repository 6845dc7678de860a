import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.rules.sources import FILES, ROOT

SOURCE, BUILT = "app/graphiql/", "app/static/graphiql/"
NODE = (20, 19)
NO_NETWORK = re.compile(r"code (ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ERR_SOCKET_TIMEOUT)")


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    """A copy of what the bundle is built from."""
    for name in FILES:
        if name.startswith(SOURCE):
            copy = tmp_path / name
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, copy)
    return tmp_path / SOURCE


def test_the_committed_query_editor_is_what_its_sources_build(sources: Path) -> None:
    require_node()
    installed = npm(sources, "ci", "--no-progress", "--prefer-offline", "--fetch-retries=0", "--ignore-scripts=false")
    if NO_NETWORK.search(installed.stderr):
        pytest.skip("npm cannot reach its registry, so the query editor is not rebuilt")
    assert installed.returncode == 0, installed.stderr
    built = npm(sources, "run", "build")
    assert built.returncode == 0, built.stderr
    committed = {name.removeprefix(BUILT): (ROOT / name).read_bytes() for name in FILES if name.startswith(BUILT)}
    output = sources.parent / "static" / "graphiql"
    fresh = {str(path.relative_to(output)): path.read_bytes() for path in output.rglob("*") if path.is_file()}
    assert fresh.keys() == committed.keys()
    assert [name for name, content in fresh.items() if content != committed[name]] == []


def require_node() -> None:
    node = shutil.which("node")
    if node is None or shutil.which("npm") is None:
        pytest.skip("Node and npm are not installed, so the query editor is not rebuilt")
    version = subprocess.check_output([node, "--version"], text=True).strip()
    if tuple(map(int, version.removeprefix("v").split(".")[:2])) < NODE:
        pytest.skip(f"Node {version} is older than the query editor's build needs")


def npm(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    command: Sequence[str] = ["npm", *arguments]
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False, env={**os.environ, "CI": "1"}, timeout=300
    )
