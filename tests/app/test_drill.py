"""The drill: a backup is made, the data damaged, restored and compared row by row, and rolled back; by API and CLI."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import asyncpg
import httpx
import pytest

from maestro.postgres import attached
from tests.app.conftest import Program, Server, folder_in

PATIENCE_S: Final = 90
CARRIED: Final = {"job", "job_event", "job_schedule", "backup", "restore", "notification_channel", "idempotency_key"}
"""What a restore leaves as it is."""
WATCHED: Final = {"audit_entry", "audit_head", "data_version", "session", "sign_in_link", "api_key", "document_usage"}
"""What goes on, or is told of the restore, in the restored database."""
DAMAGE: Final = """
    DELETE FROM param; UPDATE run SET notes = 'damaged', version = version + 1; DELETE FROM artifact_entry;
    UPDATE project SET name = name || '!'; TRUNCATE metric_block
"""
START: Final = 'mutation { startBackup(input: { label: "drill" }) { id job { id } } }'
RESTORE: Final = "mutation ($id: ID!) { startRestore(backupId: $id) { id job { id } } }"
BACK: Final = "mutation ($id: ID!) { rollbackRestore(id: $id) { id } }"
JOB: Final = "query ($id: ID!) { job(id: $id) { state result error { code message } progress { phase } } }"


class Installation:
    """A running server with workers, and its database as its owner sees it."""

    def __init__(self, server: Server, key: str) -> None:
        self.server = server
        self.program = server.program
        self.http = httpx.Client(base_url=server.url, headers={"authorization": f"Bearer {key}"}, timeout=30)

    def __call__(self, query: str, **variables: Any) -> Any:
        """Run an operation, again while the database is being exchanged."""
        until = time.monotonic() + PATIENCE_S
        while True:
            answer = self.http.post("/graphql", json={"query": query, "variables": variables})
            content = answer.json()
            codes = [error["extensions"]["code"] for error in content.get("errors", ())]
            if not codes:
                return content["data"]
            assert set(codes) <= {"RESTORING", "SERVICE_UNAVAILABLE"}, content["errors"]
            assert time.monotonic() < until, content["errors"]
            time.sleep(float(answer.headers.get("retry-after", 1)) / 4)

    def ended(self, job_id: str) -> Any:
        """Wait for a job and return its result; it has to succeed."""
        until = time.monotonic() + PATIENCE_S
        while (job := self(JOB, id=job_id)["job"])["state"] in ("QUEUED", "RUNNING"):
            assert time.monotonic() < until, job
            time.sleep(0.2)
        assert job["state"] == "SUCCEEDED", job
        return job["result"]

    def cli(self, *arguments: str) -> Any:
        """Run a command that prints JSON at its end, and return that."""
        done = self.program.run(*arguments, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    async def rows(self) -> dict[str, str]:
        """A digest of every row of the domain, by table."""
        with attached(self.program.data) as address:
            connection = await asyncpg.connect(address.url("postgresql"))
        try:
            tables = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
            names = sorted({row["tablename"] for row in tables} - CARRIED - WATCHED)
            digest = "SELECT count(*) || ' ' || coalesce(sum(hashtextextended(t::text, 0)::numeric), 0) FROM {} t"
            return {name: await connection.fetchval(digest.format(f'public."{name}"')) for name in names}
        finally:
            await connection.close()

    async def damage(self) -> None:
        """Do what nobody wants."""
        with attached(self.program.data) as address:
            connection = await asyncpg.connect(address.url("postgresql"))
        await connection.execute(DAMAGE)
        await connection.close()

    def lose_files(self) -> list[Path]:
        """Remove every second file of artifacts, and return all of them."""
        files = sorted(path for path in (self.program.data / "blobs").rglob("*") if path.is_file())
        for path in files[::2]:
            path.unlink()
        return files


@pytest.fixture(scope="module")
def installation(reachable_folder: Path) -> Iterator[Installation]:
    """A server with the demo and a worker."""
    with folder_in(reachable_folder) as folder:
        program = Program(folder)
        assert program.run("seed").returncode == 0
        with program.serving(MAESTRO_WORKERS="1") as server:
            key = program.run("key", "create", "--name", "drill").stdout.strip()
            running = Installation(server, key)
            yield running
            running.http.close()


async def test_a_restore_brings_every_row_and_every_file_back_and_can_be_undone(installation: Installation) -> None:
    before = await installation.rows()
    started = installation(START)["startBackup"]
    made = installation.ended(started["job"]["id"])
    assert made["verification"]["rows"] > 5_000

    await installation.damage()
    files = installation.lose_files()
    damaged = await installation.rows()
    assert damaged != before

    restore = installation(RESTORE, id=started["id"])["startRestore"]
    done = installation.ended(restore["job"]["id"])
    assert await installation.rows() == before
    assert all(path.is_file() for path in files)
    assert done["filesBroughtBack"] == len(files[::2])
    assert done["unavailableMs"] <= 2_000

    back = installation(BACK, id=restore["id"])["rollbackRestore"]
    installation.ended(back["id"])
    assert await installation.rows() == damaged
    again = installation("query ($id: ID!) { restore(id: $id) { state rolledBackAt canRollBack } }", id=restore["id"])
    assert again["restore"]["rolledBackAt"] is not None
    assert again["restore"]["canRollBack"] is False


async def test_the_same_by_commands(installation: Installation) -> None:
    before = await installation.rows()
    made = installation.cli("backup", "create", "--label", "by hand")
    assert (made["state"], made["isVerified"], made["label"]) == ("SUCCEEDED", True, "by hand")

    await installation.damage()
    damaged = await installation.rows()
    tried = installation.cli("restore", "start", made["id"], "--dry-run")
    assert (tried["state"], tried["isDryRun"]) == ("SUCCEEDED", True)
    assert await installation.rows() == damaged

    restored = installation.cli("restore", "start", made["id"])
    assert await installation.rows() == before
    assert restored["canRollBack"] is True
    done = installation.program.run("restore", "rollback", restored["id"], "--yes")
    assert done.returncode == 0, done.stderr
    assert await installation.rows() == damaged
    assert installation("{ projects { nodes { name } } }")["projects"]["nodes"], (
        "the server that ran all the while sees what is there now"
    )
