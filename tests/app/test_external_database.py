"""A PostgreSQL that the settings name: what is wrong with it is told, its password never."""

import asyncio
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import httpx
import pytest
from click.testing import CliRunner

from app.cli import main
from app.database import without_password
from maestro.postgres import EmbeddedPostgres, attached
from tests.app.conftest import Program, Server

SECRET = "s3cret-word"


@pytest.fixture(scope="module")
def external(reachable_folder: Path) -> Iterator[str]:
    """The URL, over TCP, of an empty database that is not the server's own."""
    folder = Path(tempfile.mkdtemp(dir=reachable_folder))
    folder.chmod(0o711)
    with EmbeddedPostgres(folder) as address:
        yield address.tcp_url()


def refusal(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, url: str, *command: str) -> str:
    monkeypatch.setenv("MAESTRO_DATABASE_URL", url)
    monkeypatch.setenv("MAESTRO_DATA_DIR", str(tmp_path / "data"))
    shown = CliRunner().invoke(main, command or ("serve", "--port", "0"))
    assert shown.exit_code == 1
    assert isinstance(shown.exception, SystemExit)
    assert shown.stderr.startswith("Error: ")
    assert shown.stdout == ""
    assert SECRET not in shown.stderr
    return shown.stderr


@pytest.mark.parametrize(
    ("url", "message"),
    [
        (f"postgresql://u:{SECRET}@127.0.0.1:1/d", "The database 127.0.0.1:1/d cannot be opened: "),
        (f"postgresql://u:{SECRET}@nowhere.invalid/d", "The database nowhere.invalid/d cannot be opened: "),
        (f"postgresql://u:{SECRET}@127.0.0.1:many/d", "MAESTRO_DATABASE_URL is not a URL."),
        (f"postgresql://u:{SECRET}@[::1/d", "MAESTRO_DATABASE_URL is not a URL."),
        (f"postgresql://u:#{SECRET}@127.0.0.1/d", "MAESTRO_DATABASE_URL is not a URL."),
        (f"u:{SECRET}@127.0.0.1/d", "MAESTRO_DATABASE_URL: only PostgreSQL is supported."),
        (f"{SECRET}", "MAESTRO_DATABASE_URL: only PostgreSQL is supported."),
        (f"postgresql://u:{SECRET}@h/d?pool=3", "MAESTRO_DATABASE_URL has the option 'pool', which is not supported."),
    ],
)
def test_a_url_that_leads_nowhere_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *, url: str, message: str
) -> None:
    assert refusal(monkeypatch, tmp_path, url).startswith(f"Error: {message}")


def test_a_wrong_password_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, external: str) -> None:
    _, password = without_password(external)
    assert password is not None
    told = refusal(monkeypatch, tmp_path, external.replace(password, SECRET))
    assert 'password authentication failed for user "maestro"' in told
    assert "sqlalche" not in told


def test_a_database_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, external: str) -> None:
    told = refusal(monkeypatch, tmp_path, external.rpartition("/")[0] + "/nothing")
    assert 'cannot be opened: database "nothing" does not exist.' in told


def test_a_database_that_is_behind_is_refused_with_the_command_and_served_after_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *, program: Program, external: str
) -> None:
    told = refusal(monkeypatch, tmp_path, external)
    assert "The database lacks " in told
    assert "python -m app migrate`." in told
    assert program.invoke("migrate", MAESTRO_DATABASE_URL=external).exit_code == 0
    with program.serving(MAESTRO_DATABASE_URL=external) as server:
        assert "Database  PostgreSQL\n" in server.printed
        assert program.postgres() == []


@pytest.fixture
def owned(external: str) -> Iterator[tuple[str, str]]:
    """The URLs of a new database's superuser, and of its owner, who may not make roles."""
    name = "owned"
    plain = external.rpartition("/")[0]
    execute(external, f"CREATE ROLE {name} LOGIN PASSWORD '{SECRET}'", f"CREATE DATABASE {name} OWNER {name}")
    owner = urlsplit(external)
    yield f"{plain}/{name}", f"postgresql://{name}:{SECRET}@{owner.hostname}:{owner.port}/{name}"
    databases = [f"DROP DATABASE IF EXISTS {one} WITH (FORCE)" for one in (name, f"{name}_jobs")]
    execute(external, *databases, f"DROP OWNED BY {name}", f"DROP ROLE {name}")


def execute(url: str, *statements: str) -> None:
    async def run() -> None:
        connection = await asyncpg.connect(url)
        for statement in statements:
            await connection.execute(statement)
        await connection.close()

    asyncio.run(run())


def findings(program: Program, url: str, **settings: str) -> dict[str, str | None]:
    """What `check` says of the database."""
    shown = json.loads(program.invoke("check", "--json", MAESTRO_DATABASE_URL=url, **settings).stdout)
    (database,) = [found for found in shown["checks"] if found["check"] == "Database"]
    return {"message": database["message"], "hint": database["hint"]}


def test_an_account_that_lacks_the_roles_is_told_the_sql_and_after_it_migrates_seeds_and_serves(
    program: Program, owned: tuple[str, str]
) -> None:
    superuser, owner = owned
    refused = program.invoke("migrate", MAESTRO_DATABASE_URL=owner)
    assert refused.exit_code == 1
    assert "The account owned lacks roles of the database" in refused.stderr
    sql = refused.stderr.partition("then try again: ")[2].strip()
    execute(superuser, *sql.rstrip(";").split("; "))
    assert program.invoke("migrate", MAESTRO_DATABASE_URL=owner).exit_code == 0
    assert findings(program, owner)["hint"] == (
        "The account owned owns the tables. Let a superuser give maestro_server a password, serve with its URL, and "
        "keep this account for migrations."
    )

    execute(superuser, f"ALTER ROLE maestro_server PASSWORD '{SECRET}'")
    server = owner.replace("//owned:", "//maestro_server:")
    found = findings(program, server)
    assert found["message"] == "PostgreSQL, migrations up to date, jobs database there"
    assert str(found["hint"]).startswith("Set MAESTRO_OPERATIONS_URL for the workers")
    assert findings(program, server, MAESTRO_OPERATIONS_URL=owner)["hint"] is None
    refused = program.invoke("seed", MAESTRO_DATABASE_URL=server)
    assert refused.exit_code == 1
    assert "The account maestro_server does not own the tables." in refused.stderr
    with program.serving(MAESTRO_DATABASE_URL=server, MAESTRO_WORKERS="1") as running:
        assert httpx.get(f"{running.url}/readyz", trust_env=False).status_code == 200
        assert at_work_in_the_queue(superuser) == ["maestro_server"]
    assert program.postgres() == []


def at_work_in_the_queue(url: str) -> list[str]:
    """The accounts that have connections to the jobs database, once there are some."""
    # A connection that is still being authenticated, and PostgreSQL's own vacuum, have no account.
    sql = """
        SELECT DISTINCT usename FROM pg_stat_activity
        WHERE datname = current_database() || '_jobs' AND usename IS NOT NULL ORDER BY 1
    """

    async def run() -> list[str]:
        connection = await asyncpg.connect(url)
        for _ in range(300):
            if found := await connection.fetch(sql):
                break
            await asyncio.sleep(0.1)
        await connection.close()
        return [row["usename"] for row in found]

    return asyncio.run(run())


async def accounts_at_work(url: str) -> list[str]:
    connection = await asyncpg.connect(url)
    found = await connection.fetch(
        "SELECT DISTINCT usename FROM pg_stat_activity WHERE application_name = 'maestro' ORDER BY 1"
    )
    await connection.close()
    return [row["usename"] for row in found]


def test_the_embedded_server_works_under_an_account_that_owns_nothing(server: Server) -> None:
    # What is ready has just asked its database, so that a connection is open.
    assert httpx.get(f"{server.url}/readyz", trust_env=False).status_code == 200
    with attached(server.program.data) as address:
        assert asyncio.run(accounts_at_work(address.url("postgresql"))) == ["maestro_server"]


def test_the_password_stays_off_the_command_line() -> None:
    url, password = without_password(f"postgresql+asyncpg://u:{SECRET}@h:5432/d?sslmode=require")
    assert (url, password) == ("postgresql://u@h:5432/d?sslmode=require", SECRET)
    assert without_password("postgres:///d") == ("postgresql:///d", None)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("PORT", "many", "MAESTRO_PORT is not a whole number."),
        ("PORT", "70000", "MAESTRO_PORT is too large: at most 65,535."),
        ("POOL_SIZE", "0", "MAESTRO_POOL_SIZE is too small: at least 1."),
        ("SECRET_KEY", SECRET, "MAESTRO_SECRET_KEY is too short: at least 32 characters."),
        (
            "OPERATION_TIMEOUT",
            "soon",
            "MAESTRO_OPERATION_TIMEOUT is not a duration: write a number of seconds, or PT30S, PT15M, P14D.",
        ),
        ("LOG_LEVEL", "loud", "MAESTRO_LOG_LEVEL does not match ^(DEBUG|INFO|WARNING|ERROR)$."),
    ],
)
def test_a_setting_that_is_not_valid_is_told_in_words(
    monkeypatch: pytest.MonkeyPatch, *, name: str, value: str, message: str
) -> None:
    monkeypatch.setenv(f"MAESTRO_{name}", value)
    shown = CliRunner().invoke(main, ["check"])
    assert shown.exit_code == 1
    assert shown.stderr == f"Error: the settings are not valid.\n  {message}\n"
