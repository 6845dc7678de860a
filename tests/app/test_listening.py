"""The port of several processes: a socket for each, or one for all, and for nobody else."""

import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from app import listening
from app.listening import listen, listeners
from maestro.errors import StartupError
from maestro.settings import Settings

CONNECTIONS = 64


@pytest.fixture(params=["127.0.0.1", "::1"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path, host=request.param, port=0, processes=2, _env_file=None)  # type: ignore[call-arg] # a keyword of pydantic's


@pytest.fixture(params=[listening.SPREADS, False], ids=["as the system does", "shared"])
def taken(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> Iterator[list[socket.socket]]:
    monkeypatch.setattr(listening, "SPREADS", request.param)
    made = listeners(settings)
    yield made
    for one in made:
        one.close()


def accepted(by: socket.socket) -> int:
    """How many connections wait at a socket; they are closed."""
    found = 0
    by.setblocking(False)
    while True:
        try:
            by.accept()[0].close()
        except BlockingIOError:
            return found
        found += 1


def test_all_sockets_have_one_port_and_every_connection_is_accepted_once(taken: list[socket.socket]) -> None:
    address = taken[0].getsockname()
    assert address == taken[1].getsockname()
    clients = [socket.create_connection(address[:2]) for _ in range(CONNECTIONS)]
    counts = [accepted(one) for one in taken]
    assert sum(counts) == CONNECTIONS
    # Where they share one socket, whoever comes first gets all that wait.
    assert all(counts) == listening.SPREADS
    for client in clients:
        client.close()


def test_a_port_that_is_shared_is_taken_for_everybody_else(taken: list[socket.socket], settings: Settings) -> None:
    wanted = settings.model_copy(update={"port": taken[0].getsockname()[1]})
    for take in (listeners, lambda settings: [listen(settings)]):
        with pytest.raises(StartupError, match=r"Cannot listen on .+: Address already in use\."):
            take(wanted)
    with closing(listen(settings)) as free:
        assert free.getsockname()[1] != wanted.port
