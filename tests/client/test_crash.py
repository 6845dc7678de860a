"""A server that is killed in the middle of a training, and started again: no point is lost, and none is doubled."""

import asyncio
import signal
import threading
from pathlib import Path

from maestro_client import Client, run
from tests.app.conftest import Program, folder_in
from tests.client.conftest import Gate, Server, points

STEPS = 200


async def test_a_training_outlives_the_server_that_is_killed_under_it(reachable_folder: Path, tmp_path: Path) -> None:
    with folder_in(reachable_folder) as folder:
        program = Program(folder)
        with program.serving() as server:
            key = (await asyncio.to_thread(program.invoke, "key", "create", "--name", "training")).stdout.strip()
            gate = Gate(server.url)
            async with await asyncio.start_server(gate, "127.0.0.1", 0) as listener:
                url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
                client, is_going = Client(url, key, unsent=tmp_path), threading.Event()
                training = asyncio.create_task(asyncio.to_thread(train, client, is_going))
                await asyncio.to_thread(is_going.wait)
                await asyncio.to_thread(server.stop, signal.SIGKILL)
                with program.serving() as again:
                    gate.lead_to(again.url)
                    await training
                    found = await Server(again.url, key).run()
        assert found["status"] == "FINISHED"
        assert points(found) == {"loss": [(step, float(step)) for step in range(STEPS)]}


def train(client: Client, is_going: threading.Event) -> None:
    """Log, tell when some of it has arrived, and wait for the server at the end for as long as it takes."""
    with run(client, project="Digits") as it:
        for step in range(STEPS):
            it.log({"loss": float(step)})
            it.flush(60)
            if step == STEPS // 10:
                is_going.set()
        it.end(patience_s=60)
