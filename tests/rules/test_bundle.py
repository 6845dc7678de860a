import shutil
from pathlib import Path

import pytest

from tests.fixtures.node import install, npm, require_node
from tests.rules.sources import FILES, ROOT

SOURCE, BUILT = "app/graphiql/", "app/static/graphiql/"
PURPOSE = "the query editor is not rebuilt"


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
    require_node(PURPOSE)
    install(sources, PURPOSE, "--ignore-scripts=false")
    built = npm(sources, "run", "build")
    assert built.returncode == 0, built.stderr
    committed = {name.removeprefix(BUILT): (ROOT / name).read_bytes() for name in FILES if name.startswith(BUILT)}
    output = sources.parent / "static" / "graphiql"
    fresh = {str(path.relative_to(output)): path.read_bytes() for path in output.rglob("*") if path.is_file()}
    assert fresh.keys() == committed.keys()
    assert [name for name, content in fresh.items() if content != committed[name]] == []
