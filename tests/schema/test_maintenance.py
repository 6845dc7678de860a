"""Maintenance that is started by GraphQL."""

from typing import Any, Final

import pytest

from maestro.db.tables.enums import Role
from tests.fixtures.graphql import Api
from tests.schema.job_texts import acting_as, refused, rows

START: Final = """
mutation ($kind: MaintenanceKind!, $dryRun: Boolean = false, $key: String) {
  startMaintenance(kind: $kind, dryRun: $dryRun, idempotencyKey: $key) { id kind state input }
}"""


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        ("COMPACT", {}),
        ("OPTIMIZE", {"dryRun": False}),
        ("SWEEP", {"dryRun": False}),
        ("PURGE", {"dryRun": False}),
        ("HOUSEKEEPING", {"dryRun": False}),
    ],
)
async def test_each_kind_is_a_job(api: Api, kind: str, given: dict[str, Any]) -> None:
    job = (await api(START, kind=kind))["startMaintenance"]
    assert (job["kind"], job["state"], job["input"]) == (kind, "QUEUED", given)
    if given:
        assert (await api(START, kind=kind, dryRun=True))["startMaintenance"]["input"] == {"dryRun": True}
    else:
        assert (await refused(api, "BAD_USER_INPUT", START, kind=kind, dryRun=True))["extensions"]["field"] == "dryRun"


async def test_a_base_backup_has_a_row_of_its_own(api: Api) -> None:
    job = (await api(START, kind="BASE_BACKUP", key="k"))["startMaintenance"]
    (backup,) = await rows(api, "backup")
    assert (backup["kind"], backup["state"]) == ("BASE", "QUEUED")
    assert job["input"] == {"backupId": str(backup["id"]), "label": ""}
    assert (await api(START, kind="BASE_BACKUP", key="k"))["startMaintenance"]["id"] == job["id"]
    await refused(api, "CONFLICT", START, kind="COMPACT", key="k")
    assert len(await rows(api, "job")) == 1


async def test_maintenance_is_the_first_organizations(api: Api, foreign: Api) -> None:
    await refused(foreign, "FORBIDDEN", START, kind="COMPACT")
    await refused(acting_as(api, Role.MAINTAINER), "FORBIDDEN", START, kind="COMPACT")


async def test_a_purge_takes_a_permission_of_its_own(api: Api) -> None:
    admin = acting_as(api, Role.ADMIN)
    error = await refused(admin, "FORBIDDEN", START, kind="PURGE")
    assert error["extensions"]["permission"] == "trash:purge"
    assert (await admin(START, kind="SWEEP"))["startMaintenance"]["kind"] == "SWEEP"
