"""The operations of the guide to jobs do what it says, one after the other, on one job."""

import json
import re
from pathlib import Path
from typing import Any, Final

from maestro.db.tables.enums import JobKind
from maestro.ids import Kind, uuid_of
from maestro.job_inputs import INPUTS
from tests.fixtures.following import following
from tests.fixtures.graphql import Api
from tests.schema.job_texts import change

GUIDE: Final = Path(__file__).parents[2] / "docs" / "guides" / "jobs.md"
BLOCK: Final = re.compile(r"```graphql\n(?P<text>\w+ (?P<name>\w+).*?)```(?:\n\n```json\n(?P<json>.*?)```)?", re.DOTALL)
OPERATIONS: Final = {found["name"]: found for found in BLOCK.finditer(GUIDE.read_text(encoding="utf-8"))}


async def run(api: Api, name: str, **variables: Any) -> Any:
    """Run an operation of the guide with the variables that follow it, or with others."""
    found = OPERATIONS[name]
    return await api(found["text"], **(json.loads(found["json"]) if found["json"] else variables))


async def test_a_job_is_started_looked_at_followed_cancelled_and_tried_again(api: Api) -> None:
    started = (await run(api, "StartBackup"))["startBackup"]
    assert (await run(api, "StartBackup"))["startBackup"] == started
    job = started["job"]["id"]
    (listed,) = (await run(api, "Jobs"))["jobs"]["nodes"]
    assert (listed["id"], listed["state"], listed["createdBy"]) == (job, "QUEUED", {"name": "Owner"})
    async with following(api, OPERATIONS["Follow"]["text"], id=job) as events:
        assert (await anext(events))["jobUpdated"]["job"]["state"] == "QUEUED"
        assert (await run(api, "Cancel", id=job))["cancelJob"] == {"state": "CANCELLED"}
        last = (await anext(events))["jobUpdated"]
    assert last["job"]["state"] == "CANCELLED"
    assert (await run(api, "Retry", id=job))["retryJob"] == {"state": "QUEUED", "attempt": 2}
    await change(api, uuid_of(Kind.Job, job), "begun")
    async with following(api, OPERATIONS["Follow"]["text"], id=job, after=last["cursor"]) as events:
        missed = (await anext(events))["jobUpdated"]
    assert (missed["job"]["state"], [one["message"] for one in missed["events"]]) == ("QUEUED", ["begun"])


async def test_schedules_and_channels_are_made_as_the_guide_says(api: Api) -> None:
    made = (await run(api, "Nightly"))["createSchedule"]["schedule"]
    (listed,) = (await run(api, "Schedules"))["schedules"]["nodes"]
    assert (listed["name"], listed["nextRuns"][:3]) == ("nightly", made["nextRuns"])
    assert (await run(api, "Hook"))["createNotificationChannel"]["channel"]["hasSecret"]


def test_the_guide_tells_what_the_input_of_each_kind_may_hold() -> None:
    table = GUIDE.read_text(encoding="utf-8").partition("| Kind | `input` may hold |")[2].partition("\n\n")[0]
    told: dict[str, set[str]] = {}
    for row in table.splitlines()[2:]:
        kinds, names = (re.findall(r"`(\w+)`", cell) for cell in row.strip("|").split("|"))
        told |= {kind: set(names) for kind in kinds}
    known = {kind: model for kind, model in INPUTS.items() if model.is_schedulable}
    assert told.keys() == known.keys()
    for kind, wanted in told.items():
        model = known[JobKind(kind)]
        wire = {str(model.model_fields[name].alias) for name in model.model_fields if name not in model.own}
        assert wanted == wire, kind


def test_every_operation_of_the_guide_is_run_here() -> None:
    assert OPERATIONS.keys() == {
        "StartBackup",
        "Jobs",
        "Follow",
        "Cancel",
        "Retry",
        "Nightly",
        "Schedules",
        "Hook",
    }
