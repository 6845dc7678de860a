"""A running server is profiled: from GraphQL to a flame graph in a browser, and by the commands of the guide."""

import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from playwright.sync_api import expect, sync_playwright

from tests.app.conftest import Program, Server, migrated
from tests.app.test_browser import CHROMIUM, FLAGS, REPORTS

GUIDE: Final = (Path(__file__).parents[2] / "docs" / "guides" / "profiling.md").read_text(encoding="utf-8")
COMMANDS: Final = re.findall(r"^python -m app (.*)$", GUIDE, re.MULTILINE)
OPERATIONS: Final = re.findall(r"^```graphql\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)
SHOW: Final = """query Show($id: ID!) {
  profile(id: $id) { state process files { name downloadUrl } job { state error { code message } } }
}"""
PATIENCE_S: Final = 30.0


class Client:
    """The owner with an API key, over HTTP."""

    def __init__(self, server: Server, key: str) -> None:
        headers = {"authorization": f"Bearer {key}"}
        self.http = httpx.Client(base_url=server.url, headers=headers, timeout=PATIENCE_S)

    def __call__(self, query: str, **variables: Any) -> Any:
        answer = self.http.post("/graphql", json={"query": query, "variables": variables}).json()
        assert "errors" not in answer, answer
        return answer["data"]

    def ended(self, profile: str) -> Any:
        """Wait for the end of a profile, and return it."""
        deadline = time.monotonic() + PATIENCE_S
        while (found := self(SHOW, id=profile)["profile"])["state"] in ("QUEUED", "RUNNING"):
            assert time.monotonic() < deadline, found
            time.sleep(0.05)
        return found


@pytest.fixture(scope="module")
def serving(reachable_folder: Path, initialised: Path) -> Iterator[Server]:
    """A server with a worker."""
    with migrated(reachable_folder, initialised) as program, program.serving(MAESTRO_WORKERS="1") as server:
        yield server


@pytest.fixture(scope="module")
def client(serving: Server) -> Iterator[Client]:
    made = serving.program.invoke("key", "create", "--name", "tests")
    assert made.exit_code == 0, made.stderr
    client = Client(serving, made.stdout.strip())
    yield client
    client.http.close()


def test_the_guide_leads_from_graphql_to_a_flame_graph(client: Client) -> None:
    start, listed, *_, processes = OPERATIONS
    started = client(start.replace("seconds: 5", "seconds: 1"))["startProfile"]
    assert client.ended(started["id"])["job"] == {"state": "SUCCEEDED", "error": None}
    (profile,) = client(listed)["profiles"]["nodes"]
    files = {one["name"]: one["downloadUrl"] for one in profile["files"]}
    there: dict[str, str] = {}
    deadline = time.monotonic() + PATIENCE_S
    # Who is very busy may answer too late.
    while sorted(there) != ["SERVER", "WORKER"]:
        assert time.monotonic() < deadline, there
        there |= {one["role"]: one["name"] for one in client(processes)["processes"]}
    assert profile["process"] == there["SERVER"]
    picture = httpx.get(str(client.http.base_url.join(files["cpu.svg"])))
    assert "app.graphql.running:Runner.run" in picture.text


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed, so no page is opened in a browser")
def test_a_browser_shows_the_flame_graph_from_its_link(client: Client) -> None:
    started = client("mutation { startProfile(input: { cpu: { seconds: 0.5 } }) { id } }")["startProfile"]
    links = {one["name"]: one["downloadUrl"] for one in client.ended(started["id"])["files"]}
    complaints: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page(base_url=str(client.http.base_url), viewport={"width": 1400, "height": 900})
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(links["cpu.svg"])
        expect(page.get_by_text("CPU of the event loop")).to_be_visible()
        page.fill("#find", "Runner.run")
        expect(page.locator("#told")).to_contain_text("found, ")
        assert page.locator(".f.found").count() > 0
        page.locator(".f.found").first.dispatch_event("click")
        expect(page.locator("#whole")).to_be_visible()
        REPORTS.mkdir(exist_ok=True)
        page.screenshot(path=REPORTS / "flame-graph.png")
        page.goto(links["cpu.html"])
        expect(page.get_by_text("Call stack")).to_be_visible()
        browser.close()
    assert complaints == []


def test_the_commands_of_the_guide_write_their_files(serving: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    program: Program = serving.program
    monkeypatch.chdir(program.folder)
    Path("query.graphql").write_text("{ projects { nodes { name } } }")
    assert len(COMMANDS) == 7
    for command in COMMANDS:
        done = program.invoke(*re.sub(r"--seconds \d", "--seconds 0.2", command).split())
        assert (command, done.exit_code) == (command, 0), done.output
    written = {str(one.relative_to("profiles")) for one in Path("profiles").rglob("*.*")}
    assert written == {
        *(f"cpu/cpu.{name}" for name in ("svg", "html", "json", "speedscope.json", "folded.txt")),
        *(f"calls/cpu.{name}" for name in ("prof", "txt", "json")),
        *(f"memory/memory.{name}" for name in ("svg", "html", "json", "txt")),
        *(f"operations/operations.{name}" for name in ("html", "md", "json")),
        *(f"statements/statements.{name}" for name in ("txt", "json")),
    }
    assert "projects" not in Path("profiles/statements/statements.json").read_text()
    shutil.rmtree("profiles")


def test_a_cancelled_job_ends_the_profile_and_frees_the_process(client: Client) -> None:
    started = client("mutation { startProfile(input: { memory: { seconds: 60 } }) { id job { id } } }")["startProfile"]
    deadline = time.monotonic() + PATIENCE_S
    while client(SHOW, id=started["id"])["profile"]["process"] is None:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    client("mutation ($id: ID!) { cancelJob(id: $id) { state } }", id=started["job"]["id"])
    found = client.ended(started["id"])
    assert (found["state"], found["files"]) == ("CANCELLED", [])
    while any(one["isBusy"] for one in client("{ processes { isBusy } }")["processes"]):
        assert time.monotonic() < deadline
