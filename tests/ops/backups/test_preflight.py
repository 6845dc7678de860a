"""What is looked at before a backup is begun, and what is said of what is missing."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import make_url

from connectors.stores import LocalStore
from maestro.errors import PreflightFailed
from ops.backups import preflight
from ops.backups.making import Destination, Installation
from ops.backups.preflight import check_backup, require_ready
from ops.backups.sealing import Seal
from ops.backups.servers import connected
from tests.ops.backups.installations import everything_in

NAMES = ["key", "store", "database", "rows", "databases", "programs", "schema", "room"]


async def failing(installation: Installation, destination: Destination) -> dict[str, str]:
    checks = await check_backup(installation, destination)
    return {check.name: check.result for check in checks if not check.is_passed}


@pytest.fixture
async def poor(installation: Installation) -> AsyncIterator[Installation]:
    """The same installation by an account that may log in, and nothing else."""
    async with connected(installation.url) as connection:
        await connection.execute("CREATE ROLE poor LOGIN PASSWORD 'poor'")
        url = make_url(installation.url).set(username="poor", password="poor").render_as_string(hide_password=False)
        yield replace(installation, url=url)
        await connection.execute("DROP ROLE poor")


async def test_everything_is_in_order_and_nothing_is_left_of_looking(
    installation: Installation, destination: Destination, tmp_path: Path
) -> None:
    checks = await require_ready(replace(installation, cluster=tmp_path), destination)
    assert [check.name for check in checks] == NAMES
    assert all(check.plain["isPassed"] and check.plain["hint"] is None for check in checks)
    assert destination.store.folder is not None
    assert everything_in(destination.store.folder) == []


async def test_an_account_that_sees_no_rows_and_makes_no_databases_is_told(
    poor: Installation, destination: Destination
) -> None:
    with pytest.raises(PreflightFailed) as raised:
        await require_ready(poor, destination)
    found = {check["name"]: check for check in raised.value.details["checks"] if not check["isPassed"]}
    assert set(found) == {"rows", "databases"}
    assert found["databases"]["hint"].endswith('ALTER ROLE "poor" CREATEDB;')
    assert raised.value.hint == "Set MAESTRO_OPERATIONS_URL to the account that owns the tables."


async def test_a_server_that_is_away_a_missing_key_and_a_store_that_cannot_be_written_are_told_at_once(
    installation: Installation, destination: Destination, tmp_path: Path
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    broken = replace(destination, store=LocalStore(blocked / "store"), seal=Seal("0123456789abcdef", ()))
    found = await failing(replace(installation, url="postgresql://x@127.0.0.1:1/x"), broken)
    assert set(found) == {"key", "store", "database"}
    assert found["store"].startswith("write: ")


async def test_a_schema_of_another_version_is_told(
    empty_database_url: str, installation: Installation, destination: Destination
) -> None:
    found = await failing(replace(installation, url=empty_database_url), destination)
    assert found == {"schema": "revision None, unknown to this version"}


async def test_a_disk_with_too_little_room_is_told(
    installation: Installation, destination: Destination, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preflight, "SPARE", 10**15)
    found = await failing(installation, destination)
    assert set(found) == {"room"}
