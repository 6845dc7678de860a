"""A decorated function becomes a run: params, metrics, model and end."""

import asyncio
import hashlib
import pickle
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from maestro_client import Client, Run, TrackingError, current_run, run, track
from tests.client.conftest import Server, points, told


@dataclass
class Optimizer:
    name: str
    lr: float


async def test_params_metrics_and_the_end_of_a_function_are_logged(server: Server, client: Client) -> None:
    @track(client=client, project="Digits", experiment="/vision/mlp", name="wide", tags={"team": "vision"})
    def train(data: list[object], optimizer: Optimizer, *, epochs: int = 3, run: Run) -> dict[str, Any]:
        for epoch in range(epochs):
            run.log({"loss": 1 / (epoch + 1), "accuracy": epoch / 10}, step=epoch)
        return {"score": 0.5, "note": "not a number"}

    result = await asyncio.to_thread(train, [object()], Optimizer("adam", 0.01), epochs=2)
    found = await server.run()
    assert result == {"score": 0.5, "note": "not a number"}
    assert (found["project"]["name"], found["experiment"]) == ("Digits", {"name": "mlp", "path": "/vision"})
    assert (found["name"], found["status"], told(found, "tags")) == ("wide", "FINISHED", {"team": "vision"})
    assert told(found, "params") == {"optimizer.name": "adam", "optimizer.lr": 0.01, "epochs": 2}
    assert points(found) == {
        "loss": [(0, 1.0), (1, 0.5)],
        "accuracy": [(0, 0.0), (1, 0.1)],
        "score": [(2, 0.5)],
    }


async def test_where_a_training_runs_is_told_without_being_asked(server: Server, client: Client) -> None:
    with_run = await asyncio.to_thread(train_in_a_block, client)
    found = await server.run()
    assert found["id"] == with_run.id
    assert len(found["source"]["commit"]) == 40
    assert found["environment"]["python"].startswith("3.")
    assert {"host", "platform", "pid", "cpus", "packages"} < found["environment"].keys()


def train_in_a_block(client: Client) -> Run:
    with run(client, project="Digits", experiment="mlp") as it:
        current_run().log({"loss": 1.0})
    return it


async def test_a_block_is_a_run_and_the_current_one_ends_with_it(server: Server, client: Client) -> None:
    await asyncio.to_thread(train_in_a_block, client)
    assert points(await server.run()) == {"loss": [(0, 1.0)]}
    with pytest.raises(TrackingError, match="No run goes on here"):
        current_run()


async def test_an_exception_ends_the_run_as_failed_with_its_text_and_is_raised_unchanged(
    server: Server, client: Client
) -> None:
    trouble = ValueError("the loss is gone")

    @track(client=client)
    def train(run: Run) -> None:
        run.log({"loss": 1.0})
        raise trouble

    with pytest.raises(ValueError, match="the loss is gone") as raised:
        await asyncio.to_thread(train)
    found = await server.run()
    assert raised.value is trouble
    assert (found["status"], found["statusReason"]) == ("FAILED", "ValueError: the loss is gone")
    assert (found["project"]["name"], found["experiment"]["name"]) == ("Default", "train")
    assert points(found) == {"loss": [(0, 1.0)]}


async def test_an_interrupted_run_is_killed(server: Server, client: Client) -> None:
    @track(client=client)
    def train() -> None:
        raise KeyboardInterrupt

    def interrupted() -> None:
        with pytest.raises(KeyboardInterrupt):
            train()

    await asyncio.to_thread(interrupted)
    found = await server.run()
    assert (found["status"], found["statusReason"]) == ("KILLED", "Somebody has interrupted it (KeyboardInterrupt).")


async def test_async_functions_are_tracked_and_leave_the_loop_to_others(server: Server, client: Client) -> None:
    @track(client=client)
    async def train(lr: float) -> dict[str, float]:
        current_run().log({"loss": lr})
        await asyncio.sleep(0)
        return {"score": 1.0}

    assert await train(0.5) == {"score": 1.0}
    found = await server.run()
    assert (found["status"], told(found, "params")) == ("FINISHED", {"lr": 0.5})
    assert points(found) == {"loss": [(0, 0.5)], "score": [(1, 1.0)]}


async def test_a_cancelled_task_ends_its_run_as_killed(server: Server, client: Client) -> None:
    @track(client=client)
    async def train(begun: asyncio.Event) -> None:
        begun.set()
        await asyncio.sleep(60)

    begun = asyncio.Event()
    task = asyncio.create_task(train(begun))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await server.run())["status"] == "KILLED"


def test_a_generator_is_refused_where_it_is_decorated() -> None:
    with pytest.raises(TypeError, match="A generator has no one call"):

        @track()
        def train() -> Iterator[int]:
            yield 1


async def test_runs_in_two_threads_keep_apart(server: Server, client: Client) -> None:
    @track(client=client, project="Digits")
    def train(offset: int) -> None:
        for step in range(200):
            current_run().log({"value": offset + step})

    await asyncio.gather(asyncio.to_thread(train, 0), asyncio.to_thread(train, 1000))
    found = {told(one, "params")["offset"]: points(one)["value"] for one in await server.runs()}
    assert found == {offset: [(step, offset + step) for step in range(200)] for offset in (0, 1000)}
    assert {one["experiment"]["name"] for one in await server.runs()} == {"train"}


async def test_params_and_tags_can_be_added_and_series_of_one_name_have_contexts(
    server: Server, client: Client
) -> None:
    def train() -> None:
        with run(client) as it:
            it.log_params({"batch": {"size": 32}, "api_key": "never shown"})
            it.set_tags({"seed": 7})
            it.log({"loss": 2.0}, step=4, context={"split": "val"})
            it.log({"loss": 1.0})
            it.log({"odd": float("nan"), "huge": float("inf")})

    await asyncio.to_thread(train)
    found = await server.run()
    assert (told(found, "params"), told(found, "tags")) == ({"batch.size": 32}, {"seed": "7"})
    seen = points(found)
    assert (seen["loss{split=val}"], seen["loss"]) == ([(4, 2.0)], [(5, 1.0)])
    assert (seen["odd"], seen["huge"]) == ([(6, None)], [(6, None)])
    last = {series["name"]: series["lastNonFinite"] for series in found["series"]}
    assert (last["odd"], last["huge"], last["loss"]) == ("NaN", "Infinity", None)


async def test_a_returned_model_becomes_a_version_of_an_artifact_and_of_a_model(server: Server, client: Client) -> None:
    @track(client=client, project="Digits", save_model="pickle", model="digits", register="digits-classifier")
    def train() -> tuple[list[int], dict[str, float]]:
        return [1, 2, 3], {"accuracy": 0.9}

    await asyncio.to_thread(train)
    found = await server.run()
    (version,) = found["outputs"]
    content = pickle.dumps([1, 2, 3])
    assert version == {
        "number": 1,
        "state": "COMMITTED",
        "artifact": {"name": "digits", "type": "model"},
        "entries": [{"path": "model.pkl", "sha256": hashlib.sha256(content).hexdigest()}],
    }
    assert points(found) == {"accuracy": [(0, 0.9)]}
    models = await server.ask("{ models { nodes { name versions { nodes { number sourceRun { id } } } } } }")
    assert models["models"]["nodes"] == [
        {"name": "digits-classifier", "versions": {"nodes": [{"number": 1, "sourceRun": {"id": found["id"]}}]}}
    ]


async def test_a_function_saves_a_model_as_it_likes_and_files_are_copied_at_once(
    server: Server, client: Client, tmp_path: Path
) -> None:
    report = tmp_path / "report.txt"

    def save(model: str, folder: Path) -> None:
        (folder / "weights").mkdir()
        (folder / "weights" / "0.bin").write_text(model)

    def train() -> None:
        with run(client) as it:
            report.write_text("first")
            it.log_file(report)
            report.write_text("second")
            it.log_file(report)
            it.log_model("weights", save=save)

    await asyncio.to_thread(train)
    outputs = (await server.run())["outputs"]
    found = {(one["artifact"]["name"], one["number"]): one["entries"] for one in outputs}
    assert found == {
        ("report.txt", 1): [{"path": "report.txt", "sha256": hashlib.sha256(b"first").hexdigest()}],
        ("report.txt", 2): [{"path": "report.txt", "sha256": hashlib.sha256(b"second").hexdigest()}],
        ("model", 1): [{"path": "weights/0.bin", "sha256": hashlib.sha256(b"weights").hexdigest()}],
    }
    assert list((tmp_path / "unsent").rglob("*.*")) == [], "copies are removed when they have arrived"


async def test_a_run_sees_that_it_is_asked_to_stop(server: Server, client: Client) -> None:
    def train() -> int:
        with run(client) as it:
            it.flush()
            loop.call_soon_threadsafe(begun.set)
            for step in range(10_000):
                it.log({"loss": 1.0})
                it.flush()
                if it.is_stop_requested:
                    return step
        return -1

    loop, begun = asyncio.get_running_loop(), asyncio.Event()
    training = asyncio.create_task(asyncio.to_thread(train))
    await begun.wait()
    found = await server.run()
    await server.ask("mutation ($id: ID!) { requestStop(id: $id) { id } }", id=found["id"])
    assert await training >= 0


async def test_a_key_that_only_logs_is_enough_where_ids_are_given(
    server: Server, logging_key: str, tmp_path: Path
) -> None:
    made = await server.ask(
        'mutation { createProject(input: {name: "Digits"}) { ... on ProjectSaved { project { id } } } }'
    )
    project = made["createProject"]["project"]["id"]
    poor = Client(server.url, logging_key, unsent=tmp_path)

    @track(client=poor, project=project, experiment="mlp", save_model="pickle")
    def train(run: Run) -> str:
        run.log({"loss": 1.0})
        return "a model"

    for _ in range(2):
        await asyncio.to_thread(train)
    first, second = await server.runs()
    assert [one["status"] for one in (first, second)] == ["FINISHED", "FINISHED"]
    assert first["experiment"] == second["experiment"]
    assert [one["number"] for one in (*first["outputs"], *second["outputs"])] == [1, 2]
