"""One server with two processes: whichever answers, it is one server."""

import json
import re
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from maestro.postgres import attached
from tests.app.conftest import Program, Server, migrated
from tests.app.test_server import MUTATIONS
from tests.fixtures.artifacts import ENTRIES
from tests.fixtures.documents import ROLE, automatic, sha256
from tests.fixtures.lines import Line, line

OPERATIONS: Final = 60
SOCKETS: Final = 3
ON_ITS_WAY_S: Final = 3.0
PROTOCOL: Final = "graphql-transport-ws"
READ: Final = "query ($id: ID!) { project(id: $id) { name } projects { nodes { name } } }"
RENAME: Final = """mutation ($id: ID!, $name: String!) {
  updateProject(id: $id, input: {name: $name}) { ... on ProjectSaved { project { name } } }
}"""
FOLLOW: Final = "subscription ($id: ID!) { runUpdated(id: $id) { notes } }"
NEW_ARTIFACT: Final = """mutation ($project: ID!) {
  createArtifact(input: {projectId: $project, name: "a", type: "model"}) { ... on ArtifactSaved { artifact { id } } }
}"""
NEW_VERSION: Final = """mutation ($artifact: ID!) {
  createArtifactVersion(artifactId: $artifact) { id uploadUrl(path: "a") }
}"""
REGISTER: Final = """mutation ($text: String!) {
  registerDocuments(input: {client: {name: "two", version: "1"}, documents: [{text: $text}]}) {
    documents { documentId }
  }
}"""
NOTE: Final = 'mutation ($id: ID!) { updateRun(id: $id, input: {notes: "seen"}) { __typename } }'


@pytest.fixture(scope="module")
def pair(reachable_folder: Path, initialised: Path) -> Iterator[Server]:
    """A server with two processes, with limits that a test can reach."""
    with migrated(reachable_folder, initialised) as program, program.serving(**SETTINGS) as server:
        yield server
        assert server.stop(signal.SIGTERM) == 0


SETTINGS: Final = {
    "MAESTRO_PROCESSES": "2",
    "MAESTRO_RATE_LIMIT_REQUESTS": f"{OPERATIONS}/day",
    "MAESTRO_MAX_SOCKETS_PER_VIEWER": str(SOCKETS),
}


def new_key(program: Program) -> str:
    made = program.invoke("key", "create", "--name", "tests")
    assert made.exit_code == 0, made.stderr
    return made.stdout.strip()


@pytest.fixture
def lines(pair: Server) -> Iterator[tuple[Line, Line]]:
    """A connection to each process, with a key that nobody else uses."""
    key = new_key(pair.program)
    with line(pair.url, 1, key) as one, line(pair.url, 2, key) as two:
        yield one, two


def new_project(of: Line) -> str:
    return str(of.ask(MUTATIONS[0] % uuid4().hex)["made"]["made"]["id"])


def test_the_server_says_once_that_it_is_ready_and_both_processes_are(pair: Server) -> None:
    assert pair.printed.count("is ready.") == 1
    for number in (1, 2):
        with line(pair.url, number) as to:
            assert to.get("/readyz") == {"status": "ok", "database": "ok", "migrations": "ok"}
        assert re.search(rf"Server process {number} is ready, as \d+\n", pair.log())


def test_what_is_written_through_one_is_read_at_once_through_the_other(lines: tuple[Line, Line]) -> None:
    one, two = lines
    project = new_project(one)
    for number in range(10):
        name = f"name {number}"
        writer, reader = (one, two) if number % 2 else (two, one)
        writer.ask(RENAME, id=project, name=name)
        # What each of them keeps of the answer is of before, from the second time on.
        assert [to.ask(READ, id=project)["project"]["name"] for to in (reader, writer)] == [name, name]


def test_a_key_that_is_revoked_through_one_is_refused_by_the_other(pair: Server, lines: tuple[Line, Line]) -> None:
    one, _ = lines
    made = json.loads(pair.program.invoke("key", "create", "--name", "revoked", "--json").stdout)
    with line(pair.url, 2, made["key"]) as other:
        assert other.ask(ROLE) == {"viewer": {"role": "OWNER"}}
        one.ask("mutation ($id: ID!) { revokeApiKey(id: $id) { id } }", id=made["id"])
        (refusal,) = soon(other, "errors", query=ROLE)
        assert refusal["extensions"]["code"] == "UNAUTHENTICATED"


def soon(of: Line, part: str, **content: Any) -> Any:
    """A part of the answer to an operation, which is not there while a change is on its way to the process.

    What is looked up anew after a time is known for longer than this waits.
    """
    deadline = time.monotonic() + ON_ITS_WAY_S
    while part not in (answer := of.answer(**content)):
        assert time.monotonic() < deadline, answer
        time.sleep(0.1)
    return answer[part]


def test_a_document_that_is_registered_through_one_is_known_to_the_other(lines: tuple[Line, Line]) -> None:
    one, two = lines
    text = "query Both { viewer { role } }"
    assert two.answer(documentId=sha256(text))["errors"]
    (registered,) = one.ask(REGISTER, text=text)["registerDocuments"]["documents"]
    assert soon(two, "data", documentId=registered["documentId"]) == {"viewer": {"role": "OWNER"}}


def test_a_document_that_a_client_left_with_one_is_asked_for_by_the_other_once(lines: tuple[Line, Line]) -> None:
    one, two = lines
    text = "query Left { viewer { role } }"
    expected = {"viewer": {"role": "OWNER"}}
    assert one.answer(**automatic(sha256(text), query=text))["data"] == expected
    (missed,) = two.answer(**automatic(sha256(text)))["errors"]
    assert missed["extensions"]["code"] == "PERSISTED_QUERY_NOT_FOUND"
    assert two.answer(**automatic(sha256(text), query=text))["data"] == expected
    assert [to.answer(**automatic(sha256(text)))["data"] for to in lines] == [expected, expected]


def test_both_keep_to_one_limit_together(lines: tuple[Line, Line]) -> None:
    answers = [lines[number % 2].answer(query=ROLE) for number in range(OPERATIONS + 10)]
    assert ["data" in answer for answer in answers] == [True] * OPERATIONS + [False] * 10
    assert answers[-1]["errors"][0]["extensions"]["code"] == "RATE_LIMITED"


def test_what_happens_through_one_is_told_to_who_follows_through_the_other(lines: tuple[Line, Line]) -> None:
    one, two = lines
    run = new_run(one)
    told = follow(two, run)
    assert next_told(told) == {"runUpdated": {"notes": ""}}
    one.ask(NOTE, id=run)
    assert next_told(told) == {"runUpdated": {"notes": "seen"}}


def new_run(of: Line) -> str:
    made = uuid4().hex
    for mutation in MUTATIONS:
        made = str(of.ask(mutation % made)["made"]["made"]["id"])
    return made


def follow(of: Line, run: str) -> Any:
    body = json.dumps({"query": FOLLOW, "variables": {"id": run}}).encode()
    return of.send("POST", "/graphql", body, content_type="application/json", accept="text/event-stream")


def next_told(stream: Any) -> Any:
    """The data of the next event of a stream."""
    while not (read := stream.readline()).startswith(b"data: {"):
        assert read, "the stream has ended"
    return json.loads(read[6:])["data"]


def test_sockets_of_one_viewer_are_counted_over_both(pair: Server) -> None:
    key = new_key(pair.program)
    with ExitStack() as held:
        opened = [held.enter_context(socket_to(pair, 1 + number % 2, key)) for number in range(SOCKETS)]
        assert [acknowledged(one) for one in opened] == [True] * SOCKETS
        for number in (1, 2):
            refused = held.enter_context(socket_to(pair, number, key))
            assert not acknowledged(refused)
            assert refused.close_code == 1013
        opened[0].close()
        assert acknowledged(held.enter_context(socket_to(pair, 2, key)))


def socket_to(server: Server, number: int, key: str) -> ClientConnection:
    """A socket to one process, to be opened as a context."""
    connection = Line(server.url, number).connection
    return connect(
        f"{server.url.replace('http', 'ws', 1)}/graphql",
        sock=connection.sock,
        subprotocols=[PROTOCOL],  # type: ignore[list-item] # a subprotocol is a text with a type of its own
        additional_headers={"authorization": f"Bearer {key}"},
        proxy=None,
    )


def acknowledged(socket: ClientConnection) -> bool:
    """Whether there is room for a socket."""
    try:
        socket.send('{"type": "connection_init"}')
        return bool(json.loads(socket.recv(10))["type"] == "connection_ack")
    except ConnectionClosed:
        return False


def test_a_session_that_was_opened_with_one_is_good_with_the_other(pair: Server, lines: tuple[Line, Line]) -> None:
    one, two = lines
    entered = one.send("GET", f"/sign-in?token={pair.token}")
    entered.read()
    two.headers = {"cookie": str(entered.headers["set-cookie"]).partition(";")[0]}
    page = two.send("GET", "/graphiql")
    page.read()
    assert page.status == 200


def test_a_file_that_was_sent_to_one_is_fetched_from_the_other_by_a_signed_link(lines: tuple[Line, Line]) -> None:
    one, two = lines
    artifact = one.ask(NEW_ARTIFACT, project=new_project(one))["createArtifact"]["artifact"]["id"]
    version = one.ask(NEW_VERSION, artifact=artifact)["createArtifactVersion"]
    sent = one.send("PUT", version["uploadUrl"], b"content")
    assert (sent.status, json.loads(sent.read())["sizeBytes"]) == (200, 7)
    address = one.ask(ENTRIES, id=version["id"], ttl=60)["artifactVersion"]["entries"][0]["downloadUrl"]
    two.headers = {}
    assert two.send("GET", address).read() == b"content"


def test_a_port_that_several_processes_share_is_not_shared_with_another_server(
    pair: Server, reachable_folder: Path
) -> None:
    port = pair.url.rpartition(":")[2]
    folder = reachable_folder / "shared-port"
    folder.mkdir()
    for processes in ("1", "2"):
        refused = Program(folder).run("serve", "--port", port, "--processes", processes)
        assert refused.returncode == 1
        assert refused.stderr.startswith(f"Error: Cannot listen on 127.0.0.1:{port}: Address already in use.")
    assert list(folder.iterdir()) == []


def test_settings_that_do_not_fit_are_told_once(pair: Server, tmp_path: Path) -> None:
    with attached(pair.program.data) as address:
        url = address.url("postgresql")
    refused = Program(tmp_path).run(
        *("serve", "--port", "0", "--processes", "2"), MAESTRO_DATABASE_URL=url, MAESTRO_OIDC_CLIENT_ID="maestro"
    )
    assert refused.returncode == 1
    assert refused.stderr.startswith("Error: Single sign-on takes MAESTRO_OIDC_ISSUER, ")
    assert "Traceback" not in refused.stderr


def test_more_connections_than_postgresql_allows_are_refused_at_the_start(pair: Server, tmp_path: Path) -> None:
    with attached(pair.program.data) as address:
        url = address.url("postgresql")
    refused = Program(tmp_path).run(
        "serve", "--port", "0", "--processes", "4", MAESTRO_DATABASE_URL=url, MAESTRO_POOL_SIZE="30"
    )
    assert refused.returncode == 1
    assert refused.stderr == (
        "Error: 4 processes take up to 132 connections, and PostgreSQL allows 72.\n"
        "Leave some for workers and commands too: set MAESTRO_POOL_SIZE to 15 at most, or raise max_connections of "
        "PostgreSQL.\n"
    )
