"""Accounts of the database: what each of them lacks, and what a superuser has to run for it."""

import asyncio
import tempfile
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy import make_url

from maestro.db import migrate, roles
from maestro.errors import StartupError
from maestro.postgres import EmbeddedPostgres

PASSWORD = "not a secret: the server of a test listens on a socket of its own"
EVERY_ROLE = (*roles.ROLES, roles.LOGIN)


@pytest.fixture(scope="module")
def superuser(reachable_folder: Path) -> Iterator[str]:
    """A server of this module's own, since roles belong to all databases of a server, by its superuser's URL."""
    folder = Path(tempfile.mkdtemp(dir=reachable_folder))
    folder.chmod(0o711)
    with EmbeddedPostgres(folder) as address:
        yield address.url()


@pytest.fixture
def owner(superuser: str) -> Iterator[str]:
    """The owner of an empty database without any right beside it; the server's roles do not exist."""
    execute(superuser, f"CREATE ROLE ml LOGIN PASSWORD '{PASSWORD}'", "CREATE DATABASE ml OWNER ml")
    yield make_url(superuser).set(username="ml", password=PASSWORD, database="ml").render_as_string(hide_password=False)
    databases = [f"DROP DATABASE IF EXISTS {name} WITH (FORCE)" for name in ("ml", "ml_jobs")]
    execute(superuser, *databases, "DROP OWNED BY ml")
    execute(superuser, *(f"DROP ROLE IF EXISTS {name}" for name in (roles.LOGIN, *roles.ROLES, "ml")))


def execute(url: str, *statements: str) -> None:
    async def run() -> None:
        plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
        connection = await asyncpg.connect(plain)
        try:
            for statement in statements:
                await connection.execute(statement)
        finally:
            await connection.close()

    asyncio.run(run())


def test_an_account_without_the_right_to_make_roles_is_told_the_sql_that_a_superuser_runs(
    superuser: str, owner: str
) -> None:
    with pytest.raises(StartupError, match="The account ml lacks roles of the database") as refusal:
        roles.require(owner)
    assert migrate.current(owner) is None
    sql = (refusal.value.hint or "").partition("try again: ")[2]
    assert [name for name in EVERY_ROLE if f"CREATE ROLE {name} " not in sql] == []
    execute(superuser, *sql.rstrip(";").split("; "))
    roles.require(owner)
    migrate.upgrade(owner)
    assert roles.standing(owner) == roles.Standing(
        account="ml",
        is_superuser=False,
        bypasses=False,
        creates_roles=False,
        jobs_database="ml_jobs",
        has_jobs_database=True,
        owns_tables=True,
        missing=[],
        denied=[],
    )


def test_an_account_that_makes_roles_makes_what_it_needs(superuser: str, owner: str) -> None:
    execute(superuser, "ALTER ROLE ml CREATEROLE")
    assert set(roles.standing(owner).missing) == set(EVERY_ROLE)
    roles.require(owner)
    migrate.upgrade(owner)
    found = roles.standing(owner)
    assert (found.missing, found.denied) == ([], [])
    execute(owner, *(f"SET ROLE {name}" for name in roles.ROLES))


def test_roles_that_exist_and_are_closed_to_the_account_are_told(superuser: str, owner: str) -> None:
    execute(superuser, *(f"CREATE ROLE {name}" for name in EVERY_ROLE))
    found = roles.standing(owner)
    assert (found.missing, set(found.denied)) == ([], set(roles.ROLES))
    with pytest.raises(StartupError) as refusal:
        roles.require(owner)
    sql = (refusal.value.hint or "").partition("try again: ")[2]
    assert "CREATE ROLE" not in sql
    execute(superuser, *sql.rstrip(";").split("; "))
    roles.require(owner)
    migrate.upgrade(owner)


def test_the_servers_account_owns_nothing_and_takes_on_its_roles(superuser: str, owner: str) -> None:
    in_ml = make_url(superuser).set(database="ml").render_as_string(hide_password=False)
    migrate.upgrade(in_ml)
    assert roles.prepare(in_ml, password=PASSWORD)
    server = roles.as_server(in_ml, PASSWORD)
    found = roles.standing(server)
    assert (found.owns_tables, found.bypasses, found.denied) == (False, False, [])
    migrate.require_current(server)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        execute(server, "SELECT 1 FROM run")
    execute(server, "SET ROLE maestro_system", "SELECT 1 FROM run")


def test_a_superuser_bypasses_row_level_security(superuser: str) -> None:
    assert roles.standing(superuser).bypasses


def test_without_a_superuser_nothing_is_prepared_and_that_is_no_error(superuser: str, owner: str) -> None:
    execute(superuser, "ALTER ROLE ml CREATEROLE")
    migrate.upgrade(owner)
    assert not roles.prepare(owner, password=PASSWORD)
