"""The blocks of the guide to the client, run against a server: each logs what its text says."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.client.conftest import Server, points, told
from tests.docs.test_docs import DOCS, blocks_of

DECORATED, BLOCK, MODELS = (
    block.text for block in blocks_of(DOCS / "guides" / "training.md") if block.language == "python"
)


@pytest.fixture
def here(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the guide has in the shell: an address, a key, and a folder to work in."""
    monkeypatch.setenv("MAESTRO_URL", server.url)
    monkeypatch.setenv("MAESTRO_API_KEY", server.key)
    monkeypatch.chdir(tmp_path)


async def logged(server: Server, text: str) -> list[dict[str, Any]]:
    await asyncio.to_thread(exec, text, {"__name__": "guide"})
    return await server.runs()


@pytest.mark.usefixtures("here")
async def test_the_decorated_function_is_logged(server: Server) -> None:
    (found,) = await logged(server, DECORATED)
    assert (found["status"], found["experiment"]) == ("FINISHED", {"name": "mlp", "path": "/vision"})
    assert told(found, "params") == {"learning_rate": 0.01, "layers.hidden": 64, "epochs": 3}
    assert points(found) == {
        "loss": [(0, 1.0), (1, 0.5), (2, 1 / 3)],
        "accuracy{split=val}": [(0, 0.0), (1, 0.1), (2, 0.2)],
        "score": [(3, 0.9)],
    }


@pytest.mark.usefixtures("here")
async def test_the_block_is_logged(server: Server) -> None:
    (found,) = await logged(server, BLOCK)
    assert (found["name"], found["status"]) == ("by hand", "FINISHED")
    assert told(found, "params") == {"optimizer.name": "adam", "optimizer.lr": 0.001}
    assert [step for step, _ in points(found)["loss"]] == [0, 1, 2, 3, 4]


@pytest.mark.usefixtures("here")
async def test_models_and_files_are_saved(server: Server) -> None:
    first, second = await logged(server, MODELS)
    saved = [
        {one["artifact"]["name"]: (one["number"], one["entries"][0]["path"]) for one in run["outputs"]}
        for run in (first, second)
    ]
    assert saved == [
        {"digits": (1, "model.pkl")},
        {"report.md": (1, "report.md"), "digits": (2, "weights.txt")},
    ]
