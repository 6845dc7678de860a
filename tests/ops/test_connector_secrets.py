"""Stored credentials: read with their key, and wrapped anew without ever being out of reach."""

import asyncio
from collections.abc import Sequence
from uuid import UUID

import pytest
from pydantic import SecretStr
from uuid_utils.compat import uuid7

from maestro.credentials import Credential, PostgresqlCredential
from maestro.db.engine import Database
from maestro.errors import MasterKeyMissing
from maestro.vault import MasterKeys, Vault, key_id
from ops.connector_secrets import place_of
from ops.connectors.opening import credential_of, find
from ops.sealed_rows import BATCH, Rewrapped, counts, rewrap

OLD, NEW, LOST = (bytes([n]) * 32 for n in range(3))
CREDENTIAL = PostgresqlCredential(password=SecretStr("hush"))


def vault(*keys: bytes) -> Vault:
    return Vault(lambda: MasterKeys(keys))


async def stored(db: Database, n: int, *, key: bytes = OLD) -> list[UUID]:
    """So many connectors with credentials under a master key, sorted by their ids."""
    organization, connectors, by = uuid7(), [uuid7() for _ in range(n)], vault(key)
    sealed = [by.seal(CREDENTIAL.sealable(), belongs_to=place_of(organization, one)) for one in connectors]
    async with db.transaction() as tx:
        await tx.fetch_sql("INSERT INTO organization (id, slug, name) VALUES ($1, $2, 'O')", organization, key_id(key))
        await tx.fetch_sql(
            "INSERT INTO connector (id, organization_id, kind, name, config) "
            "SELECT id, $1, 'POSTGRESQL', id::text, jsonb_build_object('host', 'db', 'database', 'd', 'user', 'u') "
            "FROM unnest($2::uuid[]) AS made (id)",
            organization,
            connectors,
        )
        await tx.fetch_sql(
            "INSERT INTO connector_secret (organization_id, connector_id, key_id, wrapped_key, ciphertext) "
            "SELECT $1, * FROM unnest($2::uuid[], $3::text[], $4::bytea[], $5::bytea[])",
            organization,
            connectors,
            [one.key_id for one in sealed],
            [one.wrapped_key for one in sealed],
            [one.ciphertext for one in sealed],
        )
    return sorted(connectors)


async def read(db: Database, by: Vault, connector: UUID) -> Credential | None:
    ((organization,),) = await db.fetch_sql("SELECT organization_id FROM connector WHERE id = $1", connector)
    return credential_of(await find(db, connector, organization), by)


async def opens(db: Database, by: Vault, connectors: Sequence[UUID]) -> bool:
    return all([await read(db, by, connector) == CREDENTIAL for connector in connectors])


async def test_a_connector_without_a_credential_has_none(db: Database) -> None:
    (connector,) = await stored(db, 1)
    async with db.transaction() as tx:
        await tx.fetch_sql("DELETE FROM connector_secret WHERE connector_id = $1", connector)
    assert await read(db, vault(OLD), connector) is None


async def test_every_secret_is_wrapped_by_the_current_key_and_the_old_one_is_needed_no_more(db: Database) -> None:
    connectors = await stored(db, 2 * BATCH + 1)
    assert await rewrap(db, vault(NEW, OLD)) == Rewrapped(secrets=2 * BATCH + 1)
    assert await counts(db) == {key_id(NEW): 2 * BATCH + 1}
    assert await opens(db, vault(NEW), connectors)


async def test_wrapping_anew_what_is_under_the_current_key_does_nothing(db: Database) -> None:
    await stored(db, 3)
    assert await rewrap(db, vault(OLD)) == Rewrapped()


async def test_a_rewrapping_that_is_cut_off_leaves_every_secret_openable_and_goes_on(db: Database) -> None:
    connectors = await stored(db, 3 * BATCH)
    both = vault(NEW, OLD)
    async with db.transaction() as tx:
        # The second batch waits for this row until the time is up.
        await tx.fetch_sql(
            "SELECT 1 FROM connector_secret WHERE connector_id = $1 FOR UPDATE", connectors[BATCH + BATCH // 2]
        )
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(rewrap(db, both), 2)
    assert await counts(db) == {key_id(NEW): BATCH, key_id(OLD): 2 * BATCH}
    assert await opens(db, both, connectors)
    assert await rewrap(db, both) == Rewrapped(secrets=2 * BATCH)
    assert await opens(db, vault(NEW), connectors)


async def test_a_secret_under_a_lost_key_is_left_alone(db: Database) -> None:
    (lost,) = await stored(db, 1, key=LOST)
    kept = await stored(db, 1)
    assert await rewrap(db, vault(NEW, OLD)) == Rewrapped(secrets=1)
    assert await opens(db, vault(NEW), kept)
    assert await counts(db) == {key_id(LOST): 1, key_id(NEW): 1}
    with pytest.raises(MasterKeyMissing):
        await read(db, vault(NEW), lost)
    assert await opens(db, vault(NEW, LOST), [lost])


async def test_a_damaged_secret_is_counted_and_holds_up_no_other(db: Database) -> None:
    connectors = await stored(db, 3)
    async with db.transaction() as tx:
        await tx.fetch_sql("UPDATE connector_secret SET wrapped_key = 'x' WHERE connector_id = $1", connectors[1])
    assert await rewrap(db, vault(NEW, OLD)) == Rewrapped(secrets=2, damaged=1)
    assert await opens(db, vault(NEW), [connectors[0], connectors[2]])
