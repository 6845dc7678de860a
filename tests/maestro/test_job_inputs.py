"""What jobs are asked to do: stored as JSON and read back, and what clients may say of it."""

from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError
from uuid_utils.compat import uuid7

from maestro.db.tables.enums import JobKind
from maestro.errors import InvalidInput
from maestro.job_inputs import (
    INPUTS,
    BackupInput,
    JobInput,
    NotifyInput,
    OneOrganization,
    OneProject,
    PruneInput,
    RestoreInput,
    RollbackInput,
    checked,
    on_wire,
    read,
)

KEY = uuid7()


@pytest.mark.parametrize(
    "given",
    [
        BackupInput(backup_id=KEY, label="a", encrypt=True),
        PruneInput(backup_ids=(KEY,)),
        RestoreInput(restore_id=KEY, backup_id=KEY, scope=OneOrganization(organization_id=KEY, new_slug="s")),
        RestoreInput(restore_id=KEY, backup_id=KEY, scope=OneProject(project_id=KEY, new_name="n"), keep_for_s=0),
        RestoreInput(restore_id=KEY, target_time=datetime(2026, 1, 31, tzinfo=UTC), dry_run=True),
        RollbackInput(restore_id=KEY),
        NotifyInput(channel_id=KEY),
    ],
)
def test_what_is_stored_is_read_back(given: JobInput) -> None:
    assert read(type(given), given.stored()) == given


WANTED: dict[JobKind, dict[str, Any]] = {JobKind.STORAGE_SYNC: {"source_id": KEY, "target_id": KEY}}
"""What a schedule has to say."""


@pytest.mark.parametrize("kind", INPUTS)
def test_what_a_schedule_says_by_default_can_be_read(kind: JobKind) -> None:
    if INPUTS[kind].is_schedulable:
        wanted = WANTED.get(kind, {})
        assert read(INPUTS[kind], checked(kind, wanted).stored()) == INPUTS[kind](**wanted)


@pytest.mark.parametrize(
    "given",
    [{"restore_id": KEY}, {"restore_id": KEY, "backup_id": KEY, "target_time": datetime(2026, 1, 31, tzinfo=UTC)}],
)
def test_a_restore_returns_to_one_thing(given: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="either a backup or a moment is wanted"):
        RestoreInput.model_validate(given)


def test_names_are_those_of_the_schema_or_of_the_fields() -> None:
    assert checked(JobKind.BACKUP, {"isProtected": True}) == checked(JobKind.BACKUP, {"is_protected": True})


@pytest.mark.parametrize(
    ("kind", "given", "hint"),
    [
        (JobKind.BACKUP, {"backupId": str(KEY)}, "The input of BACKUP may hold label, encrypt, isProtected."),
        (JobKind.PRUNE, {"backup_ids": []}, "The input of PRUNE may hold dryRun."),
        (JobKind.COMPACT, {"dryRun": True}, "The input of COMPACT holds nothing: pass {}."),
        (JobKind.BACKUP, {"label": "a\0b"}, "The input of BACKUP may hold label, encrypt, isProtected."),
        (JobKind.BACKUP, "nightly", "The input of BACKUP may hold label, encrypt, isProtected."),
    ],
)
def test_what_clients_may_not_say_is_refused_with_what_they_may(kind: JobKind, given: Any, hint: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        checked(kind, given)
    assert refusal.value.hint == hint


def test_names_are_shown_as_the_schema_has_them() -> None:
    stored = {"backup_id": None, "scope": {"new_slug": "a_b"}, "list": [{"a_b": 1}], "x1_y": 2}
    assert on_wire(stored) == {"backupId": None, "scope": {"newSlug": "a_b"}, "list": [{"aB": 1}], "x1Y": 2}
