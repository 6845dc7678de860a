"""Backups by GraphQL: read, started, proved, labelled and removed."""

from typing import Any, Final
from uuid import UUID

import pytest

from maestro.db.tables.enums import Role
from maestro.ids import Kind, encode
from tests.fixtures.graphql import Api
from tests.schema.job_texts import NOON, acting_as, add, new_backup, refused, rows

START: Final = """
mutation ($input: StartBackupInput, $key: String) {
  startBackup(input: $input, idempotencyKey: $key) {
    id state kind label isEncrypted isProtected createdBy { name } job { kind state input }
  }
}"""
VERIFY: Final = "mutation ($id: ID!, $key: String) { verifyBackup(id: $id, idempotencyKey: $key) { id kind input } }"
DELETE: Final = "mutation ($id: ID!) { deleteBackup(id: $id) { kind input } }"
PRUNE: Final = "mutation ($dryRun: Boolean!) { pruneBackups(dryRun: $dryRun) { kind input } }"
UPDATE: Final = """
mutation ($id: ID!, $input: UpdateBackupInput!) { updateBackup(id: $id, input: $input) { label isProtected } }"""


def backup_id(key: UUID) -> str:
    return encode(Kind.Backup, key)


async def test_a_backup_is_read_with_its_job(api: Api) -> None:
    job = await add(api, "job", kind="BACKUP", state="SUCCEEDED")
    backup = await add(
        api, "backup", job_id=job, kind="FULL", state="SUCCEEDED", size_bytes=7_000_000_000, manifest={"files": 2}
    )
    query = """
        query ($id: ID!) {
            backup(id: $id) { kind state scope sizeBytes manifest checksum verifiedAt job { kind } }
            backups(filterText: "sizeBytes > 1") { totalCount nodes { id } } }
    """
    data = await api(query, id=encode(Kind.Backup, backup))
    assert data["backup"] == {
        "kind": "FULL",
        "state": "SUCCEEDED",
        "scope": {},
        "sizeBytes": 7_000_000_000,
        "manifest": {"files": 2},
        "checksum": None,
        "verifiedAt": None,
        "job": {"kind": "BACKUP"},
    }
    assert data["backups"] == {"totalCount": 1, "nodes": [{"id": encode(Kind.Backup, backup)}]}
    assert api.statements == 4


async def test_backups_are_filtered_and_sorted_in_one_statement(api: Api) -> None:
    await new_backup(api, label="b", is_protected=True)
    await new_backup(api, label="a", verified_at=None)
    await new_backup(api, label="c", kind="BASE")
    query = "query ($f: BackupFilter) { backups(filter: $f, sort: [{field: LABEL}]) { nodes { label isVerified } } }"
    assert (await api(query))["backups"]["nodes"] == [
        {"label": "a", "isVerified": False},
        {"label": "b", "isVerified": True},
        {"label": "c", "isVerified": True},
    ]
    assert api.statements == 1
    for wanted, found in (
        ({"isVerified": {"eq": False}}, ["a"]),
        ({"kind": {"eq": "BASE"}}, ["c"]),
        ({"isProtected": {"eq": True}, "isRemoved": {"eq": False}}, ["b"]),
    ):
        assert [one["label"] for one in (await api(query, f=wanted))["backups"]["nodes"]] == found


async def test_the_jobs_and_restores_of_many_backups_cost_a_statement_each(api: Api) -> None:
    for _ in range(3):
        job = await add(api, "job", kind="BACKUP")
        backup = await new_backup(api, job_id=job)
        await add(api, "restore", backup_id=backup, state="SUCCEEDED")
    await api("{ backups { nodes { job { id } restores(first: 2) { nodes { id backup { id } } } } } }")
    assert api.statements == 4


async def test_a_backup_is_started_with_its_job_in_one_transaction(api: Api) -> None:
    made = (await api(START, input={"label": " before ", "isProtected": True, "encrypt": False}))["startBackup"]
    (backup,), (job,) = await rows(api, "backup"), await rows(api, "job")
    assert made == {
        "id": backup_id(backup["id"]),
        "state": "QUEUED",
        "kind": "FULL",
        "label": "before",
        "isEncrypted": False,
        "isProtected": True,
        "createdBy": {"name": "Owner"},
        "job": {
            "kind": "BACKUP",
            "state": "QUEUED",
            "input": {"backupId": str(backup["id"]), "label": "before", "encrypt": False, "isProtected": True},
        },
    }
    assert (backup["job_id"], job["created_by_id"], job["dispatched_at"]) == (job["id"], api.viewer.actor_id, None)
    (entry,) = await api.runtime.db.fetch_sql("SELECT operation, target_type, target_id FROM audit_entry")
    assert (entry.operation, entry.target_type, entry.target_id) == ("startBackup", "Backup", backup["id"])


async def test_under_a_used_key_there_is_one_backup(api: Api) -> None:
    first, second = [(await api(START, key="k"))["startBackup"]["id"] for _ in range(2)]
    assert first == second
    assert (len(await rows(api, "backup")), len(await rows(api, "job"))) == (1, 1)
    await refused(api, "CONFLICT", START, input={"label": "another"}, key="k")


@pytest.mark.parametrize("state", ["SUCCEEDED", "PARTIAL"])
async def test_a_backup_is_verified_by_a_job(api: Api, state: str) -> None:
    key = await new_backup(api, state=state, verified_at=None)
    job = (await api(VERIFY, id=backup_id(key)))["verifyBackup"]
    assert (job["kind"], job["input"]) == ("VERIFY", {"backupId": str(key)})


@pytest.mark.parametrize("values", [{"state": "RUNNING"}, {"state": "FAILED"}, {"removed_at": NOON}])
async def test_what_is_not_there_is_not_verified(api: Api, values: dict[str, Any]) -> None:
    key = await new_backup(api, **values)
    await refused(api, "CONFLICT", VERIFY, id=backup_id(key))


async def test_a_backup_is_labelled_and_protected(api: Api) -> None:
    key = await new_backup(api)
    changed = await api(UPDATE, id=backup_id(key), input={"label": "keep me", "isProtected": True})
    assert changed["updateBackup"] == {"label": "keep me", "isProtected": True}
    assert (await api(UPDATE, id=backup_id(key), input={"label": ""}))["updateBackup"]["label"] == ""
    await refused(api, "BAD_USER_INPUT", UPDATE, id=backup_id(key), input={"isProtected": None})
    await refused(api, "BAD_USER_INPUT", UPDATE, id=backup_id(key), input={"label": "x" * 201})


async def test_a_backup_is_removed_by_a_job_when_another_good_one_is_left(api: Api) -> None:
    key = await new_backup(api)
    error = await refused(api, "CONFLICT", DELETE, id=backup_id(key))
    assert error["message"] == "This is the last backup that was proved good."
    await new_backup(api, verified_at=None)
    await new_backup(api, removed_at=NOON)
    await new_backup(api, kind="BASE")
    await refused(api, "CONFLICT", DELETE, id=backup_id(key))
    await new_backup(api)
    job = (await api(DELETE, id=backup_id(key)))["deleteBackup"]
    assert (job["kind"], job["input"]) == ("PRUNE", {"backupIds": [str(key)], "dryRun": False})


@pytest.mark.parametrize(
    "values", [{"is_protected": True}, {"removed_at": NOON}, {"state": "RUNNING", "verified_at": None}]
)
async def test_what_is_protected_removed_or_being_made_is_not_removed(api: Api, values: dict[str, Any]) -> None:
    await new_backup(api)
    key = await new_backup(api, **values)
    await refused(api, "CONFLICT", DELETE, id=backup_id(key))


async def test_what_has_failed_is_removed_without_further_ado(api: Api) -> None:
    key = await new_backup(api, state="FAILED", verified_at=None)
    assert (await api(DELETE, id=backup_id(key)))["deleteBackup"]["kind"] == "PRUNE"


@pytest.mark.parametrize("query", [VERIFY, DELETE])
async def test_a_base_backup_is_neither_verified_nor_removed_by_hand(api: Api, query: str) -> None:
    key = await new_backup(api, kind="BASE")
    await new_backup(api, kind="BASE")
    error = await refused(api, "CONFLICT", query, id=backup_id(key))
    assert error["message"] == "This is a base backup."


async def test_backups_are_pruned_by_a_job(api: Api) -> None:
    job = (await api(PRUNE, dryRun=True))["pruneBackups"]
    assert (job["kind"], job["input"]) == ("PRUNE", {"backupIds": None, "dryRun": True})


async def test_backups_are_the_first_organizations(foreign: Api) -> None:
    key = backup_id(await new_backup(foreign))
    for query, variables in ((START, {}), (PRUNE, {"dryRun": True}), (VERIFY, {"id": key}), (DELETE, {"id": key})):
        error = await refused(foreign, "FORBIDDEN", query, **variables)
        assert error["extensions"]["hint"] == "Switch to it, or ask whoever runs the server."
    await refused(foreign, "FORBIDDEN", UPDATE, id=key, input={"label": "x"})


@pytest.mark.parametrize("query", [VERIFY, DELETE])
async def test_a_strangers_backup_is_not_found(api: Api, foreign: Api, query: str) -> None:
    await refused(foreign, "NOT_FOUND", query, id=backup_id(await new_backup(api)))


async def test_who_maintains_makes_no_backups(api: Api) -> None:
    await refused(acting_as(api, Role.MAINTAINER), "FORBIDDEN", START)
