"""Two servers on one database and one Redis behind a real nginx, set up by the files in `deploy/`."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from signal import SIGKILL, SIGTERM
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import pytest
from websockets.sync.client import ClientConnection, connect

from tests.app.behind_nginx import HOST, OPERATIONS, Site, trusting, two_servers
from tests.app.test_server import MUTATIONS
from tests.fixtures.artifacts import ENTRIES
from tests.fixtures.documents import ROLE
from tests.fixtures.nginx import await_that

PAUSE_S: Final = 0.05
SOON_S: Final = 2.0
MEGABYTE: Final = 1024 * 1024
READ: Final = "query ($id: ID!) { project(id: $id) { name } }"
RENAME: Final = "mutation ($id: ID!, $name: String!) { updateProject(id: $id, input: {name: $name}) { __typename } }"
FOLLOW: Final = "subscription ($id: ID!) { runUpdated(id: $id) { notes } }"
NOTE: Final = 'mutation ($id: ID!) { updateRun(id: $id, input: {notes: "seen"}) { __typename } }'
NEW_ARTIFACT: Final = """mutation ($project: ID!) {
  createArtifact(input: {projectId: $project, name: "a", type: "model"}) { ... on ArtifactSaved { artifact { id } } }
}"""
NEW_VERSION: Final = """mutation ($artifact: ID!) {
  createArtifactVersion(artifactId: $artifact) { id uploadUrl(path: "a") }
}"""


@pytest.fixture(scope="module")
def site(reachable_folder: Path, initialised: Path, *, nginx: Path, redis_url: str) -> Iterator[Site]:
    """Two servers with folders of their own, whose stored files are in one, behind nginx."""
    with two_servers(reachable_folder, initialised, nginx=nginx, redis_url=redis_url) as made:
        yield made


@pytest.fixture
def client(site: Site) -> Iterator[httpx.Client]:
    """A client of the proxy with a key that nobody else uses."""
    with site.signed_in() as made:
        yield made


def ask(client: httpx.Client, query: str, **variables: Any) -> Any:
    answer = client.post("/graphql", json={"query": query, "variables": variables})
    assert answer.status_code == 200, answer.text
    assert "errors" not in answer.json(), answer.text
    return answer.json()["data"]


def new_project(client: httpx.Client) -> str:
    return str(ask(client, MUTATIONS[0] % uuid4().hex)["made"]["made"]["id"])


def new_run(client: httpx.Client) -> str:
    made = uuid4().hex
    for mutation in MUTATIONS:
        made = str(ask(client, mutation % made)["made"]["made"]["id"])
    return made


def test_requests_reach_both_servers_and_see_one_state(site: Site, client: httpx.Client) -> None:
    project, known = new_project(client), len(site.proxy.upstreams())
    for number in range(10):
        ask(client, RENAME, id=project, name=f"name {number}")
        assert [ask(client, READ, id=project)["project"]["name"] for _ in range(3)] == [f"name {number}"] * 3
    await_that(lambda: len(site.proxy.upstreams()) == known + 40)
    assert set(site.proxy.upstreams()[known:]) == {f"127.0.0.1:{port}" for port in site.ports}


def test_whoever_comes_without_tls_is_led_to_it_and_browsers_are_told_to_stay(site: Site) -> None:
    plain = httpx.get(f"http://127.0.0.1:{site.plain}/graphiql", headers={"host": HOST}, trust_env=False)
    assert (plain.status_code, plain.headers["location"]) == (301, f"https://{HOST}/graphiql")
    with site.client() as client:
        entered = client.get(site.sign_in)
        assert entered.status_code == 303
        assert "Secure" in entered.headers["set-cookie"]
        assert "strict-transport-security" in entered.headers
        assert client.get("/readyz").status_code == 404


def test_an_address_that_a_client_makes_up_is_not_believed(site: Site) -> None:
    made = site.new_key("--address", "203.0.113.9")
    with site.client(authorization=f"Bearer {made}", **{"x-forwarded-for": "203.0.113.9"}) as client:
        assert client.post("/graphql", json={"query": ROLE}).status_code == 401
    made = site.new_key("--address", "127.0.0.1")
    with site.client(authorization=f"Bearer {made}", **{"x-forwarded-for": "203.0.113.9"}) as client:
        assert ask(client, ROLE) == {"viewer": {"role": "OWNER"}}


def test_both_servers_keep_to_one_limit_together(client: httpx.Client) -> None:
    answers = [client.post("/graphql", json={"query": ROLE}).status_code for _ in range(OPERATIONS + 5)]
    assert answers == [200] * OPERATIONS + [429] * 5


def test_events_of_a_stream_come_at_once(client: httpx.Client) -> None:
    run = new_run(client)
    content = {"query": FOLLOW, "variables": {"id": run}}
    with client.stream("POST", "/graphql", json=content, headers={"accept": "text/event-stream"}) as response:
        told = (line for line in response.iter_lines() if line.startswith("data: {"))
        assert json.loads(next(told)[6:])["data"] == {"runUpdated": {"notes": ""}}
        ask(client, NOTE, id=run)
        began = time.monotonic()
        assert json.loads(next(told)[6:])["data"] == {"runUpdated": {"notes": "seen"}}
        assert time.monotonic() - began < SOON_S


def test_a_socket_is_opened_and_told_of_changes(site: Site, client: httpx.Client) -> None:
    run = new_run(client)
    with connect(
        f"wss://{HOST}/graphql",
        sock=socket.create_connection(("127.0.0.1", site.secure)),
        ssl=trusting(site.proxy.folder),
        server_hostname=HOST,
        subprotocols=["graphql-transport-ws"],  # type: ignore[list-item] # a subprotocol is a text with a type of its own
        additional_headers={"authorization": client.headers["authorization"]},
        proxy=None,
    ) as opened:
        opened.send('{"type": "connection_init"}')
        assert json.loads(opened.recv(10))["type"] == "connection_ack"
        payload = {"query": FOLLOW, "variables": {"id": run}}
        opened.send(json.dumps({"id": "1", "type": "subscribe", "payload": payload}))
        assert next_of(opened) == {"runUpdated": {"notes": ""}}
        ask(client, NOTE, id=run)
        assert next_of(opened) == {"runUpdated": {"notes": "seen"}}


def next_of(opened: ClientConnection) -> Any:
    while (message := json.loads(opened.recv(10)))["type"] != "next":
        assert message["type"] == "ping"
        opened.send('{"type": "pong"}')
    return message["payload"]["data"]


def test_files_pass_whatever_their_size_and_larger_operations_do_not(site: Site, client: httpx.Client) -> None:
    artifact = ask(client, NEW_ARTIFACT, project=new_project(client))["createArtifact"]["artifact"]["id"]
    version = ask(client, NEW_VERSION, artifact=artifact)["createArtifactVersion"]
    content = b"x" * (5 * MEGABYTE)
    sent = client.put(urlsplit(version["uploadUrl"]).path, content=content)
    assert (sent.status_code, sent.json()["sizeBytes"]) == (200, len(content))
    for _ in range(4):
        entries = ask(client, ENTRIES, id=version["id"], ttl=60)["artifactVersion"]["entries"]
        with site.client() as anybody:
            assert anybody.get(urlsplit(entries[0]["downloadUrl"]).path).content == content
    refused = client.post("/graphql", content=b"x" * (5 * MEGABYTE), headers={"content-type": "application/json"})
    assert refused.status_code == 413


def test_servers_are_exchanged_one_after_the_other_without_a_request_that_fails(
    site: Site, client: httpx.Client
) -> None:
    project, answers, is_over = new_project(client), [0], threading.Event()
    failures: list[str] = []

    def go_on() -> None:
        while not is_over.is_set():
            content = {"query": RENAME, "variables": {"id": project, "name": f"name {answers[0]}"}}
            answer = client.post("/graphql", json=content)
            answers[0] += 1
            if answer.status_code != 200 or "errors" in answer.json():
                failures.append(answer.text)
            time.sleep(PAUSE_S)

    thread = threading.Thread(target=go_on)
    thread.start()
    try:
        for number, port in enumerate(site.ports):
            server = f"server 127.0.0.1:{port}"
            site.proxy.write(site.text.replace(server, f"{server} down"))
            assert site.servers[number].stop(SIGTERM) == 0
            await_five_more(answers)
            site.start(number)
            site.proxy.write(site.text)
    finally:
        is_over.set()
        thread.join()
    assert failures == []


def await_five_more(answers: list[int]) -> None:
    known = answers[0]
    await_that(lambda: answers[0] > known + 5)


def test_a_server_that_is_killed_is_not_missed(site: Site, client: httpx.Client) -> None:
    known = len(site.proxy.upstreams())
    assert site.servers[0].stop(SIGKILL) == -SIGKILL
    await_that(lambda: is_refused(site.ports[0]))
    assert [ask(client, ROLE) for _ in range(10)] == [{"viewer": {"role": "OWNER"}}] * 10
    await_that(lambda: len(site.proxy.upstreams()) == known + 10)
    assert {one.rpartition(", ")[2] for one in site.proxy.upstreams()[known:]} == {f"127.0.0.1:{site.ports[1]}"}


def is_refused(port: int) -> bool:
    with socket.socket() as tried:
        return tried.connect_ex(("127.0.0.1", port)) != 0
