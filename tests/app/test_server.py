"""The server as a process: how it starts and stops, and what it says when it cannot start."""

import signal
import time
from pathlib import Path

import httpx
import pytest

from tests.app.conftest import Program, Server

FOLLOW = "subscription ($id: ID!) { runUpdated(id: $id) { status } }"
MUTATIONS = (
    'mutation { made: createProject(input: {name: "p%s"}) { ... on ProjectSaved { made: project { id } } } }',
    """mutation { made: createExperiment(input: {projectId: "%s", name: "e"}) {
      ... on ExperimentSaved { made: experiment { id } }
    } }""",
    'mutation { made: createRun(input: {experimentId: "%s"}) { ... on RunSaved { made: run { id } } } }',
)


def test_the_server_says_where_it_is_and_how_to_get_in(server: Server) -> None:
    assert f"GraphiQL  {server.url}/graphiql" in server.printed
    assert f"GraphQL   {server.url}/graphql" in server.printed
    assert "embedded PostgreSQL in .maestro" in server.printed
    assert httpx.get(f"{server.url}/readyz", trust_env=False).status_code == 200


def test_the_server_names_no_software_over_http(server: Server) -> None:
    assert "server" not in httpx.get(f"{server.url}/livez", trust_env=False).headers


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_the_server_and_its_database(program: Program, signum: signal.Signals) -> None:
    with program.launched() as server:
        assert program.postgres() != []
        assert server.stop(signum) == 0
        assert program.postgres() == []
        assert server.process.stdout is not None
        assert "Stopped." in server.process.stdout.read()
        assert "Traceback" not in server.log()


def test_the_database_ends_with_a_server_that_is_killed(program: Program) -> None:
    with program.launched() as server:
        assert program.postgres() != []
        assert server.stop(signal.SIGKILL) == -signal.SIGKILL
        deadline = time.monotonic() + 20
        while program.postgres() and time.monotonic() < deadline:
            time.sleep(0.05)
        assert program.postgres() == []


def test_a_second_server_on_the_folder_is_refused_and_the_first_goes_on(server: Server) -> None:
    second = server.program.run("serve", "--port", "0")
    assert second.returncode == 1
    assert second.stderr.startswith("Error: ")
    assert "Traceback" not in second.stderr
    assert httpx.get(f"{server.url}/readyz", trust_env=False).status_code == 200


def test_a_port_that_is_taken_is_told_before_a_database_is_made(server: Server, reachable_folder: Path) -> None:
    folder = reachable_folder / "port-taken"
    folder.mkdir()
    port = server.url.rpartition(":")[2]
    refused = Program(folder).run("serve", "--port", port)
    assert refused.returncode == 1
    assert refused.stderr.startswith(f"Error: Cannot listen on 127.0.0.1:{port}: Address already in use.")
    assert "--port 0" in refused.stderr
    assert list(folder.iterdir()) == []


def test_a_server_stops_while_streams_are_open_and_ends_them(program: Program) -> None:
    with program.launched() as server:
        key = program.invoke("key", "create", "--name", "tests").stdout.strip()
        headers = {"authorization": f"Bearer {key}", "accept": "text/event-stream"}
        with httpx.Client(base_url=server.url, headers=headers, trust_env=False) as client:
            content = {"query": FOLLOW, "variables": {"id": new_run(client)}}
            with client.stream("POST", "/graphql", json=content) as response:
                lines = response.iter_lines()
                while not next(lines).startswith("data: "):
                    pass
                assert server.stop(signal.SIGTERM) == 0
                assert "event: complete" not in list(lines)
        assert "graceful shutdown exceeded" not in server.log()


def new_run(client: httpx.Client) -> str:
    """Make a run in a project of its own."""
    made = ""
    for mutation in MUTATIONS:
        answer = client.post("/graphql", json={"query": mutation % made}, headers={"accept": "*/*"}).json()
        made = answer["data"]["made"]["made"]["id"]
    return made
