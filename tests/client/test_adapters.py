"""Callbacks of frameworks: of LightGBM and XGBoost in their own trainings, of others by how they are called."""

import asyncio
import os
import subprocess
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from maestro_client import Client, Run, run
from maestro_client.adapters import keras_callback, lightning_logger, transformers_callback
from maestro_client.adapters.hooks import Hooks, among
from tests.client.conftest import Server, points, told
from tests.fixtures.emulators import environment
from tests.rules.sources import ROOT

Points = dict[str, list[tuple[int, float | None]]]
TRAINING = ROOT / "tests" / "emulators" / "boosting.py"


@pytest.fixture(scope="module")
def python() -> Path:
    """Python with LightGBM and XGBoost."""
    return environment("boosting") / "python"


async def test_lightgbm_and_xgboost_log_what_each_iteration_is_evaluated_to(
    server: Server, python: Path, tmp_path: Path
) -> None:
    env = {name: value for name, value in os.environ.items() if not name.startswith("MAESTRO_")}
    env |= {"PYTHONPATH": str(ROOT / "client"), "MAESTRO_URL": server.url, "MAESTRO_API_KEY": server.key}
    done = await asyncio.to_thread(
        subprocess.run, [python, TRAINING], cwd=tmp_path, env=env, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    light, extreme = await server.runs()
    assert [one["experiment"]["name"] for one in (light, extreme)] == ["light", "extreme"]
    assert [told(one, "params") for one in (light, extreme)] == [{"learning_rate": 0.1}, {"max_depth": 3}]
    assert {"lightgbm", "xgboost", "numpy"} <= light["environment"]["packages"].keys()
    found = points(light)
    assert [step for step, _ in found["l2{split=val}"]] == [0, 1, 2, 3, 4]
    assert found["trees"] == [(5, 5.0)]
    errors = [value or 0 for _, value in points(extreme)["rmse{split=val}"]]
    assert errors == sorted(errors, reverse=True)
    assert len(errors) == 5
    assert [entry["path"] for one in extreme["outputs"] for entry in one["entries"]] == ["model.ubj"]


async def logged(server: Server, client: Client, train: Callable[[Run], None]) -> Points:
    """The points of a run by series."""

    def training() -> None:
        with run(client) as it:
            train(it)

    await asyncio.to_thread(training)
    return points(await server.run())


async def test_keras_logs_epochs_with_the_validation_apart(server: Server, client: Client) -> None:
    def train(_: Run) -> None:
        hooks: Any = keras_callback()
        hooks.params = {"epochs": 2, "steps": None, "verbose": 1}
        hooks.on_train_begin({})
        hooks.on_epoch_end(0, {"loss": 2.0, "val_loss": 3.0, "note": "text"})
        hooks.on_epoch_end(1, {"loss": 1.0, "val_loss": 2.5})
        hooks.on_epoch_end(2)

    assert await logged(server, client, train) == {
        "loss": [(0, 2.0), (1, 1.0)],
        "loss{split=val}": [(0, 3.0), (1, 2.5)],
    }
    assert told(await server.run(), "params") == {"epochs": 2}


async def test_the_trainer_of_transformers_logs_in_its_first_process(server: Server, client: Client) -> None:
    def train(_: Run) -> None:
        hooks, control = transformers_callback(), SimpleNamespace(should_training_stop=False)
        first, other = (SimpleNamespace(is_world_process_zero=zero, global_step=7) for zero in (True, False))
        args = SimpleNamespace(to_sanitized_dict=lambda: {"learning_rate": 5e-5, "hub_token": "<HUB_TOKEN>"})
        hooks.on_train_begin(args, first, control)
        for state in (first, other):
            hooks.on_log(args, state, control, logs={"loss": 1.5, "epoch": 0.1}, model=object())
        hooks.on_log(args, first, control, logs={"eval_loss": 1.25})
        hooks.on_step_end(args, first, control)
        assert control.should_training_stop is False

    assert await logged(server, client, train) == {
        "loss": [(7, 1.5)],
        "epoch": [(7, 0.1)],
        "loss{split=eval}": [(7, 1.25)],
    }
    assert told(await server.run(), "params") == {"learning_rate": 5e-5}


async def test_lightning_logs_metrics_and_hyperparameters(server: Server, client: Client) -> None:
    def train(it: Run) -> None:
        logger = lightning_logger(it)
        logger.log_hyperparams(Namespace(width=64))
        logger.log_metrics({"train_loss": 1.0, "val_loss": 2.0}, step=3)
        assert (logger.name, logger.experiment) == ("maestro", it)

    assert await logged(server, client, train) == {"train_loss": [(3, 1.0)], "loss{split=val}": [(3, 2.0)]}
    assert told(await server.run(), "params") == {"width": 64}


async def test_a_training_is_stopped_when_its_run_is_asked_to_stop(server: Server, client: Client) -> None:
    def train(it: Run) -> None:
        it._dispatch.courier.is_stop_requested = True
        model, control = SimpleNamespace(stop_training=False), SimpleNamespace(should_training_stop=False)
        hooks: Any = keras_callback(it)
        hooks.model = model
        hooks.on_epoch_end(0, {"loss": 1.0})
        transformers_callback(it).on_step_end(None, None, control)
        assert (model.stop_training, control.should_training_stop) == (True, True)

    await logged(server, client, train)


def test_without_a_run_a_callback_warns_and_the_training_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    keras_callback().on_epoch_end(0, {"loss": 1.0})
    assert "A callback logs nothing: TrackingError: No run goes on here." in caplog.text


def test_an_adapter_is_also_of_the_class_that_its_framework_asks_for() -> None:
    of_both = among(Hooks, "absent.library:Base", "argparse:Namespace")
    assert issubclass(of_both, Hooks)
    assert issubclass(of_both, Namespace)
    assert among(Hooks, "absent.library:Base") is Hooks
