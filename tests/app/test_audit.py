"""The audit log taken away over HTTP, and verified and taken away by commands."""

import asyncio
import json
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest
from click.testing import CliRunner, Result
from sqlalchemy import make_url
from starlette.applications import Starlette

from app.cli import main
from maestro.access import Permission
from maestro.access.keys import KeySpec
from maestro.ids import Kind, encode
from ops.audit import verify
from tests.fixtures.audit import DELETE, create, entries
from tests.fixtures.graphql import Api, api_key, browser


def lines(answer: httpx.Response) -> list[Any]:
    assert answer.status_code == 200, answer.text
    return [json.loads(line) for line in answer.text.splitlines()]


async def test_the_log_is_streamed_as_lines_of_json_and_that_is_recorded(api: Api, client: httpx.AsyncClient) -> None:
    project = await create(api)
    answer = await client.get("/audit.jsonl")
    assert answer.headers["content-type"] == "application/jsonl"
    assert answer.headers["content-disposition"] == 'attachment; filename="audit.jsonl"'
    made, taken = lines(answer)
    stored = (await entries(api))[0]
    assert made == {
        **dict.fromkeys(("apiKey", "session", "address", "code", "reason", "before")),
        "seq": 1,
        "id": encode(Kind.AuditEntry, stored.id),
        "at": stored.at.isoformat(timespec="microseconds").replace("+00:00", "Z"),
        "actor": encode(Kind.User, api.viewer.actor_id),
        "actorName": "owner@localhost",
        "operation": "createProject",
        "operationName": "Begin",
        "targetType": "Project",
        "target": project,
        "isAllowed": True,
        "after": stored.after,
        "prevHash": "",
        "hash": stored.hash.hex(),
    }
    assert (taken["operation"], taken["isAllowed"], taken["prevHash"]) == ("exportAuditLog", True, made["hash"])
    assert taken["apiKey"].startswith("api_key_")
    assert (await verify(api.runtime.db, api.viewer.organization_id)).head.seq == 2


async def test_a_filter_and_times_narrow_what_is_taken(api: Api, client: httpx.AsyncClient) -> None:
    project = await create(api)
    await api(DELETE, id=project)
    between = (await entries(api))[1].at.isoformat()

    async def taken(**wanted: str) -> list[int]:
        return [line["seq"] for line in lines(await client.get("/audit.jsonl", params=wanted))]

    assert await taken(filter="operation = 'deleteProject'") == [2]
    assert await taken(until=between) == [1]
    assert (await taken(since=between))[0] == 2
    told = (await entries(api))[2].after
    assert told == {"filter": "operation = 'deleteProject'", "since": None, "until": None}


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ({"since": "yesterday"}, "'yesterday' is no time"),
        ({"until": "2026-01-31T12:00:00"}, "'2026-01-31T12:00:00' is no time"),
        ({"filter": "nothing = 1"}, "There is no field 'nothing'"),
    ],
)
async def test_what_cannot_be_read_is_refused(client: httpx.AsyncClient, wanted: dict[str, str], said: str) -> None:
    answer = await client.get("/audit.jsonl", params=wanted)
    assert answer.status_code == 400
    (error,) = answer.json()["errors"]
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert said in error["message"]


async def test_the_log_is_for_those_who_may_take_it_and_a_refusal_is_recorded(api: Api, app: Starlette) -> None:
    reader = KeySpec(
        organization_id=api.viewer.organization_id,
        user_id=api.viewer.actor_id,
        name="reader",
        scopes=(Permission.AUDIT_READ.value,),
    )
    async with browser(app, authorization=f"Bearer {await api_key(api.runtime, reader)}") as http:
        answer = await http.get("/audit.jsonl")
    assert answer.status_code == 403
    (refused,) = await entries(api)
    assert (refused.operation, refused.is_allowed, refused.code) == ("exportAuditLog", False, "FORBIDDEN")


async def test_nobody_who_is_not_signed_in_gets_the_log(anonymous: httpx.AsyncClient) -> None:
    assert (await anonymous.get("/audit.jsonl")).status_code == 401


class Commands:
    """`python -m app audit` on a database of its own."""

    def __init__(self, url: str) -> None:
        self.url = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)

    def run(self, *words: str) -> Result:
        return CliRunner().invoke(main, ["audit", *words])

    def verdict(self, *words: str) -> Any:
        (told,) = json.loads(self.run("verify", "--json", *words).stdout)["organizations"]
        return told

    def change(self, sql: str) -> None:
        async def run() -> None:
            connection = await asyncpg.connect(self.url)
            await connection.execute(sql)
            await connection.close()

        asyncio.run(run())


@pytest.fixture
def commands(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Commands:
    """The commands, on a log of two entries: each says that somebody has taken the log away."""
    monkeypatch.setenv("MAESTRO_DATABASE_URL", database_url)
    monkeypatch.setenv("MAESTRO_DATA_DIR", str(tmp_path))
    made = Commands(database_url)
    for _ in range(2):
        assert made.run("export").exit_code == 0
    return made


def test_a_command_verifies_a_good_log(commands: Commands) -> None:
    shown = commands.run("verify")
    assert shown.exit_code == 0
    assert "✓  default  All 2 entries are as they were written." in shown.stdout
    head = commands.verdict()["head"]
    assert head in shown.stdout
    assert commands.run("verify", "--organization", "default", "--head", head).exit_code == 0


def test_a_command_fails_on_a_broken_log(commands: Commands) -> None:
    commands.change("UPDATE audit_entry SET actor_label = 'nobody' WHERE seq = 2")
    shown = commands.run("verify")
    assert shown.exit_code == 1
    assert "✗  default  Entry 2 does not fit its hash: it has been changed." in shown.stdout
    told = commands.verdict()
    assert (told["isIntact"], told["flaw"], told["seq"], told["entries"]) == (False, "CHANGED", 2, 1)


def test_a_command_finds_a_log_that_was_cut_off_by_a_kept_head(commands: Commands) -> None:
    kept = commands.verdict()["head"]
    commands.change(
        "DELETE FROM audit_entry WHERE seq = 2; UPDATE audit_head SET seq = 1, hash = (SELECT hash FROM audit_entry)"
    )
    assert commands.run("verify").exit_code == 0
    assert commands.run("verify", "--head", kept).exit_code == 1
    assert commands.verdict("--head", kept)["flaw"] == "TRUNCATED"


def test_a_log_with_the_slug_of_a_broken_one_does_not_hide_it(commands: Commands) -> None:
    broken = commands.verdict()["id"]
    commands.change("UPDATE audit_entry SET actor_label = 'nobody' WHERE seq = 2")
    for key in (UUID(int=0), UUID(int=2**128 - 1)):
        commands.change(f"INSERT INTO organization (id, slug, name) VALUES ('{key}', 'default', 'Twin')")
        shown = commands.run("verify")
        assert shown.exit_code == 1
        assert broken in shown.stdout
        commands.change(f"DELETE FROM organization WHERE id = '{key}'")


def test_a_log_whose_slug_another_has_is_named_by_its_id(commands: Commands) -> None:
    told = commands.verdict()
    commands.change("INSERT INTO organization (id, slug, name) VALUES (gen_random_uuid(), 'default', 'Twin')")
    assert commands.run("verify", "--organization", "default", "--head", told["head"]).exit_code == 1
    assert commands.run("verify", "--organization", told["id"], "--head", told["head"]).exit_code == 0
    refused = commands.run("export", "--organization", "default")
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "Several organizations have the slug 'default'." in refused.stderr
    assert commands.run("export", "--organization", told["id"]).exit_code == 0


@pytest.mark.parametrize("words", [("--organization", "nobodys"), ("--head", "12")])
def test_a_command_refuses_what_is_not_there(commands: Commands, words: tuple[str, ...]) -> None:
    shown = commands.run("verify", *words)
    assert (shown.exit_code, shown.stdout) == (1, "")
    assert words[1] in shown.stderr


def test_a_command_takes_the_log_away(commands: Commands, tmp_path: Path) -> None:
    file = tmp_path / "audit.jsonl"
    assert commands.run("export", "--output", str(file), "--filter", "seq > 1").exit_code == 0
    told = [json.loads(line) for line in file.read_text().splitlines()]
    assert [(one["seq"], one["operation"]) for one in told] == [(2, "exportAuditLog"), (3, "exportAuditLog")]
    assert told[1]["after"]["filter"] == "seq > 1"
