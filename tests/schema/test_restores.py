"""Restores by GraphQL: read, started and undone."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import pytest
from uuid_utils.compat import uuid7

from maestro.db.tables.enums import Role
from maestro.ids import Kind, encode
from tests.fixtures.graphql import Api
from tests.schema.job_texts import NOON, acting_as, add, new_backup, refused, rows

START: Final = """
mutation ($id: ID!, $scope: RestoreScopeInput, $dryRun: Boolean = false, $hours: Int, $key: String) {
  startRestore(backupId: $id, scope: $scope, dryRun: $dryRun, keepForHours: $hours, idempotencyKey: $key) {
    id state scope isDryRun canRollBack backup { id } job { kind state input }
  }
}"""
TO_TIME: Final = """
mutation ($time: DateTime!, $dryRun: Boolean = false) {
  restoreToTime(time: $time, dryRun: $dryRun) { state targetTime isDryRun backup { id } job { input } }
}"""
ROLL_BACK: Final = "mutation ($id: ID!) { rollbackRestore(id: $id) { kind input } }"
LATER: Final = datetime(2100, 1, 1, tzinfo=UTC)


def backup_id(key: UUID) -> str:
    return encode(Kind.Backup, key)


def restore_id(key: UUID) -> str:
    return encode(Kind.Restore, key)


async def new_restore(api: Api, **values: Any) -> UUID:
    """A restore that can be undone unless told otherwise."""
    kept = {"kept_database": "maestro_before_20260131120000", "kept_until": LATER}
    return await add(api, "restore", **{"state": "SUCCEEDED", **kept, **values})


async def test_a_restore_is_started_with_its_job_in_one_transaction(api: Api) -> None:
    backup = await new_backup(api)
    made = (await api(START, id=backup_id(backup), hours=48))["startRestore"]
    (restore,) = await rows(api, "restore")
    assert made == {
        "id": restore_id(restore["id"]),
        "state": "QUEUED",
        "scope": {"what": "EVERYTHING"},
        "isDryRun": False,
        "canRollBack": False,
        "backup": {"id": backup_id(backup)},
        "job": {
            "kind": "RESTORE",
            "state": "QUEUED",
            "input": {
                "restoreId": str(restore["id"]),
                "backupId": str(backup),
                "targetTime": None,
                "scope": {"what": "EVERYTHING"},
                "dryRun": False,
                "keepForS": 172_800,
            },
        },
    }
    (entry,) = await api.runtime.db.fetch_sql("SELECT operation, target_type, target_id FROM audit_entry")
    assert (entry.operation, entry.target_type, entry.target_id) == ("startRestore", "Restore", restore["id"])


async def test_one_organization_or_project_is_restored_beside_the_others(api: Api) -> None:
    backup, key = backup_id(await new_backup(api)), uuid7()
    scope: dict[str, Any] = {"organization": {"id": encode(Kind.Organization, key), "newSlug": "copy"}}
    made = await api(START, id=backup, scope=scope, dryRun=True)
    assert made["startRestore"]["scope"] == {"what": "ORGANIZATION", "organizationId": str(key), "newSlug": "copy"}
    scope = {"project": {"id": encode(Kind.Project, key), "newName": "Copy"}}
    made = await api(START, id=backup, scope=scope, dryRun=True)
    assert made["startRestore"]["scope"] == {"what": "PROJECT", "projectId": str(key), "newName": "Copy"}
    assert made["startRestore"]["isDryRun"]


@pytest.mark.parametrize(
    ("variables", "field"),
    [
        ({"scope": {"everything": False}}, "scope.everything"),
        (
            {"scope": {"organization": {"id": encode(Kind.Organization, uuid7()), "newSlug": "A b"}}},
            "scope.organization.newSlug",
        ),
        ({"scope": {"project": {"id": encode(Kind.Project, uuid7()), "newName": ""}}}, "scope.project.newName"),
        ({"scope": {"project": {"id": encode(Kind.Run, uuid7()), "newName": "x"}}}, "scope.project.id"),
        ({"hours": -1}, "keepForHours"),
        ({"hours": 2161}, "keepForHours"),
    ],
)
async def test_what_cannot_be_is_refused_with_its_place(api: Api, variables: dict[str, Any], field: str) -> None:
    backup = await new_backup(api)
    error = await refused(api, "BAD_USER_INPUT", START, id=backup_id(backup), **variables)
    assert error["extensions"]["field"] == field


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"state": "RUNNING"}, "CONFLICT"),
        ({"removed_at": NOON}, "CONFLICT"),
        ({"kind": "BASE"}, "CONFLICT"),
        ({"verified_at": None}, "BACKUP_REFUSED"),
    ],
)
async def test_only_a_backup_that_was_proved_good_is_restored(api: Api, values: dict[str, Any], code: str) -> None:
    backup = await new_backup(api, **values)
    await refused(api, code, START, id=backup_id(backup))


async def test_what_was_not_proved_good_can_be_tried(api: Api) -> None:
    backup = await new_backup(api, verified_at=None)
    assert (await api(START, id=backup_id(backup), dryRun=True))["startRestore"]["isDryRun"]


async def test_one_restore_at_a_time_changes_something(api: Api) -> None:
    backup = backup_id(await new_backup(api))
    first = (await api(START, id=backup, key="k"))["startRestore"]["id"]
    assert (await api(START, id=backup, key="k"))["startRestore"]["id"] == first
    await refused(api, "CONFLICT", START, id=backup)
    kept = await new_restore(api)
    await refused(api, "CONFLICT", ROLL_BACK, id=restore_id(kept))
    assert (await api(START, id=backup, dryRun=True))["startRestore"]["isDryRun"]


async def test_a_moment_is_returned_to_from_a_base_backup(api: Api) -> None:
    await refused(api, "CONFLICT", TO_TIME, time=NOON.isoformat())
    await new_backup(api, kind="BASE", ended_at=NOON)
    early = (NOON - timedelta(seconds=1)).isoformat()
    error = await refused(api, "CONFLICT", TO_TIME, time=early)
    assert error["extensions"]["earliest"] == NOON.isoformat()
    await refused(api, "BAD_USER_INPUT", TO_TIME, time="2100-01-01T00:00:00Z")
    made = (await api(TO_TIME, time=NOON.isoformat()))["restoreToTime"]
    given = made.pop("job")["input"]
    assert made == {"state": "QUEUED", "targetTime": "2026-01-31T12:00:00.000000Z", "isDryRun": False, "backup": None}
    assert (given["targetTime"], given["backupId"]) == ("2026-01-31T12:00:00Z", None)


async def test_a_restore_is_undone_by_a_job(api: Api) -> None:
    key = await new_restore(api)
    told = await api("query ($id: ID!) { restore(id: $id) { canRollBack keptDatabase } }", id=restore_id(key))
    assert told["restore"] == {"canRollBack": True, "keptDatabase": "maestro_before_20260131120000"}
    job = (await api(ROLL_BACK, id=restore_id(key)))["rollbackRestore"]
    assert job == {"kind": "ROLLBACK", "input": {"restoreId": str(key)}}
    await refused(api, "CONFLICT", ROLL_BACK, id=restore_id(key))


@pytest.mark.parametrize("values", [{"rolled_back_at": NOON}, {"kept_until": NOON}, {"kept_database": None}])
async def test_what_is_not_kept_is_not_returned_to(api: Api, values: dict[str, Any]) -> None:
    key = restore_id(await new_restore(api, **values))
    await refused(api, "CONFLICT", ROLL_BACK, id=key)
    assert not (await api("query ($id: ID!) { restore(id: $id) { canRollBack } }", id=key))["restore"]["canRollBack"]


async def test_restores_are_listed_with_what_belongs_to_them(api: Api) -> None:
    backup, safety = await new_backup(api), await new_backup(api)
    job = await add(api, "job", kind="RESTORE")
    for state in ("SUCCEEDED", "FAILED"):
        await new_restore(api, state=state, job_id=job, backup_id=backup, safety_backup_id=safety)
    query = """query ($filter: RestoreFilter) { restores(filter: $filter) {
        nodes { state job { id } backup { id } safetyBackup { id } createdBy { name } timings verification } } }"""
    assert [one["state"] for one in (await api(query))["restores"]["nodes"]] == ["FAILED", "SUCCEEDED"]
    assert api.statements == 3
    wanted = {"backup": {"eq": backup_id(backup)}, "state": {"eq": "FAILED"}}
    assert len((await api(query, filter=wanted))["restores"]["nodes"]) == 1


async def test_restores_are_the_first_organizations_and_its_owners(api: Api, foreign: Api) -> None:
    own, first = await new_backup(foreign), await new_backup(api)
    await refused(foreign, "FORBIDDEN", START, id=backup_id(own))
    await refused(foreign, "NOT_FOUND", START, id=backup_id(first))
    await refused(foreign, "FORBIDDEN", TO_TIME, time=NOON.isoformat())
    await refused(foreign, "FORBIDDEN", ROLL_BACK, id=restore_id(await new_restore(foreign)))
    kept = restore_id(await new_restore(api))
    await refused(foreign, "NOT_FOUND", ROLL_BACK, id=kept)
    admin = acting_as(api, Role.ADMIN)
    await refused(admin, "FORBIDDEN", START, id=backup_id(first), dryRun=True)
    await refused(admin, "FORBIDDEN", ROLL_BACK, id=kept)
