"""What is logged arrives once, whatever happens to the line, the server or the process."""

import asyncio
import gc
import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from maestro_client import Client, TrackingError, current_run, lane, outbox, run, runs, track
from maestro_client.__main__ import main
from tests.client.conftest import Gate, Server, points, told

Warned = Callable[[], list[str]]
COMMAND = "Not all of the run was sent. It is kept in a file: python -m maestro_client send "


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs that end at once although the server is away, and write what waits into a file early."""
    monkeypatch.setattr(runs, "PATIENCE_S", 0.1)
    monkeypatch.setattr(lane, "SPILL_AFTER_S", 0.05)


def send(server: Server, path: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    """Run the command that the warning names."""
    monkeypatch.setenv("MAESTRO_URL", server.url)
    monkeypatch.setenv("MAESTRO_API_KEY", server.key)
    return main(["send", str(path)])


def kept_in(tmp_path: Path) -> Path:
    """The only file with what could not be sent."""
    (found,) = (tmp_path / "unsent").glob("*.jsonl")
    return found


async def test_answers_that_are_lost_and_a_server_that_is_away_lose_and_double_nothing(
    *, server: Server, gate: Gate, gated: Client, warned: Warned
) -> None:
    def train() -> None:
        with run(gated, project="Digits") as it:
            for step in range(60):
                it.log({"loss": float(step)})
                it.flush()
                if step == 10:
                    gate.swallowed = 2
                if step == 30:
                    loop.call_soon_threadsafe(gate.shut)
                    loop.call_soon_threadsafe(loop.call_later, 0.3, setattr, gate, "is_open", True)

    loop = asyncio.get_running_loop()
    await asyncio.to_thread(train)
    found = await server.run()
    assert found["status"] == "FINISHED"
    assert points(found) == {"loss": [(step, float(step)) for step in range(60)]}
    assert gate.swallowed == 0
    assert any("does not answer" in message and "nothing is lost" in message for message in warned())


async def test_a_server_that_says_when_to_come_again_is_left_alone_until_then(
    *, server: Server, gate: Gate, gated: Client, warned: Warned
) -> None:
    gate.refused = 1

    def train() -> float:
        with run(gated, project="Digits") as it:
            began = time.monotonic()
            assert it.flush()
            return time.monotonic() - began

    assert await asyncio.to_thread(train) >= 1.0
    assert gate.refused == 0
    assert (await server.run())["status"] == "FINISHED"
    assert warned() == [
        "The server answers with status 429. It is tried again. The training goes on, and nothing is lost."
    ]


async def test_a_run_whose_tags_are_refused_is_made_without_them(
    server: Server, client: Client, warned: Warned
) -> None:
    await asyncio.to_thread(lambda: run(client, name="ok", tags={" ": "blank"}).end())
    found = await server.run()
    assert (found["status"], told(found, "tags")) == ("FINISHED", {})
    assert [message.endswith("The run is made without what was said of it.") for message in warned()] == [True]


async def test_a_run_that_is_made_twice_because_the_answer_was_lost_is_one_run(
    server: Server, gate: Gate, gated: Client
) -> None:
    gate.swallowed = 1
    await asyncio.to_thread(lambda: run(gated, project="Digits").end())
    assert (await server.run())["status"] == "FINISHED"


@pytest.mark.usefixtures("impatient")
async def test_what_is_logged_while_the_server_is_away_is_kept_in_a_file_and_sent_by_a_command(
    *, server: Server, gate: Gate, gated: Client, warned: Warned, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate.shut()

    @track(client=gated, project="Digits", tags={"team": "vision"}, save_model="pickle")
    def train(lr: float) -> list[int]:
        for step in range(500):
            current_run().log({"loss": step / 2})
        return [1, 2]

    assert await asyncio.to_thread(train, 0.5) == [1, 2]
    assert await server.runs() == []
    path = kept_in(tmp_path)
    assert warned()[-1] == f"{COMMAND}{path}"
    assert server.key not in path.read_text()
    assert path.stat().st_mode & 0o077 == 0
    assert await asyncio.to_thread(send, server, path, monkeypatch) == 0
    found = await server.run()
    assert (found["status"], told(found, "params"), told(found, "tags")) == (
        "FINISHED",
        {"lr": 0.5},
        {"team": "vision"},
    )
    assert points(found) == {"loss": [(step, step / 2) for step in range(500)]}
    assert [one["state"] for one in found["outputs"]] == ["COMMITTED"]
    assert not path.exists()


@pytest.mark.usefixtures("impatient")
async def test_a_file_that_is_sent_twice_has_one_effect(
    *, server: Server, gate: Gate, gated: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def train() -> None:
        with run(gated, project="Digits") as it:
            it.log({"loss": 1.0})
            it.flush()
            loop.call_soon_threadsafe(gate.shut)
            it.log({"loss": 2.0})

    loop = asyncio.get_running_loop()
    await asyncio.to_thread(train)
    path = kept_in(tmp_path)
    copy = path.with_name("copy.jsonl")
    copy.write_bytes(path.read_bytes() + b'{"kind": "batch", "se')
    for one in (path, copy):
        assert await asyncio.to_thread(send, server, one, monkeypatch) == 0
    assert points(await server.run()) == {"loss": [(0, 1.0), (1, 2.0)]}


async def test_more_than_there_is_room_for_goes_through_a_file_in_its_order(
    *, server: Server, gate: Gate, gated: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate.shut()
    monkeypatch.setattr(outbox, "ROOM_POINTS", 1000)
    monkeypatch.setattr(runs, "MANY_CALLS", 200)

    def train() -> bool:
        with run(gated, project="Digits") as it:
            for step in range(5_000):
                it.log({"loss": 1.0}, step=step % 1_000)
            it.log({"loss": 2.0}, step=0)
            was_spilled = kept_in(tmp_path).stat().st_size > 50_000
            gate.is_open = True
            return was_spilled

    assert await asyncio.to_thread(train)
    found = points(await server.run())["loss"]
    assert found == [(0, 2.0), *((step, 1.0) for step in range(1, 1_000))]
    assert list((tmp_path / "unsent").glob("*.jsonl")) == []


async def test_a_wrong_key_is_told_of_and_the_training_goes_on(server: Server, warned: Warned, tmp_path: Path) -> None:
    @track(client=Client(server.url, "mst_wrong", unsent=tmp_path / "unsent"))
    def train() -> str:
        current_run().log({"loss": 1.0})
        return "trained"

    assert await asyncio.to_thread(train) == "trained"
    first, last = warned()
    assert first.startswith("Nobody is signed in.")
    assert last == f"{COMMAND}{kept_in(tmp_path)}"
    assert "mst_wrong" not in "".join(warned())
    assert await server.runs() == []


async def test_an_unknown_project_is_told_of(server: Server, warned: Warned, tmp_path: Path) -> None:
    nowhere = f"project_{'0' * 32}"
    await asyncio.to_thread(lambda: run(Client(server.url, server.key, unsent=tmp_path), project=nowhere).end())
    assert warned()[0].startswith(f"There is no project {nowhere}. Give a name, or another id.")


@pytest.mark.usefixtures("impatient")
async def test_a_strict_run_raises_what_others_warn_of(
    *, server: Server, client: Client, gate: Gate, gated: Client, tmp_path: Path
) -> None:
    def ended() -> None:
        with run(client, strict=True) as it:
            assert it.id is not None
        with pytest.raises(TrackingError, match="The run has ended"):
            it.log({"loss": 1.0})

    def cut_off() -> None:
        begun = run(gated, strict=True)
        loop.call_soon_threadsafe(gate.shut)
        begun.log({"loss": 1.0})
        with pytest.raises(TrackingError, match="python -m maestro_client send"):
            begun.end()

    loop = asyncio.get_running_loop()
    wrong = Client(server.url, "mst_wrong", unsent=tmp_path)
    with pytest.raises(TrackingError, match="cannot be begun"):
        await asyncio.to_thread(lambda: run(wrong, strict=True))
    gc.collect()  # a connection that was left open would be warned of
    await asyncio.to_thread(ended)
    await asyncio.to_thread(cut_off)


async def test_what_is_no_metric_is_left_out_with_a_warning(server: Server, client: Client, warned: Warned) -> None:
    def train() -> None:
        with run(client) as it:
            it.log({"good": 1.0, "loss": "high", "lo{ss}": 1.0}, step=7)
            it.log({"good": 2.0}, step=-1)

    await asyncio.to_thread(train)
    assert points(await server.run()) == {"good": [(7, 1.0)]}
    assert [message.partition(":")[0] for message in warned()] == [
        "The metric 'loss' is left out",
        "'lo{ss}' is left out",
        "A step is from 0 to 2^53 - 1, not -1",
    ]


async def test_a_model_that_cannot_be_saved_is_a_warning(server: Server, client: Client, warned: Warned) -> None:
    @track(client=client, save_model="pickle")
    def train() -> Callable[[], int]:
        return lambda: 1

    assert (await asyncio.to_thread(train))() == 1
    found = await server.run()
    assert (found["status"], found["outputs"]) == ("FINISHED", [])
    assert warned()[0].startswith("The model 'model' cannot be saved: ")


async def test_a_file_that_is_none_of_ours_is_refused(
    *, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "notes.txt"
    path.write_text(json.dumps({"other": 1}))
    assert send(server, path, monkeypatch) == 1
    assert "holds nothing that this version can send" in capsys.readouterr().err
    assert path.exists()
