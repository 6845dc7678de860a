"""A running installation as the drill sees it: its API, its commands, its rows, and what nobody wants done to them."""

import json
import time
from pathlib import Path
from typing import Any, Final

import asyncpg
import httpx

from maestro.postgres import attached
from tests.app.conftest import Server

PATIENCE_S: Final = 90
CARRIED: Final = {"job", "job_event", "job_schedule", "backup", "restore", "notification_channel", "idempotency_key"}
"""What a restore leaves as it is."""
WATCHED: Final = {"audit_entry", "audit_head", "data_version", "session", "sign_in_link", "api_key", "document_usage"}
"""What goes on, or is told of the restore, in the restored database."""
DAMAGE: Final = """
    DELETE FROM param; UPDATE run SET notes = 'damaged', version = version + 1; DELETE FROM artifact_entry;
    UPDATE project SET name = name || '!'; TRUNCATE metric_block
"""
JOB: Final = (
    "query ($id: ID!) { job(id: $id) { state result error { code message } events { nodes { level details } } } }"
)


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

    def over(self, job_id: str) -> Any:
        """Wait for the end of a job and return it."""
        until = time.monotonic() + PATIENCE_S
        while (job := self(JOB, id=job_id)["job"])["state"] in ("QUEUED", "RUNNING"):
            assert time.monotonic() < until, job
            time.sleep(0.2)
        return job

    def ended(self, job_id: str) -> Any:
        """Wait for a job and return its result; it has to succeed."""
        job = self.over(job_id)
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

    async def databases(self) -> list[str]:
        """The databases of the installation that are not kept from earlier restores."""
        with attached(self.program.data) as address:
            connection = await asyncpg.connect(address.url("postgresql"))
        names = await connection.fetch("SELECT datname FROM pg_database WHERE datname LIKE 'maestro%' ORDER BY 1")
        await connection.close()
        return [row["datname"] for row in names if "_before_" not in row["datname"]]

    async def damage(self) -> None:
        """Do what nobody wants."""
        with attached(self.program.data) as address:
            connection = await asyncpg.connect(address.url("postgresql"))
        await connection.execute(DAMAGE)
        await connection.close()

    def files(self) -> list[Path]:
        """The files of artifacts."""
        return sorted(path for path in (self.program.data / "blobs").rglob("*") if path.is_file())

    def lose_files(self) -> list[Path]:
        """Remove every second file of artifacts, and return all of them."""
        files = self.files()
        for path in files[::2]:
            path.unlink()
        return files
