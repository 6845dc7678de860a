"""The command line: help, exit codes, JSON, and what commands do beside a running server."""

import json
from typing import Any

import click
import httpx
import pytest
from click.testing import CliRunner

from app.cli import main
from maestro.version import VERSION
from tests.app.conftest import Program, Server


def commands(group: click.Group, *path: str) -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = [path]
    for name in group.list_commands(click.Context(group)):
        command = named(group, name)
        if command.hidden:
            continue  # started by the server alone
        found += commands(command, *path, name) if isinstance(command, click.Group) else [(*path, name)]
    return found


def named(group: click.Group, name: str) -> click.Command:
    command = group.get_command(click.Context(group), name)
    assert command is not None
    return command


def test_every_command_is_known_to_these_tests() -> None:
    assert {path[0] for path in commands(main) if path} == {
        "archive",
        "audit",
        "backup",
        "bundle",
        "check",
        "database",
        "docs",
        "job",
        "key",
        "link",
        "member",
        "migrate",
        "persist",
        "profile",
        "psql",
        "restore",
        "schedule",
        "schema",
        "secrets",
        "seed",
        "serve",
        "sync",
        "version",
        "work",
    }


@pytest.mark.parametrize("path", [path for path in commands(main) if path != ("psql",)], ids=" ".join)
@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_every_command_and_option_explains_itself(path: tuple[str, ...], flag: str) -> None:
    shown = CliRunner().invoke(main, [*path, flag])
    assert shown.exit_code == 0
    command: click.Command = main
    for name in path:
        assert isinstance(command, click.Group)
        command = named(command, name)
    assert command.help
    assert shown.output.startswith("Usage: ")
    undescribed = [option.name for option in command.params if isinstance(option, click.Option) and not option.help]
    assert undescribed == []


@pytest.mark.parametrize(
    "arguments", [["nothing"], ["version", "--nothing"], ["serve", "--port", "65536"], ["key", "create"]]
)
def test_wrong_usage_exits_with_2(arguments: list[str]) -> None:
    assert CliRunner().invoke(main, arguments).exit_code == 2


def test_the_version_is_the_projects() -> None:
    assert CliRunner().invoke(main, ["version"]).output == f"Maestro ML {VERSION}\n"
    assert json.loads(CliRunner().invoke(main, ["version", "--json"]).output) == {"version": VERSION}


def test_settings_that_are_not_valid_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAESTRO_PORT", "many")
    monkeypatch.setenv("MAESTRO_SECRET_KEY", "short-secret")
    shown = CliRunner().invoke(main, ["check"])
    assert shown.exit_code == 1
    assert "the settings are not valid" in shown.stderr
    assert "MAESTRO_PORT is " in shown.stderr
    assert "MAESTRO_SECRET_KEY is " in shown.stderr
    assert "short-secret" not in shown.output


def test_another_kind_of_database_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAESTRO_DATABASE_URL", "mysql://user:secret-password@host/database")
    shown = CliRunner().invoke(main, ["migrate", "--dry-run"])
    assert shown.exit_code == 1
    assert "only PostgreSQL is supported" in shown.stderr
    assert "secret-password" not in shown.output


def test_the_schema_is_printed() -> None:
    shown = CliRunner().invoke(main, ["schema"])
    assert shown.exit_code == 0
    assert "\ntype Query {\n" in shown.output


def test_a_key_that_was_made_opens_the_endpoint(server: Server) -> None:
    made = server.program.run("key", "create", "--name", "script", "--json")
    assert made.returncode == 0, made.stderr
    key = json.loads(made.stdout)
    assert {"id", "name", "key"} <= key.keys()
    assert key["name"] == "script"
    answer = ask(server, key["key"])
    assert (answer.status_code, answer.json()["data"]) == (200, {"__typename": "Query"})


def ask(server: Server, key: str) -> httpx.Response:
    headers = {"authorization": f"Bearer {key}"}
    return httpx.post(f"{server.url}/graphql", json={"query": "{ __typename }"}, headers=headers, trust_env=False)


def test_a_link_that_was_made_signs_in(server: Server) -> None:
    made = server.program.invoke("link")
    assert made.exit_code == 0, made.stderr
    token = made.stdout.strip().partition("/sign-in?token=")[2]
    with httpx.Client(base_url=server.url, trust_env=False) as client:
        assert client.get("/sign-in", params={"token": token}).status_code == 303
        assert "Signed in as Owner" in client.get("/").text


def test_sql_runs_beside_the_server(server: Server) -> None:
    ran = server.program.run("psql", "-Atc", "SELECT count(*) FROM alembic_version")
    assert (ran.returncode, ran.stdout) == (0, "1\n"), ran.stderr


def test_sql_that_fails_fails_the_command(server: Server) -> None:
    assert server.program.invoke("psql", "-c", "SELECT nothing").exit_code == 1


def test_migrations_are_listed_before_they_are_applied(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAESTRO_DATABASE_URL", database_url)
    undone = told("migrate", "--down-to", "base", "--json")
    listed = told("migrate", "--dry-run", "--json")
    applied = told("migrate", "--json")
    again = told("migrate", "--dry-run", "--json")
    assert (undone["current"], listed["current"]) == (None, None)
    assert listed["isDryRun"] is True
    assert listed["revisions"] == undone["revisions"][::-1] == applied["revisions"] != []
    assert applied["current"] == again["current"] == applied["revisions"][-1]["id"]
    assert again["revisions"] == []


def told(*arguments: str) -> Any:
    """Run a command in this process and return the JSON that it prints."""
    ran = CliRunner().invoke(main, arguments)
    assert ran.exit_code == 0, ran.stderr
    return json.loads(ran.stdout)


def test_a_check_says_that_all_is_well(program: Program) -> None:
    checked = program.run("check", "--json", MAESTRO_PORT="0")
    assert checked.returncode == 0, checked.stdout
    told = json.loads(checked.stdout)
    assert told["version"] == VERSION
    assert [(finding["check"], finding["isGood"]) for finding in told["checks"]] == [
        ("Data folder", True),
        ("Secret", True),
        ("Master key", True),
        ("Database", True),
        ("Port", True),
    ]


def test_a_check_beside_a_server_finds_its_port_taken_and_nothing_else(server: Server) -> None:
    port = server.url.rpartition(":")[2]
    checked = server.program.invoke("check", "--json", MAESTRO_PORT=port)
    assert checked.exit_code == 1
    bad = [finding for finding in json.loads(checked.stdout)["checks"] if not finding["isGood"]]
    assert [finding["check"] for finding in bad] == ["Port"]
    assert "Address already in use" in bad[0]["message"]


def test_a_check_for_people_tells_the_same(server: Server) -> None:
    port = server.url.rpartition(":")[2]
    checked = server.program.invoke("check", MAESTRO_PORT=port)
    assert checked.exit_code == 1
    assert [line.split()[0] for line in checked.stdout.splitlines() if line[:2].strip()] == [
        "ok",
        "ok",
        "ok",
        "ok",
        "no",
    ]


def test_a_check_finds_a_database_that_does_not_answer(program: Program) -> None:
    checked = program.run(
        "check", "--json", MAESTRO_PORT="0", MAESTRO_DATABASE_URL="postgresql://user:secret@127.0.0.1:1/none"
    )
    assert checked.returncode == 1
    assert "Traceback" not in checked.stderr
    assert "secret" not in checked.stdout
    assert [finding["check"] for finding in json.loads(checked.stdout)["checks"] if not finding["isGood"]] == [
        "Database"
    ]
