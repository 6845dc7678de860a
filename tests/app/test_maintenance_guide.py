"""The guide to maintenance: its commands run, its operations answer, its settings say what they are said to."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from maestro.postgres import attached
from maestro.queue.standard import BASE_BACKUP, STANDARD
from maestro.settings import Settings
from ops.database.findings import FindingKind
from tests.app.conftest import Program
from tests.fixtures.graphql import Api

GUIDE = (Path(__file__).parents[2] / "docs" / "guides" / "maintenance.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^python -m app (.*)$", GUIDE, re.MULTILINE)
OPERATIONS = re.findall(r"^```graphql\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)


def test_the_commands_run_one_after_the_other(program: Program) -> None:
    assert len(COMMANDS) == 7
    with attached(program.data):
        for command in COMMANDS:
            done = program.invoke(*command.split())
            assert (command, done.exit_code) == (command, 0), done.output


@pytest.mark.parametrize("operation", [one for one in OPERATIONS if "slowStatements" not in one])
async def test_the_operations_are_answered(api: Api, operation: str) -> None:
    assert await api(operation)


def test_every_finding_and_every_schedule_is_in_a_table() -> None:
    rows = [line for line in GUIDE.splitlines() if line.startswith("|")]
    assert {kind for row in rows for kind in re.findall(r"`([A-Z_]+)`", row)} >= {one.value for one in FindingKind}
    for one in STANDARD:
        hour = "five past each hour" if "*" in one.cron.split()[1] else "{1:0>2}:{0:0>2}".format(*one.cron.split())
        assert [row for row in rows if row.startswith(f"| {one.name} | ") and hour in row and f"`{one.kind}`" in row]
    assert "a base backup each day at {1:0>2}:{0:0>2}".format(*BASE_BACKUP.cron.split()) in GUIDE


def test_the_days_of_the_settings_are_those_of_the_table() -> None:
    told = re.findall(r"\| .* \| (\d+) days .* \| `MAESTRO_(\w+)` \|", GUIDE)
    fields: dict[str, Any] = Settings.model_fields
    assert len(told) == 7
    for days, name in told:
        assert (name, fields[name.lower()].default) == (name, timedelta(days=int(days)))
    assert fields["run_silence"].default == timedelta(days=1)
