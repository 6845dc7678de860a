"""`python -m app persist`: documents registered, listed, retired and checked beside a running server."""

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import Result

from tests.app.conftest import Server
from tests.fixtures.documents import NAMES, ROLE, sha256

TOLD_WITHIN_S = 10
"""For how long a server may not have heard of a change: less than the minute for which it trusts what it knows."""
BROKEN = "query Broken { viewer { nothing } }"
OLD = "type Query { viewer: Viewer } type Viewer { role: String }"
CLIENT = ("--client", "dashboard@1.2")


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    """Two documents."""
    return written(tmp_path, {"sha256:" + sha256(ROLE): ROLE, "names": NAMES})


def written(folder: Path, content: object) -> Path:
    path = folder / "manifest.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def run(server: Server, *arguments: str) -> Result:
    return server.program.invoke("persist", *arguments)


def printed(server: Server, *arguments: str, code: int = 0) -> Any:
    """Run a command and return what it printed as JSON."""
    done = run(server, *arguments, "--json")
    assert done.exit_code == code, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(autouse=True)
def _restored(server: Server) -> Iterator[None]:
    """Others may retire nothing for this test."""
    yield
    for one in printed(server, "list", "--all")["documents"]:
        if one["retiredAt"] is not None:
            run(server, "restore", one["id"])


def answers(server: Server, key: str, id_: str) -> bool:
    """Whether a document runs."""
    headers = {"authorization": f"Bearer {key}"}
    content = {"documentId": id_}
    answer = httpx.post(f"{server.url}/graphql", json=content, headers=headers, trust_env=False).json()
    return "errors" not in answer


def test_a_manifest_is_registered_as_the_guide_has_it(server: Server, manifest: Path) -> None:
    done = run(server, str(manifest), *CLIENT)
    assert done.exit_code == 0, done.stderr
    assert {line.split()[1] for line in done.stdout.splitlines()[1:]} == {"Role", "Names"}
    again = run(server, *CLIENT, str(manifest))
    assert [line.split()[0] for line in again.stdout.splitlines()[1:]] == ["known", "known"]


def test_a_dry_run_registers_nothing(server: Server, tmp_path: Path) -> None:
    text = "query Dry { viewer { role } }"
    done = printed(server, str(written(tmp_path, {"dry": text})), *CLIENT, "--dry-run")
    assert [(one["name"], one["isNew"], one["document"]) for one in done["documents"]] == [("Dry", True, None)]
    assert sha256(text) not in [one["sha256"] for one in printed(server, "list")["documents"]]


def test_what_is_refused_is_told_and_nothing_is_registered(server: Server, tmp_path: Path) -> None:
    text = "query Beside { viewer { role } }"
    path = written(tmp_path, {"good": text, "bad": BROKEN})
    done = run(server, str(path), *CLIENT)
    assert done.exit_code == 1
    assert "refused" in done.stdout
    assert "Cannot query field 'nothing' on type 'Viewer'" in done.stdout
    assert "none is registered" in done.stderr
    told = printed(server, str(path), *CLIENT, code=1)
    assert (told["documents"], [one["id"] for one in told["refused"]]) == ([], ["bad"])
    assert sha256(text) not in [one["sha256"] for one in printed(server, "list")["documents"]]


@pytest.mark.parametrize("content", ["{ no JSON", "[]", "{}"])
def test_what_is_no_manifest_is_refused(server: Server, tmp_path: Path, content: str) -> None:
    done = run(server, str(written(tmp_path, content)), *CLIENT)
    assert (done.exit_code, "Error:" in done.stderr) == (1, True)


@pytest.mark.parametrize("client", ["dashboard", "@1", "dashboard@"])
def test_a_client_without_a_version_is_refused(server: Server, manifest: Path, client: str) -> None:
    done = run(server, str(manifest), "--client", client)
    assert done.exit_code == 2
    assert "dashboard@1.2" in done.stderr


def test_a_word_that_is_neither_a_command_nor_a_file_is_told(server: Server) -> None:
    done = run(server, "lst")
    assert done.exit_code == 2
    assert "'lst' does not exist" in done.stderr


def test_documents_are_listed_by_their_clients(server: Server, manifest: Path, tmp_path: Path) -> None:
    run(server, str(manifest), *CLIENT)
    text = "query OfReports { viewer { role } }"
    run(server, str(written(tmp_path, {"x": text})), "--client", "reports@3")
    assert [one["name"] for one in printed(server, "list", "--client", "reports")["documents"]] == ["OfReports"]
    assert [one["name"] for one in printed(server, "list", "--client", "reports@3")["documents"]] == ["OfReports"]
    assert printed(server, "list", "--client", "reports@4")["documents"] == []
    (line,) = [line for line in run(server, "list").stdout.splitlines() if line.startswith("OfReports")]
    assert ("reports@3" in line, sha256(text)[:12] in line) == (True, True)


def test_a_document_is_retired_and_restored_in_the_running_server(server: Server, manifest: Path) -> None:
    run(server, str(manifest), *CLIENT)
    made = server.program.invoke("key", "create", "--name", "documents", "--json")
    key = json.loads(made.stdout)["key"]
    for named, sent in ((sha256(ROLE)[:12], sha256(ROLE)), ("names", "names")):
        wait_until(lambda sent=sent: answers(server, key, sent))
        assert "is retired." in run(server, "retire", named).stdout
        wait_until(lambda sent=sent: not answers(server, key, sent))
        assert "runs again." in run(server, "restore", named).stdout
        wait_until(lambda sent=sent: answers(server, key, sent))


def wait_until(holds: Any) -> None:
    deadline = time.monotonic() + TOLD_WITHIN_S
    while not holds():
        assert time.monotonic() < deadline


def test_what_no_document_is_called_is_told(server: Server) -> None:
    done = run(server, "retire", "nothing-like-that")
    assert (done.exit_code, "There is no such document." in done.stderr) == (1, True)


def test_documents_that_fit_the_schema_pass_the_check(server: Server, manifest: Path) -> None:
    run(server, str(manifest), *CLIENT)
    assert printed(server, "check")["broken"] == []


def test_documents_that_another_schema_breaks_are_told_with_their_clients(
    server: Server, manifest: Path, tmp_path: Path
) -> None:
    run(server, str(manifest), *CLIENT)
    (tmp_path / "schema.graphql").write_text(OLD)
    done = run(server, "check", "--schema", str(tmp_path / "schema.graphql"))
    assert done.exit_code == 1
    told_of_names = (
        r"^Names: dashboard@1\.2, last used (never|[\d-]+)\n  Cannot query field 'projects' on type 'Query'\."
    )
    assert re.search(told_of_names, done.stdout, re.MULTILINE)
    told = printed(server, "check", "--schema", str(tmp_path / "schema.graphql"), code=1)
    assert "Role" not in [one["name"] for one in told["broken"]]
    run(server, "retire", "names")
    told = printed(server, "check", "--schema", str(tmp_path / "schema.graphql"))
    assert told["broken"] == []


@pytest.mark.parametrize("definition", ["type Query {", "type A { b: Int }", "type Query { a: Nothing }"])
def test_what_is_no_schema_is_told(server: Server, tmp_path: Path, definition: str) -> None:
    (tmp_path / "schema.graphql").write_text(definition)
    done = run(server, "check", "--schema", str(tmp_path / "schema.graphql"))
    assert (done.exit_code, "is no schema" in done.stderr) == (1, True)
